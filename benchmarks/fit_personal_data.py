"""Fit the tagger of names, places and addresses: src/goldsmith/refine/personal/tagger.npz.

    python benchmarks/fit_personal_data.py [--data DIR] [--short]

A linear-chain conditional random field (Lafferty et al. 2001) over the features of
`goldsmith.refine.personal.words`, by L-BFGS with an L2 prior. It learns from the public half of
presidio-research (MIT), the same sentences with other values, and sentences of our own templates.
``lexicon.json`` (how common English words are in small letters) is counted in field manuals and
Shakespeare (public domain), web pages and abstracts (ODC-By) and grade-school problems (MIT).
Same inputs, same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import harness
import numpy as np
import personal_examples as made
import scipy.optimize
import scipy.sparse

from goldsmith.refine.personal import tagger
from goldsmith.refine.personal.words import Lexicon, words_of

PLACE = Path(tagger.__file__).parent
PRIOR = 0.6  # of the L2 penalty, per weight
BANDS = (150, 800, 3000, 9000, 30000)  # ranks
#: The tagger's part for each slot of a template.
PART_OF = {
    "P": "person", "A": "address", "N": "house", "S": "street", "U": "flat", "ZS": "code",
    "C": "town", "K": "country", "W": "state", "O": "organisation", "D": "date",
    "T": "honorific", "J": "job", "Y": "age", "R": "nationality", "Z": "zip",
}  # fmt: skip


def lexicon(folder: Path) -> dict[str, str]:
    """Return bands of rank of the words that texts write in small letters."""
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    texts = [
        gzip.decompress(p.read_bytes()).decode() for p in sorted(folder.glob("corpus/manuals/*.gz"))
    ]
    texts += [
        (folder / "corpus" / n).read_text("utf-8") for n in ("tinyshakespeare.txt", "c4_demo.jsonl")
    ]
    for name in ("instructions/gsm8k_train.jsonl.gz", "retrieval/scifact/corpus.jsonl.gz"):
        texts.append(re.sub(r"\\[nu]", " ", gzip.decompress((folder / name).read_bytes()).decode()))
    for text in texts:
        for word in re.findall(r"[A-Za-z]+", text):
            (small if word.islower() else capital)[word.lower()] += 1
    kept = [(w, n) for w, n in small.items() if n >= 2 and n > 0.15 * capital[w]]
    ranked = sorted(kept, key=lambda pair: (-pair[1], pair[0]))
    return {
        word: str(sum(rank >= band for band in BANDS))
        for rank, (word, _) in enumerate(ranked[: BANDS[-1]])
    }


def labelled(row: made.Example) -> tuple[list, list[int]]:
    """Return the words of an example and their labels; what patterns find is one word each."""
    taken = [(s, e, k) for s, e, k in row.spans if k not in tagger.TYPES]
    words = words_of(row.text, taken)
    labels = [0] * len(words)
    for start, end, kind in row.spans:
        if kind in tagger.TYPES:
            part = PART_OF[made.slot_of(kind, row.text[start:end])]
            inside = [i for i, w in enumerate(words) if w.start < end and w.end > start]
            for order, index in enumerate(inside):
                labels[index] = tagger.LABELS.index(("I-" if order else "B-") + part)
    return words, labels


class Problem:
    """A sparse matrix of features and batches of sequences of like length."""

    def __init__(self, rows: Sequence[made.Example], lex: Lexicon, least: int) -> None:
        table: dict[str, int] = {}
        counts: list[int] = []
        indices: list[int] = []
        pointer = [0]
        gold: list[int] = []
        self.spans: list[tuple[int, int]] = []
        for row in rows:
            words, labels = labelled(row)
            if not words:
                continue
            known = [lex.known(w.text, w.kind) for w in words]
            for features in tagger.features_of(words, known):
                for feature in set(features):
                    number = table.setdefault(feature, len(table))
                    if number == len(counts):
                        counts.append(0)
                    counts[number] += 1
                    indices.append(number)
                pointer.append(len(indices))
            self.spans.append((len(gold), len(gold) + len(labels)))
            gold += labels
        keep = np.array(counts) >= least
        names = np.array(list(table), dtype=object)
        self.names = names[keep]
        matrix = scipy.sparse.csr_matrix(
            (np.ones(len(indices), np.float32), np.array(indices), np.array(pointer)),
            shape=(len(gold), len(table)),
        )
        self.matrix = matrix[:, np.flatnonzero(keep)].tocsr()
        self.transposed = self.matrix.T.tocsr()
        self.gold = np.array(gold)
        order = sorted(range(len(self.spans)), key=lambda i: self.spans[i][1] - self.spans[i][0])
        self.batches = []
        for at in range(0, len(order), 256):
            part = [self.spans[i] for i in order[at : at + 256]]
            longest = max(e - s for s, e in part)
            place = np.full((len(part), longest), -1)
            for i, (s, e) in enumerate(part):
                place[i, : e - s] = np.arange(s, e)
            self.batches.append(place)

    def loss(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log-likelihood and its gradient; forward and backward, scaled."""
        labels = len(tagger.LABELS)
        size = self.matrix.shape[1] * labels
        weights = flat[:size].reshape(-1, labels).astype(np.float32)
        step = flat[size:].reshape(labels + 1, labels)
        scores = (self.matrix @ weights).astype(np.float64)
        moves = np.exp(step[1:]) * tagger.ALLOWED[1:]
        first = np.exp(step[0]) * tagger.ALLOWED[0]
        top = scores.max(1, keepdims=True)
        emitted = np.exp(scores - top)
        marginal = np.zeros_like(scores)
        expected = np.zeros((labels + 1, labels))
        total = float(top.sum())
        for place in self.batches:
            valid = place >= 0
            local = emitted[place]
            local[~valid] = 1.0
            rows, length = place.shape
            forward = np.empty((length, rows, labels))
            scale = np.ones((length, rows))
            forward[0] = first * local[:, 0]
            scale[0] = forward[0].sum(1)
            forward[0] /= scale[0][:, None]
            for t in range(1, length):
                value = (forward[t - 1] @ moves) * local[:, t]
                norm = value.sum(1)
                alive = valid[:, t]
                forward[t] = np.where(alive[:, None], value / norm[:, None], forward[t - 1])
                scale[t] = np.where(alive, norm, 1.0)
            total += float(np.log(scale).sum())
            backward = np.ones((rows, labels))
            for t in range(length - 1, -1, -1):
                alive = valid[:, t]
                gamma = forward[t] * backward
                gamma /= gamma.sum(1, keepdims=True)
                marginal[place[alive, t]] = gamma[alive]
                if t == 0:
                    expected[0] += gamma.sum(0)
                    break
                message = local[:, t] * backward / scale[t][:, None]
                expected[1:] += (forward[t - 1][alive].T @ message[alive]) * moves
                backward = np.where(alive[:, None], message @ moves.T, backward)
        gold = self.gold
        total -= float(scores[np.arange(len(gold)), gold].sum())
        observed = np.zeros_like(expected)
        previous = np.empty_like(gold)
        previous[1:] = gold[:-1] + 1
        previous[[s for s, _ in self.spans]] = 0
        np.add.at(observed, (previous, gold), 1)
        total -= float((observed * step)[observed > 0].sum())
        marginal[np.arange(len(gold)), gold] -= 1.0
        slope = self.transposed @ marginal.astype(np.float32)
        gradient = np.concatenate([slope.ravel().astype(np.float64), (expected - observed).ravel()])
        return total + 0.5 * PRIOR * float(flat @ flat), gradient + PRIOR * flat


