"""How fast lines come out of PDFs, as a share of what pdfium's bare text costs.

    python benchmarks/extract_speed.py [--data DIR] [--shipped] [--rounds N]

Every PDF below DIR that has a text layer, one core, no OCR. In each round each file is read in turn
by bare pypdfium2 (plain text of every page), by us (lines in reading order with boxes and fonts),
and by us with the tagger (tables of lines, and a tag for each). pdfminer.six takes minutes on what
takes us seconds, so it reads only the first pages of each file, once, and we beside it. Figures
are ratios of pages per CPU second: the median over the rounds, with the spread.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import harness
import pypdfium2
from pdfminer.high_level import extract_text

from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import ReadingError, tables_of
from goldsmith.lake.ids import content_id
from goldsmith.project import ExtractSettings, RefineSettings
from goldsmith.refine import Tag

SETTINGS = ExtractSettings(ocr="never", maximum_pages=100_000)
PDFMINER_PAGES = 4  # of each file
LEAST_CHARACTERS = 100  # a page; a file with fewer is a scan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--shipped", action="store_true", help="nothing is trained here anyway")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    contents = [path.read_bytes() for path in sorted(options.data.rglob("*.pdf"))]
    contents = [content for content in contents if has_text(content)]
    for content in contents:  # once before the clock runs: imports, caches, tables of letters
        ours(content)
        tagged(content)
    plain: list[float] = []
    with_tags: list[float] = []
    for _ in range(options.rounds):
        seconds = {"bare": 0.0, "ours": 0.0, "tagged": 0.0}
        for content in contents:
            seconds["bare"] += clocked(bare, content)
            seconds["ours"] += clocked(ours, content)
            seconds["tagged"] += clocked(tagged, content)
        plain.append(seconds["bare"] / seconds["ours"])
        with_tags.append(seconds["bare"] / seconds["tagged"])
    pages = sum(bare(content) for content in contents)
    heads = [head(content) for content in contents]
    ratios = [clocked(pdfminer, one) / clocked(ours, one) for one in heads]
    total = sum(clocked(pdfminer, one) for one in heads) / sum(clocked(ours, one) for one in heads)
    figures = {
        "ratio_pdfium": round(statistics.median(plain), 3),
        "ratio_pdfium_spread": [round(min(plain), 3), round(max(plain), 3)],
        "ratio_pdfium_tagged": round(statistics.median(with_tags), 3),
        "ratio_pdfium_tagged_spread": [round(min(with_tags), 3), round(max(with_tags), 3)],
        "ratio_pdfminer": round(total, 1),
        "ratio_pdfminer_files": round(statistics.median(ratios), 1),
        "pages_per_second": round(pages / sum(clocked(ours, content) for content in contents), 1),
        "files": len(contents),
        "pages": pages,
    }
    harness.print_result("extract_speed", figures)


def clocked(read: Callable[[bytes], int], content: bytes) -> float:
    start = time.process_time()
    read(content)
    return time.process_time() - start


def has_text(content: bytes) -> bool:
    try:
        reading = read_pdf(content, SETTINGS)
    except ReadingError:
        return False
    characters = sum(len(line.text) for line in reading.lines)
    return characters >= LEAST_CHARACTERS * len(reading.pages)


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


def ours(content: bytes) -> int:
    return len(read_pdf(content, SETTINGS).lines)


def tagged(content: bytes) -> int:
    row = {"id": content_id("document", content), "uri": "a", "media_type": "application/pdf"}
    tables = tables_of(row | {"size": len(content)}, read_pdf(content, SETTINGS))
    return Tag(RefineSettings()).run(tables)["tags"].num_rows


def pdfminer(content: bytes) -> int:
    return len(extract_text(io.BytesIO(content)))


def head(content: bytes) -> bytes:
    """The first pages of a PDF as a file of their own."""
    document = pypdfium2.PdfDocument(content)
    part = pypdfium2.PdfDocument.new()
    part.import_pages(document, list(range(min(PDFMINER_PAGES, len(document)))))
    output = io.BytesIO()
    part.save(output)
    part.close()
    document.close()
    return output.getvalue()


if __name__ == "__main__":
    main()
