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
from itertools import pairwise
from typing import Any

import numpy as np

from goldsmith.extract.characters import Floats
from goldsmith.extract.segments import Indices, Segments

_DEEPEST = 8
_TRIES = 4
_LEAST = 40  # characters that a column has
_ROW = 8  # characters of a row of running text at the least
_STEP = 2.0  # points between the places where a gutter is looked for


def reading_order(segments: Segments, chosen: tuple[int, int] | None = None) -> list[Indices]:
    """Split segments of one page into groups in reading order; each group is read row by row.

    ``chosen`` is the range of the page's segments, all by default.
    """
    everything = np.arange(*(chosen or (0, len(segments.base))))
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
            apart = near[count] - reach > 0.7 * _median(size)
            return count if apart and count <= 6 else 0
        reach = max(reach, far[count])
    return 0


def _cut(s: Segments, ids: Indices, depth: int) -> list[Indices]:
    if len(ids) < 6 or depth >= _DEEPEST or not _beside(s, ids):
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


def _beside(s: Segments, ids: Indices) -> bool:
    """Whether enough text stands beside other text for there to be columns."""
    order = ids[np.argsort(s.y0[ids], kind="stable")]
    top, bottom, weight = s.y0[order], s.y1[order], s.weight[order]
    shared = np.zeros(len(order), bool)
    shared[1:] = top[1:] < np.maximum.accumulate(bottom)[:-1] - 0.3 * s.size[order[1:]]
    shared[:-1] |= shared[1:]
    return bool(weight[shared].sum() >= _LEAST)


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
    em = _median(s.size[ids])
    low, high = float(x0.min()), float(x1.max())
    if high - low < 14 * em:
        return
    half = 0.3 * em
    places = np.arange(low + 4 * em, high - 4 * em, _STEP, dtype=np.float32)
    by_end, by_start = x1.argsort(), x0.argsort()
    ends, starts = np.zeros(len(ids) + 1, np.float32), np.zeros(len(ids) + 1, np.float32)
    mass[by_end].cumsum(out=ends[1:])
    mass[by_start].cumsum(out=starts[1:])
    left = ends[x1[by_end].searchsorted(places - half, side="right")]
    right = ends[-1] - starts[x0[by_start].searchsorted(places + half, side="left")]
    poorer, both = np.minimum(left, right), left + right
    for _ in range(_TRIES):
        best = float(poorer.max(initial=0.0))
        if best < _LEAST or best < 0.03 * mass.sum():
            return
        good = poorer >= 0.995 * best
        widest = np.flatnonzero(good & (both >= both[good].max()))  # what crosses it least
        edges = np.flatnonzero(widest[1:] - widest[:-1] > 1) + 1
        bounds = [0, *edges.tolist(), len(widest)]
        length, start = max((b - a, -a) for a, b in pairwise(bounds))
        place = float(places[widest[length // 2 - start]])
        yield place, half
        poorer[np.abs(places - place) <= max(2 * em, length * _STEP)] = 0.0


def _bands(s: Segments, ids: Indices, side: Any) -> list[tuple[bool, Indices]]:
    """Cut the region at the rows that cross the gutter; say of each band whether it has columns."""
    order = s.y0[ids].argsort(kind="stable")
    ids, side = ids[order], side[order]
    crossing = ids[side == 0]
    middle = (s.y0[ids] + s.y1[ids]) / 2
    begun = s.y0[crossing].searchsorted(middle, side="left")
    band = np.sort(s.y1[crossing]).searchsorted(middle, side="right")
    band = band * 2 + (begun > band)  # rows beside a crossing segment stay with it
    weight = s.weight[ids]
    both = np.bincount(band, weight * (side < 0)) >= _ROW
    both &= np.bincount(band, weight * (side > 0)) >= _ROW
    both[1::2] = False
    if not both.any():
        return [(False, ids)]
    bands: list[tuple[bool, Indices]] = []
    for number in np.flatnonzero(np.bincount(band)).tolist():
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
    drawn = ids.argsort()
    back = (side[drawn][:-1] > 0) & (side[drawn][1:] < 0)
    if not back.any():
        return [(ids, side)]
    above = np.maximum.accumulate(s.y1[ids[drawn]])[:-1]
    below = np.minimum.accumulate(s.y0[ids[drawn]][::-1])[::-1][1:]
    cuts = np.flatnonzero(back & (above <= below + 1.0)) + 1
    if len(cuts) == 0 or len(cuts) * 6 > len(ids):
        return [(ids, side)]
    return [(ids[part], side[part]) for part in np.split(drawn, cuts)]


def _has_columns(s: Segments, ids: Indices, side: Any) -> bool:
    """Whether both sides hold running text rather than the cells of a table."""
    left, right = ids[side < 0], ids[side > 0]
    if len(left) == 0 or len(right) == 0 or (len(left) < 2 and len(right) < 4):
        return False
    if len(right) < 2 and len(left) < 4:
        return False
    (rows_left, text_left), (rows_right, text_right) = _rows(s, left), _rows(s, right)
    if min(len(rows_left), len(rows_right)) == 1:
        return max(len(rows_left), len(rows_right)) > 3 and min(text_left, text_right) >= 12
    drawn = side[ids.argsort()]  # ids count in the order in which the page was drawn
    switches = int(np.count_nonzero(drawn[1:] != drawn[:-1]))
    fewer = min(len(rows_left), len(rows_right))
    if switches <= 0.25 * fewer and min(text_left, text_right) >= _ROW:
        return True  # one side after the other: nobody draws a table like that
    if min(text_left, text_right) < 12:
        return False
    fill_left, fill_right = _fullness(s, left, rows_left), _fullness(s, right, rows_right)
    if min(fill_left, fill_right) < 0.45:
        return False
    bases = np.sort(s.base[right])
    near = bases.searchsorted(s.base[left] - 1.0) < bases.searchsorted(s.base[left] + 1.0)
    prose = min(text_left, text_right) >= 22 and min(fill_left, fill_right) >= 0.6
    return bool(prose or near.mean() < 0.5)


def _rows(s: Segments, ids: Indices) -> tuple[list[tuple[int, float]], float]:
    """Characters and width of the rows of one side; characters in the typical character's row.

    Characters vote, not rows: formulas between paragraphs do not make a table of a column.
    """
    x0, x1, base, size, weight = s.x0s, s.x1s, s.bases, s.sizes, s.weights
    order = sorted(ids.tolist(), key=base.__getitem__)
    rows: list[tuple[int, float]] = []  # characters, width
    last = -1e9
    for one in order:
        if base[one] - last > 0.5 * size[one]:
            rows.append((weight[one], x1[one] - x0[one]))
        else:
            rows[-1] = (rows[-1][0] + weight[one], rows[-1][1] + x1[one] - x0[one])
        last = base[one]
    return rows, _middle([(characters, characters) for characters, _ in rows])


def _fullness(s: Segments, ids: Indices, rows: list[tuple[int, float]]) -> float:
    """How full the row is that the typical character of one side is in."""
    span = float(s.x1[ids].max()) - float(s.x0[ids].min())
    return _middle([(width, characters) for characters, width in rows]) / max(span, 1.0)


def _median(values: Floats) -> float:
    """The median; numpy's own takes longer than all else here."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half] + ordered[-half - 1]) / 2


def _middle(votes: list[tuple[float, int]]) -> float:
    """The weighted median of (value, weight)."""
    votes.sort()
    left = sum([weight for _, weight in votes]) / 2
    for value, weight in votes:
        left -= weight
        if left <= 0:
            return value
    return votes[-1][0]
