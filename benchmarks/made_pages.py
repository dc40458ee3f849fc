"""Papers with known labels: typeset from any text, read by our own extraction, labelled by ink.

    python benchmarks/made_pages.py [--texts PATH ...] [--count 40] [--seed 0] [--write FOLDER]

`make` draws a layout (`made_layout`), typesets it and extracts it; a line's label is the ink of the
letters in its box. A running head and a page number that were read as one line are a HEADER; a
paper with any other line of mixed ink is dropped, so every line has its true label. The same texts
and seed give the same pages and labels.

Figures, of papers made of the handbook's sources unless `--texts` names others: `f1_title`,
`f1_author`, `f1_annex` of the stage that tags (a line of an appendix counts as found if it is ANNEX
or has a label of its own kind), and F1 of the trained tagger as `line_tagger.py` gives them.
`--write FOLDER` leaves each paper as PDF with its lines and labels beside it.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pypdfium2
import pypdfium2.raw as pdfium
import typst
from harness import HANDBOOK, print_result
from made_layout import compose
from made_pieces import LABELS, STEP

from goldsmith.extract import ExtractStage
from goldsmith.lake.ids import content_id
from goldsmith.pipeline.stage import Tables
from goldsmith.project import ExtractSettings, RefineSettings
from goldsmith.refine import Tag
from goldsmith.refine.line_features import line_features
from goldsmith.refine.line_model import CLASSES, decide, line_probabilities, shipped_weights
from goldsmith.refine.line_tagger import layout_of
from goldsmith.refine.lines import Line, read_lines

#: What the hand-labelled papers call it; all else is body.
HAND_LABELS = {
    "TITLE": "header",
    "AUTHOR": "header",
    "FRONT": "header",
    "ABSTRACT": "header",
    "REFERENCE": "reference",
    "HEADER": "headnote",
    "FOOTER": "headnote",
    "PAGE_NUMBER": "page_number",
    "FOOTNOTE": "footnote",
    "ANNEX": "annex",
    "ANNEX HEADING": "annex",
}
CLASS_OF_LABEL = {"header": "front", "body": "kept", "annex": "kept"}  # of the trained tagger
FURNITURE = frozenset({"HEADER", "FOOTER", "PAGE_NUMBER"})
SURE = 0.9  # of a line's letters that must have one ink
SUFFIXES = (".txt", ".md", ".typ", ".jsonl")
_PLAIN = re.compile(r"[\w\s.,;:!?()'\"’“”‘–—/%&+=\[\]-]+")
_MARKUP = re.compile(r"[`*_#>|$\\]|\{[^}]*\}|!?\[(?=[^\]]*\]\()|\]\([^)]*\)|<[^>]*>")


@dataclass(frozen=True)
class Made:
    """A made paper. ``labels`` are LABELS of made_pieces, one for each line in reading order."""

    name: str
    pdf: bytes
    pieces: list[tuple[str, str]]  # what was typeset: label, text
    tables: Tables  # what was read
    lines: list[Line]
    labels: list[str]

    @property
    def hand_labels(self) -> list[str]:
        """The labels as the hand-labelled papers have them."""
        return [HAND_LABELS.get(label, "body") for label in self.labels]


def paragraphs_of(path: Path) -> list[str]:
    """Paragraphs of a text file or of all in a folder; of JSON lines, "text" or the abstract."""
    found = []
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if not file.name.removesuffix(".gz").endswith(SUFFIXES):
            continue
        content = file.read_bytes()
        text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")
        if ".jsonl" in file.name:
            rows = [json.loads(line) for line in text.splitlines()]
            parts = [row.get("text") or " ".join(row.get("abstract", ())) for row in rows]
        else:
            parts = re.split(r"\n\s*\n", text)
            parts = parts if len(parts) > 20 else text.splitlines()
        for part in parts:
            if part.startswith(("---", "|", "```", "#")):
                continue
            plain = " ".join(_MARKUP.sub("", part).split())
            found += _pieces(plain)
    return found


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs of up to 900 characters, of letters that the fonts have."""
    while len(text) >= 120:
        cut = len(text) if len(text) < 900 else text.rfind(". ", 200, 900) + 1
        if cut <= 0:
            return
        piece, text = text[:cut].strip(), text[cut:].strip()
        if _PLAIN.fullmatch(piece) and max(map(ord, piece)) < 0x2030 and len(piece) >= 120:
            yield piece


def make(texts: Sequence[str], seed: int) -> Made | None:
    """Return a paper of these paragraphs, None where a line's label cannot be told."""
    source, pieces = compose(texts, seed)
    pdf = typst.compile(source.encode(), ignore_system_fonts=True, timestamp=0)
    tables = read(pdf)
    lines = [line for line in read_lines(tables["lines"]) if not line.replaced]
    letters = inked(pdf)
    labels = [label_of(line, letters[line.page - 1]) for line in lines]
    if not lines or not all(labels):
        return None
    return Made(f"made-{seed}", pdf, pieces, tables, lines, labels)


