"""Whether a worker that reads one document after another grows.

    python benchmarks/extract_memory.py [--data DIR] [--shipped] [--pages 20000]

One process runs the extract stage (no OCR) over every PDF below DIR, again and again in one fixed
order, until 20,000 pages are read; resident memory is sampled after each document. The first
quarter is warm-up. Samples within a pass over the files are not independent (each file leaves its
own mark), so the test is on the means of whole passes: ``slope_p`` is the two-sided p-value of
Kendall's tau between the number of the pass and its mean (Mann 1945), and the slope itself is the
median of pairwise slopes (Theil 1950, Sen 1968), in MB for a thousand pages.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import harness
import numpy as np
import psutil
import pyarrow as pa
from scipy.stats import kendalltau, theilslopes

from goldsmith.extract import ExtractStage
from goldsmith.extract.files import PDF
from goldsmith.lake.ids import content_id
from goldsmith.project import ExtractSettings

WARM_UP = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--shipped", action="store_true", help="nothing is trained here anyway")
    parser.add_argument("--pages", type=int, default=20_000)
    options = parser.parse_args()
    stage = ExtractStage(ExtractSettings(ocr="never", maximum_pages=100_000))
    contents = [path.read_bytes() for path in sorted(options.data.rglob("*.pdf"))]
    held = sum(map(len, contents)) / 2**20
    process = psutil.Process()
    read, peak = 0, 0.0
    passes: list[float] = []
    ends: list[int] = []
    while read < options.pages:
        samples = []
        for content in contents:
            read += pages_of(stage, content)
            samples.append(process.memory_info().rss / 2**20)
        passes.append(float(np.mean(samples)))
        ends.append(read)
        peak = max(peak, *samples)
    warm = int(np.searchsorted(ends, WARM_UP * read))
    kept, at = passes[warm:], np.array(ends[warm:]) / 1000
    slope, _, low, high = theilslopes(kept, at)
    figures = {
        "slope_p": round(float(kendalltau(at, kept).pvalue), 4),
        "slope_mb_per_1000_pages": round(float(slope), 4),
        "slope_interval": [round(float(low), 4), round(float(high), 4)],
        "worker_mb": round(peak - held, 1),
        "files_in_memory_mb": round(held, 1),
        "first_mb": round(kept[0], 1),
        "last_mb": round(kept[-1], 1),
        "pages": read,
        "passes": len(passes),
    }
    harness.print_result("extract_memory", figures)


def pages_of(stage: ExtractStage, content: bytes) -> int:
    row = {
        "id": content_id("document", content),
        "uri": "a",
        "media_type": PDF,
        "size": len(content),
        "content": content,
    }
    (document,) = stage.run({"files": pa.Table.from_pylist([row])})["documents"].to_pylist()
    return int(document["pages"])


if __name__ == "__main__":
    main()
