"""From the characters of a page to lines in reading order, for any number of columns.

Characters become *segments* (one stretch without a wide gap); a recursive cut at gutters sorts the
segments into columns, in the manner of XY-cut (Nagy and Seth 1984) but with a gutter that elements
across both columns may interrupt; within a column, segments on one baseline become one line, so
that lines of different columns never meet. A gap wider than twice the type size inside a line
is written as a tab. Running heads go first and footers last; text in another direction follows the
text in the main direction, read in its own frame.

The same cut orders the boxes that OCR found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from goldsmith.extract.characters import Floats
from goldsmith.extract.segments import Indices, Segments

_DEEPEST = 8
_TRIES = 4
_STEP = 2.0  # points between the places where a gutter is looked for


def reading_order(segments: Segments) -> list[Indices]:
    """Split the segments into groups in reading order; each group is read row by row."""
    everything = np.arange(len(segments.base))
    if len(everything) < 2:
        return [everything] if len(everything) else []
    head, rest, foot = _margins(segments, everything)
    groups = [head] if len(head) else []
    groups += _cut(segments, rest, 0)
    return [*groups, foot] if len(foot) else groups


def _margins(s: Segments, ids: Indices) -> tuple[Indices, Indices, Indices]:
    """Peel a running head and a footer: a first or last row set apart by more than a line.

    Peeling only fixes their place in the order; whether they are furniture others decide.
    """
    by_top = ids[np.argsort(s.y0[ids], kind="stable")]
    head = _peel(s.y0[by_top], s.y1[by_top], s.size[by_top])
    rest = by_top[head:]
    by_bottom = rest[np.argsort(-s.y1[rest], kind="stable")]
    foot = _peel(-s.y1[by_bottom], -s.y0[by_bottom], s.size[by_bottom])
    return by_top[:head], np.sort(by_bottom[foot:]), by_bottom[:foot]


def _peel(near: Floats, far: Floats, size: Floats) -> int:
    """How many of the segments, sorted from the edge, form one row with a gap behind it."""
    if len(near) < 8:
        return 0
    limit = near[0] + 1.0 * size[0]
    reach = near[0]
    for count in range(len(near)):
        if near[count] > limit:
            apart = near[count] - reach > 0.7 * float(np.median(size))
            return count if apart and count <= 6 else 0
        reach = max(reach, far[count])
    return 0


def _cut(s: Segments, ids: Indices, depth: int) -> list[Indices]:
    if len(ids) < 6 or depth >= _DEEPEST:
        return [ids] if len(ids) else []
    for place, half in _gutters(s, ids):
        left, right = place - half, place + half
        side = np.where(s.x1[ids] <= left, -1, np.where(s.x0[ids] >= right, 1, 0))
        groups: list[tuple[bool, Indices]] = []  # (columns?, members), from top to bottom
        for columns, members in _bands(s, ids, side):
            if groups and not columns and not groups[-1][0]:
                groups[-1] = (False, np.concatenate([groups[-1][1], members]))
            else:
                groups.append((columns, members))
        if any(columns for columns, _ in groups):
            return _cut_groups(s, groups, place, depth)
    return [ids]


def _cut_groups(
    s: Segments, groups: list[tuple[bool, Indices]], place: float, depth: int
) -> list[Indices]:
    result: list[Indices] = []
    for columns, members in groups:
        if columns:
            where = s.x0[members] < place
            result += _cut(s, members[where], depth + 1) + _cut(s, members[~where], depth + 1)
        else:
            result += _cut(s, members, depth + 1)
    return result


def _gutters(s: Segments, ids: Indices) -> Iterator[tuple[float, float]]:
    """Yield vertical white strips (middle, half width), most text on the poorer side first.

    Segments that cross a strip count against it only by not counting for it: a title or a figure
    over both columns may interrupt a gutter.
    """
    x0, x1 = s.x0[ids], s.x1[ids]
    mass = s.weight[ids].astype(np.float32)
    em = float(np.median(s.size[ids]))
    low, high = float(x0.min()), float(x1.max())
    if high - low < 14 * em:
        return
    half = 0.3 * em
    places = np.arange(low + 4 * em, high - 4 * em, _STEP, dtype=np.float32)
    by_end, by_start = np.argsort(x1), np.argsort(x0)
    ends = np.concatenate([[0], np.cumsum(mass[by_end])])
    starts = np.concatenate([[0], np.cumsum(mass[by_start])])
    left = ends[np.searchsorted(x1[by_end], places - half, side="right")]
    right = mass.sum() - starts[np.searchsorted(x0[by_start], places + half, side="left")]
    poorer = np.minimum(left, right)
    for _ in range(_TRIES):
        best = float(poorer.max(initial=0.0))
        if best < 40 or best < 0.03 * mass.sum():
            return
        widest = np.flatnonzero(poorer >= 0.995 * best)
        runs = np.split(widest, np.flatnonzero(np.diff(widest) > 1) + 1)
        run = max(runs, key=len)
        place = float(places[run[len(run) // 2]])
        yield place, half
        poorer[np.abs(places - place) <= max(2 * em, len(run) * _STEP)] = 0.0


def _bands(s: Segments, ids: Indices, side: Any) -> list[tuple[bool, Indices]]:
    """Cut the region at the rows that cross the gutter; say of each band whether it has columns."""
    order = np.argsort(s.y0[ids], kind="stable")
    ids, side = ids[order], side[order]
    crossing = ids[side == 0]
    middle = (s.y0[ids] + s.y1[ids]) / 2
    begun = np.searchsorted(np.sort(s.y0[crossing]), middle, side="left")
    band = np.searchsorted(np.sort(s.y1[crossing]), middle, side="right")
    inside = begun > band
    band = band * 2 + inside  # rows beside a crossing segment stay with it
    both = np.bincount(band, side < 0).astype(bool) & np.bincount(band, side > 0).astype(bool)
    both[1::2] = False
    if not both.any():
        return [(False, ids)]
    bands: list[tuple[bool, Indices]] = []
    for number in np.unique(band).tolist():
        members = ids[band == number]
        if both[number]:
            sides = side[band == number]
            bands += [(_has_columns(s, *part), part[0]) for part in _cards(s, members, sides)]
        else:
            bands.append((False, members))
    return bands


def _cards(s: Segments, ids: Indices, side: Any) -> list[tuple[Indices, Any]]:
    """Cut a band where the drawing came back from right to left below all that was drawn.

    That is how a grid of cards is drawn, which is read row by row; columns come back higher up.
    A table comes back at every row: it is left in one piece.
    """
    drawn = np.argsort(ids)
    above = np.maximum.accumulate(s.y1[ids[drawn]])[:-1]
    below = np.minimum.accumulate(s.y0[ids[drawn]][::-1])[::-1][1:]
    back = (side[drawn][:-1] > 0) & (side[drawn][1:] < 0) & (above <= below + 1.0)
    cuts = np.flatnonzero(back) + 1
    if len(cuts) == 0 or len(cuts) * 6 > len(ids):
        return [(ids, side)]
    return [(ids[part], side[part]) for part in np.split(drawn, cuts)]


def _has_columns(s: Segments, ids: Indices, side: Any) -> bool:
    """Whether both sides hold running text rather than the cells of a table."""
    left, right = ids[side < 0], ids[side > 0]
    if len(left) == 0 or len(right) == 0:
        return False
    shapes = [_shape(s, part) for part in (left, right)]
    (rows_left, text_left, fill_left), (rows_right, text_right, fill_right) = shapes
    if min(rows_left, rows_right) == 1:
        return bool(max(rows_left, rows_right) > 3 and min(text_left, text_right) >= 12)
    drawn = side[np.argsort(ids)]  # ids count in the order in which the page was drawn
    switches = int(np.count_nonzero(np.diff(drawn)))
    if switches <= 0.25 * min(rows_left, rows_right) and min(text_left, text_right) >= 8:
        return True  # one side after the other: nobody draws a table like that
    if min(text_left, text_right) < 12 or min(fill_left, fill_right) < 0.45:
        return False
    bases = np.sort(s.base[right])
    near = np.searchsorted(bases, s.base[left] - 1.0) < np.searchsorted(bases, s.base[left] + 1.0)
    prose = min(text_left, text_right) >= 22 and min(fill_left, fill_right) >= 0.6
    return bool(prose or near.mean() < 0.5)


def _shape(s: Segments, ids: Indices) -> tuple[int, float, float]:
    """Rows of one side; characters in, and fullness of, the row that the typical character is in.

    Characters vote, not rows: formulas between paragraphs do not make a table of a column.
    """
    order = ids[np.argsort(s.base[ids], kind="stable")]
    new = np.concatenate([[True], np.diff(s.base[order]) > 0.5 * s.size[order][1:]])
    row = np.cumsum(new) - 1
    text = np.bincount(row, s.weight[order])
    wide = np.bincount(row, (s.x1 - s.x0)[order])
    span = float(s.x1[ids].max() - s.x0[ids].min())
    return int(row[-1]) + 1, _middle(text, text), _middle(wide, text) / max(span, 1.0)


def _middle(values: Any, weights: Any) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(total, total[-1] / 2))]])