def made_papers(texts: Sequence[str], count: int, seed: int) -> list[Made]:
    """Return ``count`` papers, or fewer where half of the drawn ones had to be dropped."""
    found: list[Made] = []
    for number in range(2 * count):
        if len(found) < count and (made := make(texts, seed * 100_000 + number)) is not None:
            found.append(made)
    return found


def read(pdf: bytes) -> Tables:
    """Pages and lines as a run of the refinery reads them."""
    row = {"id": content_id("document", pdf), "uri": "made.pdf", "media_type": "application/pdf"}
    columns = {name: pa.array([value]) for name, value in row.items()}
    columns["size"] = pa.array([len(pdf)], pa.int64())
    columns["content"] = pa.array([pdf], pa.large_binary())
    return ExtractStage(ExtractSettings(ocr="never")).run({"files": pa.table(columns)})


def inked(pdf: bytes) -> list[np.ndarray]:
    """Of each page its letters, [letters, 3]: middle from the left, from the top, ink."""
    found = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            height, text = page.get_height(), page.get_textpage()
            left, right, low, high = (ctypes.c_double() for _ in range(4))
            red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
            rows = []
            for index in range(text.count_chars()):
                code = pdfium.FPDFText_GetUnicode(text, index)
                if code < 0x21 or chr(code).isspace():
                    continue
                pdfium.FPDFText_GetCharBox(text, index, left, right, low, high)
                pdfium.FPDFText_GetFillColor(text, index, red, green, blue, alpha)
                middle = (low.value + high.value) / 2
                ink = red.value // STEP
                rows.append(((left.value + right.value) / 2, height - middle, ink))
            found.append(np.array(rows).reshape(-1, 3))
    return found


def label_of(line: Line, letters: np.ndarray) -> str:
    """The label of a line by the letters of its page, empty where they do not agree."""
    x, y, ink = letters.T
    inside = (x > line.x0 - 1) & (x < line.x1 + 1) & (y > line.y0 - 1) & (y < line.y1 + 1)
    counts = np.bincount(ink[inside].astype(int), minlength=1)
    if not counts.sum():
        return ""
    names = {LABELS[place] for place in np.flatnonzero(counts)}
    if names <= FURNITURE:
        heads = sorted(names - {"PAGE_NUMBER"})
        return heads[-1] if heads else "PAGE_NUMBER"
    place = int(counts.argmax())
    return LABELS[place] if counts[place] >= SURE * counts.sum() else ""


def figures(papers: Sequence[Made]) -> dict[str, object]:
    counts = {name: np.zeros(3, int) for name in ("title", "author", "annex")}  # both, true, found
    truth: list[str] = []
    learned: list[str] = []
    weights = shipped_weights()
    for made in papers:
        tagged = Tag(RefineSettings()).run(made.tables)["tags"].column("label").to_pylist()
        for true, found in zip(made.labels, tagged, strict=True):
            for name, tally in counts.items():
                one, two = true == name.upper(), found == name.upper()
                tally += (one and two, one, two)
        truth += [CLASS_OF_LABEL.get(label, label) for label in made.hand_labels]
        chances = line_probabilities(line_features(layout_of(made.lines)), weights)
        learned += [CLASSES[number] for number in decide(chances)]
    result: dict[str, object] = {"papers": len(papers), "lines": len(truth)}
    for name, (both, true, found) in counts.items():
        result[f"f1_{name}"] = round(2 * int(both) / max(int(true + found), 1), 4)
    for name in ("page_number", "headnote", "footnote", "reference"):
        both = sum(one == two == name for one, two in zip(truth, learned, strict=True))
        total = truth.count(name) + learned.count(name)
        result[f"f1_{name}"] = round(2 * both / max(total, 1), 4)
    return result


def write(papers: Sequence[Made], folder: Path) -> None:
    """Each paper as PDF, its lines and labels as JSON lines beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for made in papers:
        (folder / f"{made.name}.pdf").write_bytes(made.pdf)
        rows = [
            json.dumps({"page": line.page, "label": label, "text": line.text}, ensure_ascii=False)
            for line, label in zip(made.lines, made.labels, strict=True)
        ]
        (folder / f"{made.name}.jsonl").write_text("\n".join(rows) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, nargs="+", default=[HANDBOOK / "source"])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="folder for the papers and their labels")
    options = parser.parse_args()
    texts = [text for path in options.texts for text in paragraphs_of(path)]
    papers = made_papers(texts, options.count, options.seed)
    if options.write:
        write(papers, options.write)
    print_result("made_pages", figures(papers))


if __name__ == "__main__":
    main()
