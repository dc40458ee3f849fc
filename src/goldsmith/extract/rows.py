"""From the segments of one column to its rows, and from rows to lines of text.

A row is what shares a baseline: its segments from left to right, raised marks and exponents
included. Turning rows into lines means choosing the spaces between segments, finding the raised
characters, the dominant font, and the blocks: paragraph-like groups told apart by leading, indent
and type size.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from goldsmith.extract.characters import ASKEW, Font
from goldsmith.extract.reading import Box, Line
from goldsmith.extract.segments import Indices, Segments, View, from_frame

_TAB = 2.0  # type sizes of white that make a gap inside a line a tab
_SMALL = 0.86  # of the row's type size; superscripts are smaller


@dataclass(slots=True)
class Row:
    """Segment numbers from left to right, and the band and size of the longest of them."""

    members: list[int]
    y0: float
    y1: float
    base: float
    size: float


def make_rows(s: Segments, ids: Indices) -> list[Row]:
    """Group the segments of one column into rows, top to bottom.

    Longest segments first: each either joins the row it overlaps most or opens one.
    """
    rows: list[Row] = []
    bases: list[float] = []
    x0, x1, y0, y1 = s.x0.tolist(), s.x1.tolist(), s.y0.tolist(), s.y1.tolist()
    base, size = s.base.tolist(), s.size.tolist()
    weight = np.asarray(s.weight)[ids]
    for one in ids[np.lexsort((s.x0[ids], s.base[ids], -weight * s.size[ids]))].tolist():
        place = bisect_left(bases, base[one])
        best, most = None, 0.5
        for row in rows[max(place - 3, 0) : place + 3]:
            shared = min(y1[one], row.y1) - max(y0[one], row.y0)
            share = shared / max(min(y1[one] - y0[one], row.y1 - row.y0), 0.1)
            needed = 0.35 if size[one] < 0.8 * row.size else 0.5
            if share > max(needed, most if best else 0.0) and _fits(one, row, x0, x1):
                best, most = row, share
        if best is not None:
            best.members.append(one)
        else:
            rows.insert(place, Row([one], y0[one], y1[one], base[one], size[one]))
            bases.insert(place, base[one])
    for row in rows:
        row.members.sort(key=lambda member: (x0[member], member))
    return rows


def _fits(one: int, row: Row, x0: list[float], x1: list[float]) -> bool:
    """Whether the segment lies beside, and not on top of, the row's segments."""
    for other in row.members:
        shared = min(x1[one], x1[other]) - max(x0[one], x0[other])
        if shared > 0.5 * min(x1[one] - x0[one], x1[other] - x0[other]) and shared > 1.0:
            return False
    return True


def make_lines(
    view: View, fonts: tuple[Font, ...], groups: list[Indices], page: int, block: int
) -> list[Line]:
    """Lines of all groups of segments, in order; blocks are numbered from ``block``."""
    lines: list[Line] = []
    s = view.segments
    edges = s.x0.tolist(), s.x1.tolist(), s.y0.tolist(), s.y1.tolist()
    for group in groups:
        rows = make_rows(s, group)
        numbers = block_numbers(s, rows, block)
        block = numbers[-1] + 1 if numbers else block
        for row, number in zip(rows, numbers, strict=True):
            lines.append(_line(view, fonts, edges, row, page, number))
    return lines


def _line(
    view: View,
    fonts: tuple[Font, ...],
    edges: tuple[list[float], ...],
    row: Row,
    page: int,
    block: int,
) -> Line:
    x0, x1 = edges[0], edges[1]
    pieces: list[str] = []
    raised: list[tuple[int, int]] = []
    length, right = 0, -1e9
    votes: dict[int, int] = {}
    for member in row.members:
        start, end = view.start[member], view.end[member]
        if pieces:
            between = separate(x0[member] - right, row.size, view.after[member])
            pieces.append(between)
            length += len(between)
        first = int(view.at[start])
        piece = view.text[first : int(view.at[end - 1]) + 1]
        pieces.append(piece)
        raised += [
            (at - first + length, at - first + length + 1) for at in _raised(view, member, row)
        ]
        length += len(piece)
        right = max(x1[member], right)
        votes[view.font[member]] = votes.get(view.font[member], 0) + end - start
    font = fonts[min(votes, key=lambda index: (-votes[index], index))]
    return Line(
        page=page,
        block=block,
        text="".join(pieces),
        box=_box(view, edges, row),
        font=font.name or None,
        size=round(row.size, 2),
        weight=font.weight,
        italic=font.italic,
        raised=_joined(raised),
        engine="pdfium",
    )


def _box(view: View, edges: tuple[list[float], ...], row: Row) -> Box:
    x0, x1, y0, y1 = edges
    left, top = min(x0[m] for m in row.members), min(y0[m] for m in row.members)
    right, bottom = max(x1[m] for m in row.members), max(y1[m] for m in row.members)
    shape = (left, top, max(right, left + 0.1), max(bottom, top + 0.1))
    a, b, c, d = from_frame(shape, view.turn, view.width, view.height)
    return round(a, 2), round(b, 2), round(c, 2), round(d, 2)


def separate(gap: float, size: float, seen: int) -> str:
    """What stands between two segments of a row: a tab, a space, or nothing."""
    if gap > _TAB * size:
        return "\t"
    return " " if gap > 0.15 * size or (seen == 1 and gap > 0.05 * size) else ""


def _raised(view: View, member: int, row: Row) -> list[int]:
    """Places in the frame's text of characters that stand higher than the row and are smaller."""
    up = view.superior[member]
    if view.smallest[member] < _SMALL * row.size and view.turn != ASKEW:
        start, end = view.start[member], view.end[member]
        small = view.size[start:end] < _SMALL * row.size
        small &= row.base - view.base[start:end] > 0.12 * row.size
        up = sorted({*up, *(np.flatnonzero(small) + start).tolist()})
    return [int(view.at[place]) for place in up]


def _joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def block_numbers(s: Segments, rows: list[Row], first: int, tolerance: float = 0.07) -> list[int]:
    """Number the rows' blocks: a new one at a wide leading, another size, an indent.

    ``tolerance`` is the share by which sizes may differ within a block.
    """
    if not rows:
        return []
    left = [float(s.x0[row.members[0]]) for row in rows]
    right = [float(s.x1[row.members].max()) for row in rows]
    edge = max(right)
    steps = [b.base - a.base for a, b in pairwise(rows)]
    numbers = [first]
    since, leading = 1, 0.0
    for index, step in enumerate(steps, start=1):
        row, before = rows[index], rows[index - 1]
        size = max(row.size, before.size)
        usual = leading or min(step, *steps[index : index + 1] or [step])
        moved = (left[index] - left[index - 1]) / size
        new = step > max(1.25 * usual, 0.8 * size) + 0.5 or step > 2.2 * size
        new = new or abs(row.size - before.size) > tolerance * size
        short = right[index - 1] < edge - 2.0 * size
        new = new or (moved > 0.7 and (since > 1 or short))
        new = new or (moved < -0.7 and since > 1)
        if new:
            since, leading = 1, 0.0
        else:
            since, leading = since + 1, step if not leading else min(leading, step)
        numbers.append(numbers[-1] + int(new))
    return numbers
