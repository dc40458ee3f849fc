"""Long strings that the corpus says again, wherever they stand (ExactSubstr, Lee et al. 2022).

Their suffix array sorts all suffixes; to know which strings of N characters repeat, its
construction by doubling (Manber & Myers 1993) can stop at N. No hash is involved: equal ranks mean
equal characters. Of each repeated string the first occurrence stays, where they remove all or one
at random; a character goes when it lies in a string of N characters that stands further ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_BEYOND = 0x110000  # no character: one separator a text, so that no string runs over its end


class Repeated(NamedTuple):
    """Characters ``start``..``end`` of a text, and the text in which they stand first."""

    text: int
    start: int
    end: int
    first: int


def repeated(texts: Sequence[str], length: int) -> list[Repeated]:
    """Return what texts say again in ``length`` (> 0) or more characters; the first text is first.

    Time is that of sorting all characters log2(length) times, memory about 40 bytes a character.
    """
    parts = []
    for number, text in enumerate(texts):
        parts.append(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4"))
        parts.append(np.array([_BEYOND + number], "<u4"))
    points = np.concatenate([np.zeros(0, "<u4"), *parts])
    if len(points) < length:
        return []
    ranks, size = _ranked(points.astype(np.uint64)), 1
    while size < length:
        shift = min(size, length - size)
        ranks = _ranked(ranks[:-shift] * np.uint64(len(points)) + ranks[shift:])
        size += shift
    _, first, inverse = np.unique(ranks, return_index=True, return_inverse=True)
    source = first[inverse]  # where each string of N characters stands first
    again = np.flatnonzero(source < np.arange(len(source)))
    edges = np.zeros(len(points) + 1, np.int64)
    np.add.at(edges, again, 1)
    np.add.at(edges, again + length, -1)
    covered = np.concatenate([[False], np.cumsum(edges)[:-1] > 0, [False]])
    starts = np.flatnonzero(covered[1:] & ~covered[:-1])
    ends = np.flatnonzero(covered[:-1] & ~covered[1:])
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
    owners = np.searchsorted(begins, starts, side="right") - 1
    origins = np.searchsorted(begins, source[starts], side="right") - 1
    return [
        Repeated(owner, start - int(begins[owner]), end - int(begins[owner]), origin)
        for owner, start, end, origin in zip(
            owners.tolist(), starts.tolist(), ends.tolist(), origins.tolist(), strict=True
        )
    ]


def _ranked(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.unique(keys, return_inverse=True)[1].astype(np.uint64)
