"""How right the extracted text is: one book against its hand-made text, and small facts of pages.

    python benchmarks/extract_quality.py [--data DIR] [--shipped] [--verbose]

``geotopo``: Indel similarity of the pages' texts, joined in order, with the hand-made text; on both
sides ligatures become letters, words divided at line ends are joined, page labels ("i", "42"
standing alone) go, and white space is one space.

``facts_*`` and ``tables``: the facts of olmOCR-bench on the documents with a text layer, judged
on what we give out after tagging (MMD). The rules are those of the set: white space, quotes and
dashes are made alike; a phrase is present if a stretch of the output differs from it by
``max_diffs`` at the most; absent is the opposite; order asks for one place of the first before one
place of the second; a table fact asks for a cell with the neighbours or headings it names. What
bare pdfium text reaches stands beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import harness
import pypdfium2
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, Levenshtein

from goldsmith.extract import to_mmd
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import tables_of
from goldsmith.lake.ids import content_id
from goldsmith.project import ExtractSettings, RefineSettings
from goldsmith.refine import Tag

SETTINGS = ExtractSettings(ocr="never", maximum_pages=100_000)
_ALIKE = {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "＿": "_", "–": "-", "—": "-",
          "‑": "-", "‒": "-", "−": "-", "\u00ad": "-", "\ufffe": "-", "\u0002": "-"}  # fmt: skip
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
Fact = dict[str, Any]
Grid = list[list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--shipped", action="store_true", help="nothing is trained here anyway")
    parser.add_argument("--verbose", action="store_true", help="print the facts that fail")
    options = parser.parse_args()
    folder = options.data / "extraction"
    figures: dict[str, object] = {}
    (book,) = sorted((folder / "geotopo").glob("*.pdf"))
    (truth,) = sorted((folder / "geotopo").glob("*.txt"))
    ours = "\n".join(pages_of(book.read_bytes()))
    figures["geotopo"] = round(similarity(ours, truth.read_text("utf-8")), 4)
    figures["geotopo_pdfium"] = round(
        similarity(bare(book.read_bytes()), truth.read_text("utf-8")), 4
    )
    figures |= facts(folder / "olmocr-bench", options.verbose)
    harness.print_result("extract_quality", figures)


def pages_of(content: bytes) -> list[str]:
    pages: dict[int, list[str]] = defaultdict(list)
    for line in read_pdf(content, SETTINGS).lines:
        pages[line.page].append(line.text.replace("\t", " "))
    return ["\n".join(pages[page]) for page in sorted(pages)]


def similarity(one: str, other: str) -> float:
    return float(Indel.normalized_similarity(cleaned(one), cleaned(other)))


def cleaned(text: str) -> str:
    for ligature, letters in _LIGATURES.items():
        text = text.replace(ligature, letters)
    text = re.sub(r"[\u00ad\ufffe\u0002]", "-", text.replace("\r", ""))
    text = re.sub(r"(?<=[^\W\d_])-\n\s*(?=[^\W\d_])", "", text)
    text = re.sub(r"(?m)^\s*(?:\d{1,3}|[ivxl]{1,6})\s*$", "", text)
    return " ".join(text.split())


def bare(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return text


def refined(content: bytes) -> str:
    row = {"id": content_id("document", content), "uri": "a", "media_type": "application/pdf"}
    tables = tables_of(row | {"size": len(content)}, read_pdf(content, SETTINGS))
    tags = Tag(RefineSettings()).run(tables)["tags"].select(["line", "label"]).to_pylist()
    return to_mmd(tables["lines"], {tag["line"]: tag["label"] for tag in tags})


def facts(folder: Path, verbose: bool) -> dict[str, object]:
    by_file: dict[str, list[Fact]] = defaultdict(list)
    for line in (folder / "tests.jsonl").read_text("utf-8").splitlines():
        fact = json.loads(line)
        by_file[fact["pdf"]].append(fact)
    held: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name in sorted(by_file):
        content = (folder / "pdfs" / name).read_bytes()
        raw = bare(content)
        if len(raw.split()) < 10:
            continue  # a scan
        text = refined(content)
        grids = [*pipes(text), *html_tables(text)]
        for fact in by_file[name]:
            judge = JUDGES.get(fact["type"])
            if judge is None:
                continue
            right = judge(fact, text, grids)
            held[fact["type"]].append((right, judge(fact, raw, [])))
            if verbose and not right:
                print(json.dumps({"failed": fact}, ensure_ascii=False))
    figures: dict[str, object] = {}
    for kind, name in (("present", "facts_present"), ("absent", "facts_absent"),
                       ("order", "facts_order"), ("table", "tables")):  # fmt: skip
        results = held[kind]
        figures[name] = round(sum(right for right, _ in results) / max(len(results), 1), 4)
        figures[f"{name}_n"] = len(results)
        if kind != "table":
            raw_share = sum(right for _, right in results) / max(len(results), 1)
            figures[f"{name}_raw"] = round(raw_share, 4)
    return figures


def normal(text: str) -> str:
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
    text = re.sub(r"<br/?>", " ", text)
    text = re.sub(r"\*\*(.*?)\*\*|__(.*?)__|(?<!\w)\*(.*?)\*(?!\w)", r"\1\2\3", text)
    for odd, plain in _ALIKE.items():
        text = text.replace(odd, plain)
    return text


def holds(phrase: str, text: str, diffs: int) -> bool:
    return fuzz.partial_ratio(phrase, text) / 100 >= 1.0 - diffs / max(len(phrase), 1)


def is_present(fact: Fact, text: str, _: list[Grid]) -> bool:
    phrase, text = normal(fact["text"]), normal(text)
    if fact.get("first_n") or fact.get("last_n"):
        first, last = fact.get("first_n") or 0, fact.get("last_n") or 0
        text = text[:first] + (text[-last:] if last else "")
    if not fact.get("case_sensitive", True):
        phrase, text = phrase.lower(), text.lower()
    return len(text) >= len(phrase) and holds(phrase, text, int(fact.get("max_diffs", 0)))


def is_absent(fact: Fact, text: str, grids: list[Grid]) -> bool:
    return not is_present(fact, text, grids)


def is_ordered(fact: Fact, text: str, _: list[Grid]) -> bool:
    text, diffs = normal(text), int(fact.get("max_diffs", 0))
    before = places(normal(fact["before"]), text, diffs)
    after = places(normal(fact["after"]), text, diffs)
    return bool(before and after and min(before) < max(after))


def places(phrase: str, text: str, diffs: int) -> list[int]:
    """Where the phrase begins, with so many differences at the most."""
    if diffs == 0:
        return [found.start() for found in re.finditer(re.escape(phrase), text)]
    found, start = [], 0
    while start < len(text):
        best = fuzz.partial_ratio_alignment(phrase, text[start:])
        if best is None:
            break
        piece = text[start + best.dest_start : start + best.dest_end]
        if Levenshtein.distance(phrase, piece) > diffs:
            break
        found.append(start + best.dest_start)
        start += best.dest_end
    return found


def is_in_table(fact: Fact, _: str, grids: list[Grid]) -> bool:
    diffs = int(fact.get("max_diffs", 0))

    def like(asked: str, cell: str) -> bool:
        asked, cell = normal(asked), normal(cell)
        least = max(0.5, 1.0 - diffs / max(len(asked), 1))
        return bool(fuzz.ratio(asked, cell) / 100 >= least)

    for grid in grids:
        for row, cells in enumerate(grid):
            for column, cell in enumerate(cells):
                if like(fact["cell"], cell) and all(
                    any(like(fact[side], other) for other in look(grid, row, column))
                    for side, look in SIDES.items()
                    if fact.get(side)
                ):
                    return True
    return False


def _at(row_step: int, column_step: int) -> Callable[[Grid, int, int], list[str]]:
    def look(grid: Grid, row: int, column: int) -> list[str]:
        row, column = row + row_step, column + column_step
        inside = 0 <= row < len(grid) and 0 <= column < len(grid[row])
        return [grid[row][column]] if inside else []

    return look


def _top(grid: Grid, row: int, column: int) -> list[str]:
    """The heads of a column: what stands in its first filled rows, down to the cell."""
    above = [grid[other][column] for other in range(row) if column < len(grid[other])]
    return [cell for cell in above if cell.strip()][:3]


def _left(grid: Grid, row: int, column: int) -> list[str]:
    return [cell for cell in grid[row][:column] if cell.strip()][:1]


SIDES: dict[str, Callable[[Grid, int, int], list[str]]] = {
    "up": _at(-1, 0),
    "down": _at(1, 0),
    "left": _at(0, -1),
    "right": _at(0, 1),
    "top_heading": _top,
    "left_heading": _left,
}
JUDGES: dict[str, Callable[[Fact, str, list[Grid]], bool]] = {
    "present": is_present,
    "absent": is_absent,
    "order": is_ordered,
    "table": is_in_table,
}


def pipes(text: str) -> list[Grid]:
    """The Markdown tables."""
    grids: list[Grid] = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line.startswith("|")]
        if len(lines) >= 2 and set(lines[1]) <= set("|-: "):
            rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in [lines[0], *lines[2:]]]
            grids.append([[cell.strip().replace("\\|", "|") for cell in row] for row in rows])
    return grids


def html_tables(text: str) -> list[Grid]:
    reader = _Tables()
    reader.feed(text)
    return reader.grids


class _Tables(HTMLParser):
    """HTML tables as grids; a cell that spans columns stands in each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self.span = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.grids.append([])
        elif tag == "tr" and self.grids:
            self.grids[-1].append([])
        elif tag in ("td", "th") and self.grids and self.grids[-1]:
            self.span = int(dict(attrs).get("colspan") or 1)
            self.grids[-1][-1] += [""] * self.span

    def handle_data(self, data: str) -> None:
        if self.span:
            row = self.grids[-1][-1]
            for column in range(len(row) - self.span, len(row)):
                row[column] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.span = 0


if __name__ == "__main__":
    main()
