"""One ranking out of two: word scores and vector scores, weighed by alpha.

Scores are put on one scale over the union of both systems' candidates (min-max, so that the best
candidate of a system gets 1 and the worst 0) and mixed: ``(1 - alpha) * bm25 + alpha * vector``.
Bruch et al., "An Analysis of Fusion Functions for Hybrid Retrieval" (2023) find this convex mix
better than reciprocal ranks. The order is total: equal scores go by row, and a row appears once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]


def normalise(scores: Scores) -> Scores:
    """Map scores to 0..1 by their least and greatest; equal scores all become 0."""
    if not len(scores):
        return scores
    least, greatest = float(scores.min()), float(scores.max())
    if greatest <= least:
        return np.zeros_like(scores)
    return (scores - least) / (greatest - least)


def best(scores: Scores, count: int) -> npt.NDArray[np.int64]:
    """Return the positions of the ``count`` greatest scores, best first, ties by position."""
    return np.lexsort((np.arange(len(scores)), -scores))[:count].astype(np.int64)


def fuse(
    words: Scores, vectors: Scores, alpha: float, count: int, pool: int = 100
) -> list[tuple[int, float]]:
    """Return the best (row, fused score) of two systems that scored the same rows.

    ``words`` and ``vectors``: shape (rows,). The ``pool`` best of each are candidates; at alpha 0
    or 1 the order is exactly that of the one system.
    """
    pool = max(pool, count)
    rows = np.union1d(best(words, pool), best(vectors, pool)).astype(np.int64)
    fused = (1 - alpha) * normalise(words[rows]) + alpha * normalise(vectors[rows])
    return [(int(rows[place]), float(fused[place])) for place in best(fused, count)]
