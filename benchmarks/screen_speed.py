"""Heuristics of Gopher and C4: ours against datatrove's filters, on the same documents, one core.

    python benchmarks/screen_speed.py [--data DIR] [--rounds N]

Documents are the web pages of c4_demo and, where they are there, the articles of wiki_demo and one
field manual in pieces of 5,000 characters: each once. The peer runs its three filters as its own
recipes do, each seeing only what the one before kept (repetition, quality, C4); so it may stop at
the first failing rule. We compute every score of every document, and all decisions, starting each
round with no word known. Both run in turn in this process; the ratio is the median over rounds.
`same_decisions` counts documents for which both name the same reason, or none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter
from harness import DATA, print_result

from goldsmith.refine.heuristics import Heuristics
from goldsmith.refine.rules import first_reason

ORDER = ("gopher repetition", "gopher quality", "c4")
PIECE = 5000  # characters
TOGETHER = 256  # documents we score at once


def documents(data: Path) -> list[str]:
    corpus = data / "corpus"
    lines = (corpus / "c4_demo.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    longer: list[str] = []
    if (articles := corpus / "wiki_demo.txt").is_file():
        longer += articles.read_text("utf-8").splitlines()
    for path in sorted((corpus / "manuals").glob("*.txt.gz"))[:1]:
        longer.append(gzip.decompress(path.read_bytes()).decode("utf-8"))
    for text in longer:
        texts += [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    return [text for text in texts if text.strip()]


def ours(texts: list[str]) -> list[str | None]:
    measure = Heuristics()
    reasons: list[str | None] = []
    for start in range(0, len(texts), TOGETHER):
        part = texts[start : start + TOGETHER]
        scores = {name: values.tolist() for name, values in measure.scores(part).items()}
        for index in range(len(part)):
            own = {name: values[index] for name, values in scores.items()}
            found = (first_reason(own, name) for name in ORDER)
            reasons.append(next((reason for reason in found if reason is not None), None))
    return reasons


def theirs(texts: list[str]) -> list[str | None]:
    filters = (GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter())
    reasons: list[str | None] = []
    for number, text in enumerate(texts):
        document = Document(text=text, id=str(number))
        results = (one.filter(document) for one in filters)
        reasons.append(next((result[1] for result in results if result is not True), None))
    return reasons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    texts = documents(options.data)
    theirs(texts[:3])  # the peer loads its tokenizer
    ours(texts[:3])
    ratios, seconds = [], []
    for _ in range(options.rounds):
        started = time.perf_counter()
        our_reasons = ours(texts)
        middle = time.perf_counter()
        their_reasons = theirs(texts)
        ended = time.perf_counter()
        seconds.append(middle - started)
        ratios.append((ended - middle) / (middle - started))
    same = sum(a == b for a, b in zip(our_reasons, their_reasons, strict=True))
    size = sum(map(len, texts))
    figures = {
        "ratio_datatrove": round(statistics.median(ratios), 2),
        "ratio_lowest": round(min(ratios), 2),
        "ratio_highest": round(max(ratios), 2),
        "documents": len(texts),
        "characters": size,
        "documents_per_second": round(len(texts) / statistics.median(seconds)),
        "megabytes_per_second": round(size / 1e6 / statistics.median(seconds), 2),
        "dropped": sum(reason is not None for reason in their_reasons),
        "same_decisions": round(same / len(texts), 4),
    }
    print_result("screen_speed", figures)


if __name__ == "__main__":
    main()
