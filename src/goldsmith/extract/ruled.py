"""Ruled tables: the cells of rows of text by the lattice that is drawn around them.

`mark_ruled` takes a lattice only if the text agrees with it: its rows stand together, no word
runs through a wall, most rows hold several cells, and none is a page of text. A lattice is left
alone if the white between columns shows a table that is larger than it (see `tables`), or if its
rows of text are not ruled off from each other (a frame, a head and columns).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise

import numpy as np

from goldsmith.extract.rows import Row
from goldsmith.extract.rulings import Lattice
from goldsmith.extract.segments import View

_INSET = 2.0  # points that a word may reach into a wall
_UP = 0.3  # type sizes above the baseline where the middle of a row is
_FILLED = 0.4  # share of the cells that hold text, at the least
_LONG = 200  # characters of the typical cell at the most
_UNRULED = 3  # rows of text with most columns filled in one row of the lattice
_MOST = 60  # columns
_PADDING = 8.0  # points; a narrower column without text is the space around a cell's box
_SEVERAL = 0.5  # share of the rows of the lattice that hold more than one cell, at the least
Place = tuple[int, int]  # row and first column of a cell


def mark_ruled(view: View, rows: list[Row], lattices: list[Lattice]) -> None:
    """Mark those of the rows of a page, in reading order, that lie in a lattice.

    Rows of a table that was seen before are marked anew if all of it lies in the lattice.
    """
    for lattice in lattices:
        if len(lattice.xs) > _MOST:
            continue
        inside = [index for index, row in enumerate(rows) if _is_inside(view, row, lattice)]
        if not inside or inside[-1] - inside[0] + 1 != len(inside):
            continue
        those = [rows[index] for index in inside]
        if any(row.drawn for row in those) or _goes_on(rows, inside[0], inside[-1] + 1):
            continue
        lattice = _without_padding(view, those, lattice)
        placed = [_placed(view, row, lattice) for row in those]
        found = [one for one in placed if one is not None]
        if len(found) == len(placed) and _is_table(found, lattice):
            for row, (number, cells) in zip(those, found, strict=True):
                _mark(row, number, cells)


def _goes_on(rows: list[Row], start: int, end: int) -> bool:
    """Whether a table that was seen before stands in these rows and in others, too."""
    numbers = [_number(row) for row in rows[max(start - 1, 0) : end + 1]]
    before = numbers[0] if start > 0 else None
    after = numbers[-1] if end < len(rows) else None
    first, last = _number(rows[start]), _number(rows[end - 1])
    above = before is not None and first is not None and first >= before and first > 0
    below = after is not None and last is not None and after >= last and after > 0
    return above or below


def _number(row: Row) -> int | None:
    """The number of a row in the table it is known to be in."""
    kind, _, place = (row.hint or "").partition(":")
    return int(place.partition(":")[0]) if kind == "table" else None


def _without_padding(view: View, rows: list[Row], lattice: Lattice) -> Lattice:
    """The lattice without the narrow columns that shaded or boxed cells leave between them."""
    xs = lattice.xs
    kept: list[int] = []
    middles = [
        (view.left[piece] + view.right[piece]) / 2
        for row in rows
        for member in row.members
        for piece in range(view.start[member], view.end[member])
    ]
    for column, (left, right) in enumerate(pairwise(xs)):
        if right - left > _PADDING or any(left < middle < right for middle in middles):
            kept.append(column)
    if len(kept) < 2 or len(kept) == len(xs) - 1:
        return lattice
    walls = [lattice.upright[:, a:b].any(axis=1) for a, b in pairwise(kept)]
    edges = [xs[0], *((xs[a + 1] + xs[b]) / 2 for a, b in pairwise(kept)), xs[-1]]
    return replace(lattice, xs=edges, upright=np.stack(walls, axis=1), level=lattice.level[:, kept])


def _is_inside(view: View, row: Row, lattice: Lattice) -> bool:
    if not lattice.ys[0] < row.base - _UP * row.size < lattice.ys[-1]:
        return False
    s = view.segments
    low, high = lattice.xs[0], lattice.xs[-1]
    return any(low < (s.x0s[one] + s.x1s[one]) / 2 < high for one in row.members)


# The number of a row, and its cells: the first piece, columns, characters.
Cells = list[tuple[int, tuple[int, int], int]]
Placed = tuple[int, Cells]


def _placed(view: View, row: Row, lattice: Lattice) -> Placed | None:
    """Where a row's cells stand; None if a word is outside the lattice or runs through a wall."""
    xs, ys = lattice.xs, lattice.ys
    middle = row.base - _UP * row.size
    band = bisect_left(ys, middle) - 1
    cells: Cells = []
    tops: list[int] = []
    for member in row.members:
        for piece in range(view.start[member], view.end[member]):
            left, right = view.left[piece], view.right[piece]
            column = bisect_left(xs, (left + right) / 2) - 1
            if not 0 <= column < len(xs) - 1:
                return None
            span = lattice.columns(band, column)
            if left < xs[span[0]] - _INSET or right > xs[span[1] + 1] + _INSET:
                return None
            long = view.to[piece] - view.at[piece]
            if cells and cells[-1][1] == span:
                first, _, length = cells[-1]
                cells[-1] = (first, span, length + long)
            elif cells and span[0] <= cells[-1][1][1]:
                return None  # back to the left: not a row that is read in order
            else:
                cells.append((piece, span, long))
                tops.append(lattice.top(band, column))
    return max(tops), cells


def _is_table(placed: list[Placed], lattice: Lattice) -> bool:
    numbers = [number for number, _ in placed]
    if numbers != sorted(numbers) or len(set(numbers)) < 2:
        return False
    long: dict[Place, int] = {}
    full: dict[int, int] = {}  # rows of text, by row of the lattice, with most columns filled
    for number, cells in placed:
        for _, span, length in cells:
            long[number, span[0]] = long.get((number, span[0]), 0) + length
        full[number] = full.get(number, 0) + (len(cells) > 0.5 * (len(lattice.xs) - 1))
    if max(full.values()) >= _UNRULED or len({column for _, column in long}) < 2:
        return False
    several = [sum(row == number for row, _ in long) > 1 for number in set(numbers)]
    if sum(several) < max(2, _SEVERAL * len(several)):
        return False
    count = (len(lattice.ys) - 1) * (len(lattice.xs) - 1)
    merged = (~lattice.upright).sum() + (~lattice.level).sum()
    typical = sorted(long.values())[len(long) // 2]
    return len(long) >= _FILLED * max(count - merged, 1) and typical <= _LONG


def _mark(row: Row, number: int, cells: Cells) -> None:
    row.cells = frozenset(piece for piece, _, _ in cells)
    spans = [str(a) if a == b else f"{a}-{b}" for _, (a, b), _ in cells]
    row.hint = f"table:{number}:c{','.join(spans)}"
