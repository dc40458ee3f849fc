"""Make src/goldsmith/refine/words.npz: the known words and the letter table of `plausibility`.

    python benchmarks/fit_words.py [--data DIR]

Counted over the texts of the data folder whose licence lets figures about them ship (no row marked
"(!)", nothing of the sets the scores are measured on). Of every source one document in twelve is
left out: those texts calibrate the scores (`fit_quality.py`), so that a word is as often unknown
there as in a text never seen. A word ships when a document that a person wrote has it, or three
documents of the extracted sources. Deterministic.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from harness import DATA, ROOT, print_result

from goldsmith.refine.plausibility import LETTERS, STEP, letter_codes, plain, words_of

OUT = ROOT / "src/goldsmith/refine/words.npz"
HELD = 12  # one document in so many is left out
PRIOR = 6.0  # weight of the shorter context, in occurrences
MOST_WORDS = 120_000


def documents(data: Path) -> Iterator[tuple[str, str]]:
    """Yield (source, text) of every document that may be counted, in a fixed order."""
    for line in (data / "corpus/wiki_demo.txt").read_text("utf-8").splitlines():
        yield "wiki", line
    for line in (data / "corpus/c4_demo.jsonl").read_text("utf-8").splitlines():
        yield "web", json.loads(line)["text"]
    with gzip.open(data / "retrieval/scifact/corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield "abstracts", row["title"] + "\n" + " ".join(row["abstract"])
    for language in ("en", "de"):
        place = data / f"retrieval/xquad/xquad.{language}.json"
        for article in json.loads(place.read_text("utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                questions = " ".join(one["question"] for one in paragraph["qas"])
                yield "encyclopedia", paragraph["context"] + "\n" + questions
    with gzip.open(data / "instructions/gsm8k_train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line)["question"] for line in file]
    for start in range(0, len(rows), 20):
        yield "problems", "\n".join(rows[start : start + 20])
    for path in sorted((data / "corpus/manuals").glob("*.txt.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        for start in range(0, len(text), 20_000):
            yield "manuals", text[start : start + 20_000]
    plays = (data / "corpus/tinyshakespeare.txt").read_text("utf-8")
    for start in range(0, len(plays), 20_000):
        yield "plays", plays[start : start + 20_000]
    book = (data / "extraction/geotopo/GeoTopo-book.txt").read_text("utf-8")
    for start in range(0, len(book), 20_000):
        yield "book", book[start : start + 20_000]
    lines = pq.read_table(
        data / "lines/segmentation.parquet", columns=["doc_id", "text", "label"]
    ).to_pylist()
    paper: dict[str, list[str]] = {}
    for row in lines:
        if row["label"] in ("body", "header", "annex", "acknowledgement"):
            paper.setdefault(row["doc_id"], []).append(row["text"] or "")
    for name in sorted(paper):
        yield "papers", "\n".join(paper[name])


EXTRACTED = frozenset({"papers", "manuals"})


def held_out(number: int) -> bool:
    return number % HELD == 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    counts: Counter[str] = Counter()
    seen: dict[str, set[int]] = {}
    clean: Counter[str] = Counter()  # by documents of sources that nobody extracted
    grams = np.zeros(LETTERS**4, np.int64)
    for number, (source, text) in enumerate(documents(data)):
        if held_out(number):
            continue
        text = plain(text)
        words = words_of(text)
        own = Counter(words)
        counts.update(own)
        for word, count in own.items():
            places = seen.setdefault(word, set())
            if len(places) < 5:
                places.add(number)
            if source not in EXTRACTED:
                clean[word] += 1 + (count >= 5)
        codes = letter_codes(text).astype(np.int64)
        whole = ((codes[:-3] * LETTERS + codes[1:-2]) * LETTERS + codes[2:-1]) * LETTERS + codes[3:]
        grams += np.bincount(whole, minlength=LETTERS**4)
    kept = [w for w in counts if clean[w] or len(seen[w]) >= 3]
    kept = sorted(sorted(kept, key=lambda w: (-counts[w], w))[:MOST_WORDS])
    total = sum(counts.values())
    rarity = [min(255, round(-math.log(counts[w] / total) / STEP)) for w in kept]
    np.savez_compressed(
        OUT,
        words=np.frombuffer("\n".join(kept).encode("utf-8"), np.uint8),
        rarity=np.array(rarity, np.uint8),
        grams=table(grams),
    )
    figures = {"words": len(kept), "tokens": total, "bytes": OUT.stat().st_size}
    print_result("fit_words", figures)


def table(grams: np.ndarray) -> np.ndarray:
    """Return -log p(letter | three before), in STEPs, as bytes; contexts back off one by one."""
    probability = np.full((1, LETTERS), 1.0 / LETTERS)
    for order in range(1, 5):
        counts = grams.reshape(-1, LETTERS ** (order - 1), LETTERS).sum(0).astype(float)
        shorter = np.tile(probability, (counts.shape[0] // probability.shape[0], 1))
        total = counts.sum(1, keepdims=True)
        probability = (counts + PRIOR * shorter) / (total + PRIOR)
    return np.clip(np.round(-np.log(probability.ravel()) / STEP), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
