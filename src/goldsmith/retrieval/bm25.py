"""BM25 over chunks as flat arrays: postings with their scores worked out when the index is built.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009): a word's
weight grows with how often a chunk holds it and falls with how many chunks hold it. Headings count
as in BM25F: their words enter the same frequency with a weight of their own. Scores are summed, not
searched for, so every chunk has one and ties keep the order of the rows.

Arrays rather than a search engine's segments, because the bytes must be equal whenever the chunks
are (docs/decisions/0070-index-store.md).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goldsmith.pipeline.artifact import write_atomically
from goldsmith.retrieval.words import content_terms

K1 = 1.2
B = 0.75
HEADING_WEIGHT = 0.6

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Postings:
    """``rows[starts[t]:starts[t + 1]]`` are the chunks that hold term t, ``scores`` their weights.

    Shapes: starts (terms + 1,) int64; rows and scores (postings,) int32 and float32.
    """

    terms: dict[str, int]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    count: int

    def score(self, query: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the BM25 score of every chunk for the query's terms, shape (chunks,)."""
        total = np.zeros(self.count, dtype=np.float64)
        for term, times in sorted(Counter(query).items()):
            number = self.terms.get(term)
            if number is not None:
                part = slice(self.starts[number], self.starts[number + 1])
                total[self.rows[part]] += times * self.scores[part]
        return total

    def rarity(self, term: str) -> float:
        """Return a term's inverse document frequency, as a share of an unseen term's."""
        number = self.terms.get(term)
        holding = 0 if number is None else int(self.starts[number + 1] - self.starts[number])
        return inverse_frequency(holding, self.count) / inverse_frequency(0, self.count)

    def save(self, folder: Path) -> None:
        for name in ("starts", "rows", "scores"):
            np.save(folder / f"postings-{name}.npy", getattr(self, name), allow_pickle=False)
        write_atomically(folder / "terms.json", json.dumps(list(self.terms), ensure_ascii=True))


def inverse_frequency(holding: int, count: int) -> float:
    """Return ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative."""
    return float(np.log1p((count - holding + 0.5) / (holding + 0.5)))


def build_postings(texts: Sequence[str], headings: Sequence[str]) -> Postings:
    """Count the words of every chunk and its headings and weigh them."""
    frequencies: list[dict[str, float]] = []
    lengths = np.zeros(len(texts))
    holding: Counter[str] = Counter()
    for row, (text, heading) in enumerate(zip(texts, headings, strict=True)):
        weights: dict[str, float] = {}
        for part, weight in ((text, 1.0), (heading, HEADING_WEIGHT)):
            for term in content_terms(part):
                weights[term] = weights.get(term, 0.0) + weight
                lengths[row] += weight
        frequencies.append(weights)
        holding.update(weights.keys())
    terms = {term: number for number, term in enumerate(sorted(holding))}
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum([holding[term] for term in terms], out=starts[1:])
    free = starts[:-1].copy()
    rows = np.zeros(int(starts[-1]), dtype=np.int32)
    scores = np.zeros(int(starts[-1]), dtype=np.float32)
    average = max(float(lengths.mean()), 1e-9) if len(lengths) else 1.0
    for row, weights in enumerate(frequencies):
        dampening = K1 * (1 - B + B * lengths[row] / average)
        for term, weight in weights.items():
            number = terms[term]
            rows[free[number]] = row
            rarity = inverse_frequency(holding[term], len(texts))
            scores[free[number]] = rarity * weight * (K1 + 1) / (weight + dampening)
            free[number] += 1
    return Postings(terms, starts, rows, scores, len(texts))


def load_postings(folder: Path, count: int) -> Postings:
    """Open saved postings, arrays memory-mapped. Raises OSError or ValueError when they are bad."""
    arrays = [
        np.load(folder / f"postings-{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("starts", "rows", "scores")
    ]
    names = json.loads((folder / "terms.json").read_text("utf-8"))
    terms = {term: number for number, term in enumerate(names)}
    starts, rows, scores = arrays
    if len(starts) != len(terms) + 1 or len(rows) != len(scores) or starts[-1] != len(rows):
        raise ValueError("the postings' arrays do not fit together")
    return Postings(terms, starts, rows, scores, count)
