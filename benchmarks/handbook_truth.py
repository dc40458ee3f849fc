"""The refinery against the handbook's known truth.

`body_recall`: of the characters of the body (headings, paragraphs, lists, tables, captions, code)
of every document that is to be kept, the share found in gold. Each block is looked for in stretches
of about eighty characters (a table in its words), since floats may stand elsewhere than in the
source; of a stretch that is not there as it is, the longest common subsequence with its best place
counts. White space and hyphens aside. Display equations have no single plain-text form and are
left out. `body_in_order`: the same, of a document as one sequence: what reading order costs.
`furniture_leak`: the share of running heads, page numbers and footnote marks still in gold.
`duplicates_found`: the share of copies that do not stand in gold beside what they are a copy of.
`garbage_rejected`, `foreign_rejected`: the share of those documents of which nothing is in gold.
"""

import argparse
import json
import re
import subprocess
import tempfile
import unicodedata
from pathlib import Path
from typing import NamedTuple

from harness import HANDBOOK, environment, goldsmith, print_result
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq

from goldsmith.lake import Lake
from goldsmith.project import Workspace

KEPT = ("chapter", "scan", "broken")
FURNITURE = ("running_head", "page_number", "footnote_mark")
STRETCH = 80  # characters
MARGIN = 0.12  # of the page's height: where running heads and page numbers stand


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="of a finished run; else one is made")
    options = parser.parse_args()
    lines = (HANDBOOK / "truth/documents.jsonl").read_text("utf-8").splitlines()
    truth = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as temporary:
        workspace = options.workspace or Path(temporary, "workspace")
        if options.workspace is None:
            for step in (("ingest", HANDBOOK), ("refine",)):
                command = goldsmith(*step, "--workspace", workspace)
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
        print_result("handbook_truth", figures(Lake(Workspace(workspace).lake), truth))


def figures(lake: Lake, truth: list[dict]) -> dict[str, object]:
    documents = {Path(row["uri"]).name: row for row in lake.read("documents").to_pylist()}
    heights = {
        (row["document"], row["page"]): row["height"] for row in lake.read("pages").to_pylist()
    }
    gold = gold_pieces(lake)

    def pieces_of(file: str) -> list[Piece]:
        found = documents[Path(file).name]
        return gold.get(found["id"], []) if found["status"] == "ok" else []

    matched = ordered = size = furniture = leaked = 0
    gone: dict[str, list[bool]] = {"duplicate": [], "gibberish": [], "foreign": []}
    copies: dict[str, list[str]] = {}
    for row in truth:
        if row.get("duplicate_of"):
            copies.setdefault(row["duplicate_of"], []).append(row["file"])
    recalls = {}
    for row in truth:
        pieces = pieces_of(row["file"])
        if "duplicate" in row["kind"]:
            gone["duplicate"].append(not (pieces and pieces_of(row["duplicate_of"])))
            continue
        if row["kind"] not in KEPT:
            gone[row["kind"]].append(not pieces)
            continue
        if not pieces and any(pieces_of(copy) for copy in copies.get(row["file"], ())):
            continue  # its copy was kept in its stead
        text = squeezed(" ".join(piece.text for piece in pieces))
        blocks = [block for block in row["body"] if block["kind"] != "equation"]
        found, all_of_it = body_found(blocks, text)
        body = squeezed(" ".join(block["text"] for block in blocks))
        ordered += LCSseq.similarity(body, text)
        matched, size = matched + found, size + all_of_it
        recalls[row["file"]] = found / max(all_of_it, 1)
        items = [item for item in row["furniture"] if item["kind"] in FURNITURE]
        document = documents[Path(row["file"]).name]["id"]
        leaks = furniture_in(items, pieces, {p.page: heights[document, p.page] for p in pieces})
        furniture, leaked = furniture + len(items), leaked + len(leaks)
        for item in leaks[:5]:
            print(f"leak: {row['file']} page {item['page']}: {item['kind']} {item['text']!r}")
    for file, recall in sorted(recalls.items(), key=lambda pair: pair[1]):
        print(f"{recall:.4f}  {file}")
    return {
        "body_recall": round(matched / size, 4),
        "body_in_order": round(ordered / size, 4),
        "body_characters": size,
        "furniture_leak": round(leaked / max(furniture, 1), 4),
        "furniture_items": furniture,
        "duplicates_found": share(gone["duplicate"]),
        "garbage_rejected": share(gone["gibberish"]),
        "foreign_rejected": share(gone["foreign"]),
    }


def body_found(blocks: list[dict], text: str) -> tuple[int, int]:
    """Return (characters of the blocks that are in the text, characters of the blocks)."""
    found = size = 0
    for block in blocks:
        if block["kind"] == "table":
            stretches = [squeezed(word) for word in block["text"].split()]
        else:
            whole = squeezed(block["text"])
            stretches = [whole[at : at + STRETCH] for at in range(0, len(whole), STRETCH)]
        for stretch in stretches:
            size += len(stretch)
            if stretch in text:
                found += len(stretch)
            elif len(stretch) > 3 and text:
                best = fuzz.partial_ratio_alignment(stretch, text)
                near = text[best.dest_start : best.dest_end] if best else ""
                found += LCSseq.similarity(stretch, near)
    return found, size


class Piece(NamedTuple):
    """A piece of gold text, the page it stands on, and its middle's height in points."""

    text: str
    page: int
    middle: float


def gold_pieces(lake: Lake) -> dict[str, list[Piece]]:
    """Gold text by document, in order, once each: from one span of a raw line to the next."""
    found: dict[str, list[Piece]] = {}
    for chunk in lake.read("chunks").to_pylist():
        pieces = found.setdefault(chunk["document"], [])
        spans = [span for span in chunk["spans"] if span["at"] >= chunk["overlap"]]
        for here, after in zip(spans, [*spans[1:], None], strict=True):
            # Up to the next span, so that replacements (which no span covers) are seen too.
            end = after["at"] if after else len(chunk["text"])
            middle = (here["y0"] + here["y1"]) / 2
            pieces.append(Piece(chunk["text"][here["at"] : end], here["page"], middle))
    return found


def furniture_in(items: list[dict], pieces: list[Piece], heights: dict[int, float]) -> list[dict]:
    """The furniture that stands in gold: a line in a margin, or a mark glued to its word."""
    by_page: dict[int, list[tuple[str, float]]] = {}
    for piece in pieces:
        place = piece.middle / heights[piece.page]
        by_page.setdefault(piece.page, []).append((" ".join(piece.text.split()), place))
    found = []
    for item in items:
        here = by_page.get(item["page"], [])
        text = " ".join(item["text"].split())
        if item["kind"] == "footnote_mark":
            word = item["context"].split()[-1]
            pattern = re.compile(re.escape(word) + r"\s?" + re.escape(text) + r"(?!\d)")
            leak = any(pattern.search(line) for line, _ in here)
        else:
            leak = any(text == line and not MARGIN < at < 1 - MARGIN for line, at in here)
        if leak:
            found.append(item)
    return found


def squeezed(text: str) -> str:
    """Text without white space, hyphens and kinds of quotes: what is read, not how it is set."""
    text = unicodedata.normalize("NFKC", text).translate(QUOTES)
    return re.sub(r"[\s\u00ad\u2010-\u2015\u2212-]+", "", text)


QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "..."})


def share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


if __name__ == "__main__":
    main()
