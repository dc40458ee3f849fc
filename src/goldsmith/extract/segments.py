"""Pieces grouped into segments: stretches of one baseline without a wide gap.

Each of the directions in which text runs on a page gets a *reading frame* of its own, turned so
that its text runs to the right and lines follow downwards; `to_frame` and `from_frame` are exact
inverses. What is a column and what is a line is decided in `layout` and `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.characters import ASKEW, Floats, Frame, Integers, Pieces
from goldsmith.extract.reading import Box

Indices = NDArray[np.intp]

SMALL = 0.86  # of the size of what they stand in; superscripts are smaller
RAISED = 0.12  # of that size that they stand higher, at the least


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

    @cached_property
    def x0s(self) -> list[float]:
        """The left edges as a list, for code that looks at one segment at a time."""
        listed: list[float] = self.x0.tolist()
        return listed

    @cached_property
    def x1s(self) -> list[float]:
        """The right edges as a list."""
        listed: list[float] = self.x1.tolist()
        return listed

    @cached_property
    def y0s(self) -> list[float]:
        """The upper edges as a list."""
        listed: list[float] = self.y0.tolist()
        return listed

    @cached_property
    def y1s(self) -> list[float]:
        """The lower edges as a list."""
        listed: list[float] = self.y1.tolist()
        return listed

    @cached_property
    def bases(self) -> list[float]:
        """The baselines as a list."""
        listed: list[float] = self.base.tolist()
        return listed

    @cached_property
    def sizes(self) -> list[float]:
        """The type sizes as a list."""
        listed: list[float] = self.size.tolist()
        return listed

    @cached_property
    def weights(self) -> list[int]:
        """The numbers of characters as a list."""
        listed: list[int] = self.weight.tolist()
        return listed


@dataclass(frozen=True)
class View:
    """Pages seen along one direction of their text: their segments and the segments' k pieces.

    ``pages`` gives for each page the range of its segments. Segment ``i`` holds the pieces
    ``start[i]`` to ``end[i]``. ``text`` is all text with the spaces inside segments; piece ``j``
    stands at ``at[j]`` to ``to[j]`` in it. ``left``, ``right``, ``base`` and ``size`` are of
    pieces; ``smallest``, ``font`` and ``after`` (what pdfium saw before: see `Pieces.gap`) are of
    segments, and so are ``box`` (in displayed points) and ``backward`` (right-to-left text).
    ``superior`` holds, by segment, the places in ``text`` of characters that are raised by their
    glyph; ``raised`` the ranges of smaller pieces that stand higher than their own segment.
    """

    turn: int
    pages: list[tuple[int, int]]
    segments: Segments
    start: list[int]
    end: list[int]
    text: str
    at: list[int]
    to: list[int]
    left: list[float]
    right: list[float]
    base: list[float]
    size: list[float]
    smallest: list[float]
    font: list[int]
    after: list[int]
    backward: list[bool]
    box: list[Box]
    superior: dict[int, list[int]]
    raised: dict[int, list[tuple[int, int]]]


def make_view(pieces: Pieces, turn: int, frames: list[Frame]) -> View:
    """Group the pieces that run in one direction (there is at least one) into segments."""
    order = np.flatnonzero(pieces.turn == turn)
    chosen: Any = slice(None) if len(order) == len(pieces.turn) else order
    first, length = pieces.first[chosen], pieces.last[chosen] - pieces.first[chosen] + 1
    page, pen = pieces.page[chosen], pieces.origin[:, chosen]
    size, font, seen = pieces.size[chosen], pieces.font[chosen], pieces.gap[chosen]
    sides = np.array([(f.width, f.height) for f in frames], np.float32).T[:, page]
    box = to_frame(pieces.box[:, chosen], turn, sides[0], sides[1])
    base = to_frame(np.concatenate([pen, pen]), turn, sides[0], sides[1])[1]
    backward = pieces.backward[chosen]
    new = np.ones(len(order), bool)
    larger = np.maximum(size[1:], size[:-1])
    gap = box[0, 1:] - box[2, :-1]
    if backward.any():
        gap = np.where(backward[1:] & backward[:-1], box[0, :-1] - box[2, 1:], gap)
    new[1:] = (order[1:] - order[:-1] > 1) | (seen[1:] == 2) | (gap > 0.8 * larger)
    new[1:] |= (page[1:] != page[:-1]) | (backward[1:] != backward[:-1])
    if turn != ASKEW:
        new[1:] |= (gap < -1.5 * larger) | (np.abs(base[1:] - base[:-1]) > 0.55 * larger)
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(order))
    spaced = (seen == 1) & ~new
    text, at, to, superior = _text(pieces, first, length, spaced)
    main = _dominant(base, size, font, new, length)
    middle, scale = base[main], size[main]
    if turn == ASKEW:
        y0, y1 = np.minimum.reduceat(box[1], start), np.maximum.reduceat(box[3], start)
        middle = y1
    else:
        y0, y1 = middle - 0.78 * scale, middle + 0.22 * scale
    x0, x1 = np.minimum.reduceat(box[0], start), np.maximum.reduceat(box[2], start)
    weight = np.add.reduceat(length, start)
    bounds = page[start].searchsorted(np.arange(len(frames) + 1)).tolist()
    return View(
        turn=turn,
        pages=list(pairwise(bounds)),
        segments=Segments(x0, x1, y0, y1, middle, scale, weight),
        start=start.tolist(),
        end=end.tolist(),
        text=text,
        at=at.tolist(),
        to=to.tolist(),
        left=box[0].tolist(),
        right=box[2].tolist(),
        base=base.tolist(),
        size=size.tolist(),
        smallest=np.minimum.reduceat(size, start).tolist(),
        font=font[main].tolist(),
        after=seen[start].tolist(),
        backward=backward[start].tolist(),
        box=_rounded(from_frame(np.stack([x0, y0, x1, y1]), turn, *sides[:, start])),
        superior=_by_segment(superior, at[start]),
        raised=_raised(base, size, middle, scale, new, at, to) if turn != ASKEW else {},
    )


def _rounded(box: Floats) -> list[Box]:
    """Boxes to a hundredth of a point, nowhere thinner than a tenth."""
    box = box.astype(np.float64)
    box[2:] = np.maximum(box[2:], box[:2] + 0.1)
    return list(zip(*box.round(2).tolist(), strict=True))


def _raised(
    base: Floats, size: Floats, middle: Floats, scale: Floats, new: Any, at: Indices, to: Indices
) -> dict[int, list[tuple[int, int]]]:
    segment = new.cumsum() - 1
    own = scale[segment]
    up = np.flatnonzero((size < SMALL * own) & (middle[segment] - base > RAISED * own))
    found: dict[int, list[tuple[int, int]]] = {}
    places = zip(segment[up].tolist(), at[up].tolist(), to[up].tolist(), strict=True)
    for owner, begin, end in places:
        found.setdefault(owner, []).append((begin, end))
    return found


def _text(
    pieces: Pieces, first: Indices, length: Indices, spaced: Any
) -> tuple[str, Indices, Indices, Indices]:
    """The pieces' text in one string; where each begins and ends in it; where superiors stand."""
    to = (length + spaced).cumsum()
    at = to - length
    source = np.arange(int(to[-1])) + (first - at).repeat(length + spaced)
    codes = pieces.codes[source]
    codes[at[spaced] - 1] = ord(" ")
    high = np.zeros(len(pieces.codes), bool)
    high[pieces.superior] = True
    superior = high[source]
    superior[at[spaced] - 1] = False
    there = codes != 0
    if not there.all():
        moved = np.concatenate([[0], (~there).cumsum()])
        at, to, codes, superior = at - moved[at], to - moved[to], codes[there], superior[there]
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    return text, at, to, np.flatnonzero(superior)


