"""A batch, and the order in which rows become batches: seed and step alone decide both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]

#: The target of a position that has no loss.
IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Four arrays of shape (batch, sequence).

    tokens: ids. targets: the id to predict at each position, or -100. segments: equal within one
    piece of text; attention must not cross them; padding is -1. positions: from 0 in each segment.
    """

    tokens: Array
    targets: Array
    segments: Array
    positions: Array


def rows_of_step(rows: int, size: int, step: int, seed: int) -> list[int]:
    """Return the row numbers of a step's batch (steps from 0).

    Every epoch is another permutation of all rows; a batch may cross from one into the next.
    """
    picked = []
    for place in range(step * size, (step + 1) * size):
        epoch, within = divmod(place, rows)
        picked.append(int(_order(rows, seed, epoch)[within]))
    return picked


@lru_cache(maxsize=4)
def _order(rows: int, seed: int, epoch: int) -> Array:
    return np.random.Generator(np.random.Philox([seed, epoch])).permutation(rows)


def positions_of(segments: Array) -> Array:
    """Return positions that count from 0 in every run of equal segments, row by row."""
    places = np.arange(segments.shape[-1])
    starts = np.ones(segments.shape, bool)
    starts[..., 1:] = segments[..., 1:] != segments[..., :-1]
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=-1)
    result: Array = (places - first).astype(np.int64)
    return result
