"""The refinery against the handbook's known truth.

`body_recall`: of the characters of the body (headings, paragraphs, lists, tables, captions, code)
of every document that is to be kept, the share that gold has in the same order (longest common
subsequence, white space aside). Display equations have no single plain-text form and are counted
apart. `furniture_leak`: the share of running heads, page numbers and footnote marks that are still
in gold. `duplicates_found`, `garbage_rejected`, `foreign_rejected`: the share of those documents of
which nothing is left in gold.
"""

import argparse
import json
import re
import subprocess
import tempfile
import unicodedata
from pathlib import Path

from rapidfuzz.distance import LCSseq

from goldsmith.lake import Lake
from goldsmith.project import Workspace
from harness import HANDBOOK, environment, goldsmith, print_result

KEPT = ("chapter", "scan", "broken")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="of a finished run; else one is made")
    options = parser.parse_args()
    truth = [json.loads(line) for line in (HANDBOOK / "truth/documents.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as temporary:
        workspace = options.workspace or Path(temporary, "workspace")
        if options.workspace is None:
            for step in (("ingest", HANDBOOK), ("refine",)):
                command = goldsmith(*step, "--workspace", workspace)
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
        print_result("handbook_truth", figures(Lake(Workspace(workspace).lake), truth))


def figures(lake: Lake, truth: list[dict]) -> dict[str, object]:
    documents = {Path(row["uri"]).name: row for row in lake.read("documents").to_pylist()}
    gold = gold_lines(lake)
    matched = size = equations = equations_found = 0
    furniture = leaked = 0
    gone: dict[str, list[bool]] = {"duplicate": [], "gibberish": [], "foreign": []}
    recalls = {}
    for row in truth:
        found = documents[Path(row["file"]).name]
        lines = [] if found["status"] != "ok" else gold.get(found["id"], [])
        if row["kind"] not in KEPT:
            kind = "duplicate" if "duplicate" in row["kind"] else row["kind"]
            gone[kind].append(not lines)
            continue
        text = squeezed(" ".join(text for _, text in lines))
        body = squeezed(" ".join(b["text"] for b in row["body"] if b["kind"] != "equation"))
        common = LCSseq.similarity(body, text)
        matched, size = matched + common, size + len(body)
        recalls[row["file"]] = round(common / max(len(body), 1), 4)
        for block in row["body"]:
            if block["kind"] == "equation":
                wanted = squeezed(block["text"])
                equations += len(wanted)
                equations_found += sum(min(text.count(c), wanted.count(c)) for c in set(wanted))
        kept_furniture = leaks(row["furniture"], lines)
        furniture, leaked = furniture + len(row["furniture"]), leaked + len(kept_furniture)
        for item in kept_furniture[:5]:
            print(f"leak: {row['file']} page {item['page']}: {item['kind']} {item['text']!r}")
    for file, recall in sorted(recalls.items(), key=lambda pair: pair[1]):
        print(f"{recall:.4f}  {file}")
    return {
        "body_recall": round(matched / size, 4),
        "body_characters": size,
        "furniture_leak": round(leaked / max(furniture, 1), 4),
        "furniture_items": furniture,
        "duplicates_found": share(gone["duplicate"]),
        "garbage_rejected": share(gone["gibberish"]),
        "foreign_rejected": share(gone["foreign"]),
        "equation_symbols_found": round(equations_found / max(equations, 1), 4),
    }


def gold_lines(lake: Lake) -> dict[str, list[tuple[int, str]]]:
    """Gold text by document, in order: (page, text) for each piece of a raw line, once each."""
    found: dict[str, list[tuple[int, str]]] = {}
    for chunk in lake.read("chunks").to_pylist():
        pieces = found.setdefault(chunk["document"], [])
        spans = [span for span in chunk["spans"] if span["at"] >= chunk["overlap"]]
        for here, after in zip(spans, [*spans[1:], None], strict=True):
            # Up to the next span, so that replacements (which no span covers) are seen too.
            end = after["at"] if after else len(chunk["text"])
            pieces.append((here["page"], chunk["text"][here["at"] : end]))
    return found


def leaks(furniture: list[dict], lines: list[tuple[int, str]]) -> list[dict]:
    """The furniture that stands in gold: a line of its own, or a mark glued to its word."""
    by_page: dict[int, list[str]] = {}
    for page, text in lines:
        by_page.setdefault(page, []).append(" ".join(text.split()))
    found = []
    for item in furniture:
        here = by_page.get(item["page"], [])
        text = " ".join(item["text"].split())
        if item["kind"] == "footnote_mark":
            word = item["context"].split()[-1]
            pattern = re.compile(re.escape(word) + r"\s?" + re.escape(text) + r"(?!\d)")
            leak = any(pattern.search(line) for line in here)
        else:
            leak = text in here
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
