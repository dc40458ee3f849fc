"""Which sentence answers, and whether any does: two small models over `evidence.MEASURES`.

The first gives every sentence a value; the best one is chosen. The second turns the measures of the
chosen sentence into the probability that it answers the question at all. Both are linear, so that a
person can read what spoke for and against, and both are fitted by ``benchmarks/fit_support.py``,
which says on what. Cosines of a sentence encoder and of TF-IDF differ, and sentences that were read
have one measure more (`reader`), hence one set for each kind: "encoder", "tfidf" and "reader".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from goldsmith.retrieval.evidence import MEASURES, Evidence


@cache
def weights(kind: str) -> dict[str, tuple[float, ...]]:
    """Return ``choice`` (one weight a measure) and ``support`` (the same, then the intercept)."""
    data = files("goldsmith.retrieval").joinpath("support.json").read_text("utf-8")
    table = json.loads(data)[kind]
    return {
        "choice": tuple(table["choice"][name] for name in names(kind)),
        "support": tuple(table["support"][name] for name in (*names(kind), "intercept")),
    }


def names(kind: str) -> tuple[str, ...]:
    """Return the measures that a kind's weights are for; what was read has one more."""
    return (*MEASURES, "read") if kind == "reader" else MEASURES


def rank(evidence: Sequence[Evidence], kind: str) -> list[Evidence]:
    """Return the sentences by how well they fit as the answer, best first, ties as they came."""
    values = [value(each, kind) for each in evidence]
    return [evidence[place] for place in sorted(range(len(values)), key=lambda n: (-values[n], n))]


def value(evidence: Evidence, kind: str) -> float:
    """Return a sentence's value as an answer; only differences between sentences mean something."""
    return float(np.dot(weights(kind)["choice"], evidence.measures))


def probability(evidence: Evidence, kind: str) -> float:
    """Return the probability, 0..1, that the sentence answers the question."""
    *slopes, intercept = weights(kind)["support"]
    return float(1 / (1 + np.exp(-(np.dot(slopes, evidence.measures) + intercept))))
