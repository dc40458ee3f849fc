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

from goldsmith.extract.characters import ASKEW, Characters, Floats, Integers
from goldsmith.extract.reading import Box

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Segments:
    """m stretches of characters in one reading frame (x to the right, y down), all arrays (m,).

    ``base`` is the baseline; ``y0`` and ``y1`` are the band of the line, made from baseline and
    size and not from the font's own claims about its height; ``weight`` is the number of
    characters.
    """

    x0: Floats
    x1: Floats
    y0: Floats
    y1: Floats
    base: Floats
    size: Floats
    weight: Any


@dataclass(frozen=True)
class View:
    """A page seen along one direction of its text: its segments and their k characters.

    Segment ``i`` holds the characters ``start[i]`` to ``end[i]``. ``text`` is the frame's text with
    the spaces inside segments; character ``j`` stands at ``at[j]`` in it. ``base`` and ``size``
    (k,) are of single characters; ``smallest``, ``font`` and ``after`` (what pdfium saw before:
    see `Characters.gap`) are of segments, and so is ``superior``: characters raised by their glyph.
    """

    turn: int
    width: float
    height: float
    segments: Segments
    start: list[int]
    end: list[int]
    text: str
    at: NDArray[np.int64]
    base: Floats
    size: Floats
    smallest: list[float]
    font: list[int]
    after: list[int]
    superior: list[list[int]]


def make_view(characters: Characters, turn: int, width: float, height: float) -> View:
    """Group the characters that run in one direction (there is at least one) into segments."""
    order = np.flatnonzero(characters.turn == turn)
    box = to_frame(characters.box[:, order], turn, width, height)
    pen = characters.origin[:, order]
    base = to_frame(np.concatenate([pen, pen]), turn, width, height)[1]
    size, font, seen = characters.size[order], characters.font[order], characters.gap[order]
    new = np.ones(len(order), bool)
    larger = np.maximum(size[1:], size[:-1])
    gap = box[0, 1:] - box[2, :-1]
    new[1:] = (np.diff(order) > 1) | (seen[1:] == 2) | (gap > 0.8 * larger)
    if turn != ASKEW:
        new[1:] |= (gap < -1.5 * larger) | (np.abs(np.diff(base)) > 0.55 * larger)
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(order))
    chosen = _dominant(base, size, font, new)
    middle, scale = base[chosen], size[chosen]
    if turn == ASKEW:
        y0, y1 = np.minimum.reduceat(box[1], start), np.maximum.reduceat(box[3], start)
        middle = y1
    else:
        y0, y1 = middle - 0.78 * scale, middle + 0.22 * scale
    x0, x1 = np.minimum.reduceat(box[0], start), np.maximum.reduceat(box[2], start)
    spaced = (seen == 1) & ~new
    return View(
        turn=turn,
        width=width,
        height=height,
        segments=Segments(x0, x1, y0, y1, middle, scale, end - start),
        start=start.tolist(),
        end=end.tolist(),
        text=_spaced([characters.text[i] for i in order.tolist()], spaced),
        at=np.arange(len(order)) + np.cumsum(spaced),
        base=base,
        size=size,
        smallest=np.minimum.reduceat(size, start).tolist(),
        font=font[chosen].tolist(),
        after=seen[start].tolist(),
        superior=_by_segment(np.flatnonzero(characters.superior[order]), start),
    )


def _by_segment(places: Indices, start: Indices) -> list[list[int]]:
    grouped: list[list[int]] = [[] for _ in range(len(start))]
    owners = np.searchsorted(start, places, side="right") - 1
    for owner, place in zip(owners.tolist(), places.tolist(), strict=True):
        grouped[owner].append(place)
    return grouped


def _spaced(characters: list[str], spaced: Any) -> str:
    for place in np.flatnonzero(spaced).tolist():
        characters[place] = f" {characters[place]}"
    return "".join(characters)


def _dominant(base: Floats, size: Floats, font: Integers, new: Any) -> Indices:
    """One character of each segment's longest run of equal baseline, size and font."""
    run = new.copy()
    run[1:] |= (np.abs(np.diff(base)) > 0.05) | (np.abs(np.diff(size)) > 0.05)
    run[1:] |= np.diff(font) != 0
    first = np.flatnonzero(run)
    length = np.diff(np.append(first, len(base)))
    segment = (np.cumsum(new) - 1)[first]
    longest = np.lexsort((-np.arange(len(first)), length, segment))
    last = np.append(np.flatnonzero(np.diff(segment[longest])), len(longest) - 1)
    chosen: Indices = first[longest[last]]
    return chosen


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