def _by_segment(superior: Indices, begin: Indices) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = {}
    owners = begin.searchsorted(superior, side="right") - 1
    for segment, place in zip(owners.tolist(), superior.tolist(), strict=True):
        grouped.setdefault(segment, []).append(place)
    return grouped


def _dominant(base: Floats, size: Floats, font: Integers, new: Any, length: Indices) -> Indices:
    """One piece of each segment's longest run of equal baseline, size and font."""
    run = new.copy()
    run[1:] |= (np.abs(base[1:] - base[:-1]) > 0.05) | (np.abs(size[1:] - size[:-1]) > 0.05)
    run[1:] |= font[1:] != font[:-1]
    first = np.flatnonzero(run)
    if len(first) == np.count_nonzero(new):
        return first
    weight = np.add.reduceat(length, first)
    segment = (np.cumsum(new) - 1)[first]
    longest = np.lexsort((-np.arange(len(first)), weight, segment))
    last = np.append(np.flatnonzero(np.diff(segment[longest])), len(longest) - 1)
    chosen: Indices = first[longest[last]]
    return chosen


def to_frame(box: Floats, turn: int, width: Floats, height: Floats) -> Floats:
    """Displayed boxes (4, n) in the frame in which text of this direction runs to the right."""
    x0, y0, x1, y1 = box
    if turn == 1:
        return np.stack([height - y1, x0, height - y0, x1])
    if turn == 2:
        return np.stack([width - x1, height - y1, width - x0, height - y0])
    if turn == 3:
        return np.stack([y0, width - x1, y1, width - x0])
    return box


def from_frame(box: Floats, turn: int, width: Floats, height: Floats) -> Floats:
    """Boxes (4, n) of the reading frame back in displayed points."""
    x0, y0, x1, y1 = box
    if turn == 1:
        return np.stack([y0, height - x1, y1, height - x0])
    if turn == 2:
        return np.stack([width - x1, height - y1, width - x0, height - y0])
    if turn == 3:
        return np.stack([width - y1, x0, width - y0, x1])
    return box
