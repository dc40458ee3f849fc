"""Pages a second of the text-layer path, beside pdfium's own plain text on the same files.

    python benchmarks/extract_pages.py FILE.pdf ...

Three rounds each, the best counts. The last line is JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

from goldsmith.extract.pdf import read_pdf
from goldsmith.project import ExtractSettings


def ours(content: bytes) -> int:
    return len(read_pdf(content, ExtractSettings(ocr="never", maximum_pages=100_000)).pages)


def bare(content: bytes) -> int:
    document = pypdfium2.PdfDocument(content)
    for page in document:
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
    count = len(document)
    document.close()
    return count


def pages_per_second(read: Callable[[bytes], int], contents: list[bytes]) -> float:
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        pages = sum(read(content) for content in contents)
        best = max(best, pages / (time.process_time() - start))
    return best


def main() -> None:
    contents = [Path(name).read_bytes() for name in sys.argv[1:]]
    result = {
        "pages_per_cpu_second": round(pages_per_second(ours, contents), 1),
        "bare_pdfium": round(pages_per_second(bare, contents), 1),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
