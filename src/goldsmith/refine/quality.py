"""How good a text is without its truth: three calibrated scores, and one for an extraction.

`character_damage` reads the text alone; what is lost or out of order cannot be seen without the
page, so `loss` and `order` compare with other extractions of the same page (its text layer, a
second engine). `extraction_quality` estimates the normalised indel similarity to the truth from the
same evidence. The regressions (`quality.npz`) are fitted by ``benchmarks/fit_quality.py``; English
text only, since the known words are English.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.agreement import features, page_features, pairs
from goldsmith.refine.plausibility import EVIDENCE, evidence
from goldsmith.refine.regression import Linear, Trees, from_arrays

#: Added before the logarithm of what the regressions predict, so that zero has one.
DAMAGE_FLOOR = 0.004
AGREEMENT_FLOOR = 0.02
MINIMUM_CHARACTERS = 100  # visible ones; a shorter text says too little of its damage

_PIECE = 4000  # characters judged at once
_TOLD = ("unknown", "mistaken", "mistaken_lower", "glued", "cut", "single", "mixed", "strange",
         "broken", "short", "double")  # fmt: skip
_SUM = ("mistaken_lower", "glued", "cut", "single", "mixed", "strange", "short", "double")


class Quality(NamedTuple):
    """Estimates for an extraction, each 0..1 and higher for more of what it names."""

    loss: float  # share of the page's words that are missing
    disorder: float  # share of the page's word pairs that stand in another order
    similarity: float  # normalised indel similarity to the truth


def character_damage(text: str) -> float | None:
    """Return the estimated share of characters and spaces that are wrong, 0..1.

    Sound English text gives about 0.002. None below MINIMUM_CHARACTERS. A longer text is judged in
    pieces of about a page, weighed by their length. Names, formulas, numbers and tables do not
    count, nor do words that the text itself repeats.
    """
    rows: list[NDArray[np.float64]] = []
    weights: list[float] = []
    for start in range(0, len(text), _PIECE):
        found = evidence(text[start : start + _PIECE])
        if not rows or found[0] >= MINIMUM_CHARACTERS:
            rows.append(damage_features(found))
            weights.append(found[0])
    if not rows or weights[0] < MINIMUM_CHARACTERS:
        return None
    trees: Trees = from_arrays(Trees, "damage", shipped_regressions())
    logs = trees.predict(np.array(rows))
    values = np.clip(np.exp(logs) - DAMAGE_FLOOR, 0.0, 1.0)
    return float(np.average(values, weights=weights))


def damage_features(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the regression of damage reads, from the counts of `evidence`."""
    of = dict(zip(EVIDENCE, found.tolist(), strict=True))
    size, tokens = of["characters"] + 20.0, of["tokens"] + 4.0
    together = sum(of[name] for name in _SUM)
    return np.array(
        [
            *(100.0 * of[name] / size for name in _TOLD),
            100.0 * together / size,
            together / tokens,
            of["unknown"] / tokens,
            of["surprise"],
            of["jumps"],
            of["spaces"] / size,
            of["signs"] / size,
            np.log(size),
            tokens / size,
        ]
    )


def loss(text: str, others: Sequence[str]) -> float:
    """Return the estimated share of the page's words that the text lacks, 0..1."""
    return extraction_quality(text, others).loss


def order(text: str, others: Sequence[str]) -> float:
    """Return the estimated share of neighbouring words that stand in the page's order, 0..1."""
    return 1.0 - extraction_quality(text, others).disorder


def extraction_quality(text: str, others: Sequence[str]) -> Quality:
    """Return all estimates for a text, with one other extraction of the page or more as evidence.

    Raises ValueError when there is none.
    """
    if not others:
        raise ValueError("loss and order need at least one other extraction of the same page")
    texts = [text, *others]
    pages = np.array([page_features(one) for one in texts])
    row = features(pairs(texts), pages, 0, range(1, len(texts)))[None]
    lost, disorder, distance = (
        float(predict_share(name, row)[0]) for name in ("loss", "disorder", "distance")
    )
    return Quality(lost, disorder, 1.0 - distance)


def predict_share(
    name: str, rows: NDArray[np.float64], models: dict[str, NDArray[np.float64]] | None = None
) -> NDArray[np.float64]:
    """Return the shares (n,) that a pair of shipped (or given) regressions estimates, 0..1."""
    models = shipped_regressions() if models is None else models
    linear: Linear = from_arrays(Linear, f"{name}.linear", models)
    trees: Trees = from_arrays(Trees, f"{name}.trees", models)
    logs = (linear.predict(rows) + trees.predict(rows)) / 2.0
    shares: NDArray[np.float64] = np.clip(np.exp(logs) - AGREEMENT_FLOOR, 0.0, 1.0)
    return shares


@cache
def shipped_regressions() -> dict[str, NDArray[np.float64]]:
    """Return the arrays of `quality.npz` by name."""
    path = files("goldsmith.refine").joinpath("quality.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
