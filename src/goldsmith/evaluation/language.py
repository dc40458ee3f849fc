"""How well a language model predicts text: perplexity per token and bits per byte.

Both are functions of three sums: the negative log-likelihood in nats, the tokens that were
predicted, and the UTF-8 bytes those tokens stand for. Bits per byte does not depend on the
tokenizer, so models with different vocabularies can be compared by it (Gao et al., "The Pile",
2020); perplexity cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goldsmith.evaluation.score import Score, Statistics, bootstrap_score


class Likelihood(NamedTuple):
    """What a model said of one document or row: nats, and the tokens and bytes it predicted."""

    nll: float
    tokens: int
    bytes: int


def perplexity(sums: Statistics) -> npt.NDArray[np.float64]:
    """exp(nats per token) of sums (..., 3)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.exp(sums[..., 0] / sums[..., 1]))


def bits_per_byte(sums: Statistics) -> npt.NDArray[np.float64]:
    """Nats per byte over ln 2, of sums (..., 3)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 2] / np.log(2))


def language_scores(
    rows: Sequence[Likelihood],
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
    signature: str = "",
) -> list[Score]:
    """Return perplexity and bits per byte over all rows, resampled by row.

    Rows without a predicted token are left out and lower the coverage.
    """
    used = [row for row in rows if row.tokens > 0 and row.bytes > 0]
    table = np.array(used, dtype=np.float64).reshape(-1, 3)
    return [
        bootstrap_score(
            name,
            table,
            metric,
            items=len(rows),
            seed=seed,
            resamples=resamples,
            confidence=confidence,
            signature=signature,
        )
        for name, metric in (("perplexity", perplexity), ("bits_per_byte", bits_per_byte))
    ]
