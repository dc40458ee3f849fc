"""Characters grouped into segments: stretches of one baseline without a wide gap.

Each of the directions in which text runs on a page gets a *reading frame* of its own, turned so
that its text runs to the right and lines follow downwards; `to_frame` and `from_frame` are exact
inverses. What is a column and what is a line is decided in `layout` and `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.characters import Characters
from goldsmith.extract.reading import Box

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Segments:
    """m stretches of characters in one reading frame (x to the right, y down), all arrays (m,).

    ``start`` and ``end`` index ``order``, the characters of this frame; ``base`` is the baseline,
    ``y0`` and ``y1`` are the baseline's line band, made from the size and not from the font's own
    claims about its height; ``weight`` is the number of characters.
    """

    start: Indices
    end: Indices
    x0: Floats
    x1: Floats
    y0: Floats
    y1: Floats
    base: Floats
    size: Floats
    weight: Any


def make_segments(
    characters: Characters, turn: int, width: float, height: float
) -> tuple[Segments, Indices, Floats]:
    """Segments of the characters that run in one direction, the characters' indices, their x.

    Returns segments, ``order`` (n,) indices into the page's characters, and boxes (4, n) in the
    reading frame.
    """
    order = np.flatnonzero(characters.turn == turn)
    box = to_frame(characters.box[:, order], turn, width, height)
    pen = characters.origin[:, order]
    base = to_frame(np.concatenate([pen, pen]), turn, width, height)[1]
    size = characters.size[order]
    new = np.ones(len(order), bool)
    larger = np.maximum(size[1:], size[:-1])
    gap = box[0, 1:] - box[2, :-1]
    new[1:] = (np.diff(order) > 1) | (characters.gap[order][1:] == 2) | (gap > 0.8 * larger)
    if turn != 4:
        new[1:] |= (gap < -1.5 * larger) | (np.abs(np.diff(base)) > 0.55 * larger)
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(order))
    seg_base, seg_size = _dominant(base, size, new, start)
    if turn == 4:
        y0 = np.minimum.reduceat(box[1], start)
        y1 = np.maximum.reduceat(box[3], start)
        seg_base = y1
    else:
        y0, y1 = seg_base - 0.78 * seg_size, seg_base + 0.22 * seg_size
    x0, x1 = np.minimum.reduceat(box[0], start), np.maximum.reduceat(box[2], start)
    return Segments(start, end, x0, x1, y0, y1, seg_base, seg_size, end - start), order, box


def _dominant(base: Floats, size: Floats, new: Any, start: Indices) -> tuple[Floats, Floats]:
    """Baseline and size of each segment's longest run of equal baseline and size."""
    run = new.copy()
    run[1:] |= (np.abs(np.diff(base)) > 0.05) | (np.abs(np.diff(size)) > 0.05)
    first = np.flatnonzero(run)
    length = np.diff(np.append(first, len(base)))
    segment = (np.cumsum(new) - 1)[first]
    longest = np.lexsort((-np.arange(len(first)), length, segment))
    last = np.append(np.flatnonzero(np.diff(segment[longest])), len(longest) - 1)
    chosen = first[longest[last]]
    return base[chosen], size[chosen]


def to_frame(box: Floats, turn: int, width: float, height: float) -> Floats:
    """Displayed boxes (4, n) in the frame in which text of this direction runs to the right."""
    x0, y0, x1, y1 = box
    if turn == 1:
        return np.stack([height - y1, x0, height - y0, x1])
    if turn == 2:
        return np.stack([width - x1, height - y1, width - x0, height - y0])
    if turn == 3:
        return np.stack([y0, width - x1, y1, width - x0])
    return box


def from_frame(box: Box, turn: int, width: float, height: float) -> Box:
    """A box of the reading frame back in displayed points."""
    x0, y0, x1, y1 = box
    if turn == 1:
        return y0, height - x1, y1, height - x0
    if turn == 2:
        return width - x1, height - y1, width - x0, height - y0
    if turn == 3:
        return width - y1, x0, width - y0, x1
    return box