def fit(rows: Sequence[made.Example], lex: Lexicon, steps: int = 60) -> tagger.Weights:
    """Return the weights for the rows, as small integers."""
    problem = Problem(rows, lex, least=3)
    labels = len(tagger.LABELS)
    start = np.zeros(problem.matrix.shape[1] * labels + (labels + 1) * labels)
    found = scipy.optimize.minimize(
        problem.loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 6}
    )
    size = problem.matrix.shape[1] * labels
    weights = found.x[:size].reshape(-1, labels)
    return tagger.compressed(list(problem.names), weights, found.x[size:].reshape(-1, labels))


def training(
    rows: Sequence[made.Example], seed: int, corpus: Path, again: int = 3, own: int = 12000
) -> list[made.Example]:
    """Return the rows, each again with other values, and sentences of our own."""
    chance = random.Random(seed)
    known = made.Values(rows)
    result = [*rows, *rows]
    for _ in range(again):
        result += [made.varied(row, chance, known) for row in rows]
    return result + made.examples(own, chance, known) + made.plain(corpus / "manuals", 1200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    options = parser.parse_args()
    data = options.data
    started = time.monotonic()
    bands = lexicon(data)
    (PLACE / "lexicon.json").write_text(tagger.lexicon_text(bands), "utf-8")
    text = (data / "pii/synth_dataset_v2.jsonl").read_text("utf-8")
    rows = made.read([json.loads(line) for line in text.splitlines()])
    if options.short:
        own = made.examples(2400, random.Random(0), made.Values(rows))
        weights = fit([*rows, *own], Lexicon(bands), steps=20)
    else:
        weights = fit(training(rows, 0, data / "corpus"), Lexicon(bands))
    weights.save(PLACE / "tagger.npz")
    figures = {
        "features": len(weights.hashes),
        "bytes": (PLACE / "tagger.npz").stat().st_size,
        "seconds": round(time.monotonic() - started, 1),
    }
    harness.print_result("fit_personal_data", figures)


if __name__ == "__main__":
    main()
