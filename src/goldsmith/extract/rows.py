"""From the segments of one column to its rows, and from rows to lines of text.

A row is what shares a baseline: its segments from left to right, raised marks and exponents
included. Turning rows into lines means choosing the spaces between segments, finding the raised
characters, the dominant font, and the blocks: paragraph-like groups told apart by leading, indent
and type size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from goldsmith.extract.characters import ASKEW
from goldsmith.extract.fonts import Font
from goldsmith.extract.reading import Box, Line
from goldsmith.extract.segments import RAISED, SMALL, Indices, Segments, View

Ranges = tuple[tuple[int, int], ...]

_LEVEL = 0.1  # of the type size that baselines of one row may differ without a closer look
_GAP = 1.0  # type sizes of white that make a row worth a look
_TAB = 2.0  # type sizes of white that make a gap inside a line a tab


@dataclass(slots=True)
class Row:
    """Segment numbers in reading order, and the band and size of the longest of them."""

    members: list[int]
    y0: float
    y1: float
    base: float
    size: float
    drawn: bool = False  # members are in the order of drawing: a formula
    cells: frozenset[int] = frozenset()  # pieces at which cells of a table begin
    hint: str | None = None
    edge: float | None = None  # the left edge of the dropped initial that the row stands beside
    begun: bool = False  # the first member is the initial of the word that follows


def make_rows(s: Segments, ids: Indices) -> list[Row]:
    """Group the segments of one column into rows, top to bottom.

    Segments that overlap nothing above or below are rows; the others are grouped longest first:
    each either joins the row it overlaps most or opens one.
    """
    y0, y1 = s.y0s, s.y1s
    rows: list[Row] = []
    cluster: list[int] = []
    reach = 0.0
    for one in sorted(ids.tolist(), key=y0.__getitem__):
        if cluster and y0[one] >= reach:
            rows += _overlapping(s, cluster)
            cluster = []
        reach = max(reach, y1[one]) if cluster else y1[one]
        cluster.append(one)
    return rows + _overlapping(s, cluster) if cluster else rows


def _overlapping(s: Segments, ids: list[int]) -> list[Row]:
    x0, x1, y0, y1, base, size = s.x0s, s.x1s, s.y0s, s.y1s, s.bases, s.sizes
    if len(ids) == 1:
        (one,) = ids
        return [Row(ids, y0[one], y1[one], base[one], size[one])]
    weight = s.weights
    weighed = [(-weight[one] * size[one], base[one], x0[one], one) for one in ids]
    bands, sizes = [base[one] for one in ids], [size[one] for one in ids]
    low = min(sizes)
    if max(bands) - min(bands) < _LEVEL * low and low > SMALL * max(sizes):
        places = sorted(ids)
        places.sort(key=x0.__getitem__)
        edge = x1[places[0]]
        for one in places[1:]:
            if edge > x0[one] + 1.0:
                break
            edge = x1[one]
        else:
            one = min(weighed)[-1]
            return [Row(places, y0[one], y1[one], base[one], size[one])]
    rows: list[Row] = []
    bases: list[float] = []
    for *_, one in sorted(weighed):
        place = bisect_left(bases, base[one])
        best, most = None, 0.5
        top, bottom = y0[one], y1[one]
        for row in rows[max(place - 3, 0) : place + 3]:
            shared = (bottom if bottom < row.y1 else row.y1) - (top if top > row.y0 else row.y0)
            if shared <= 0.0:
                continue
            share = shared / max(min(bottom - top, row.y1 - row.y0), 0.1)
            needed = 0.35 if size[one] < 0.8 * row.size else 0.5
            if share > max(needed, most if best else 0.0) and _fits(one, row.members, x0, x1):
                best, most = row, share
        if best is not None:
            best.members.insert(bisect_left(best.members, x0[one], key=x0.__getitem__), one)
        else:
            rows.insert(place, Row([one], top, bottom, base[one], size[one]))
            bases.insert(place, base[one])
    return rows


def _fits(one: int, members: list[int], x0: list[float], x1: list[float]) -> bool:
    """Whether the segment lies beside, and not on top of, the row's segments, which are sorted."""
    left, right = x0[one], x1[one]
    place = bisect_left(members, left, key=x0.__getitem__)
    for other in members[place - 2 if place > 2 else 0 : place + 2]:
        begin, end = x0[other], x1[other]
        shared = (right if right < end else end) - (left if left > begin else begin)
        if shared > 1.0 and shared > 0.5 * min(right - left, end - begin):
            return False
    return True


def is_gapped(view: View, row: Row) -> bool:
    """Whether there is white in the row that no word space explains: it may have cells."""
    if len(row.members) < 2:
        return False
    x0, x1 = view.segments.x0s, view.segments.x1s
    white = _GAP * row.size
    edge = x1[row.members[0]]
    for member in row.members[1:]:
        if x0[member] - edge > white:
            return True
        edge = x1[member]
    return False


def make_lines(
    view: View,
    fonts: tuple[Font, ...],
    groups: list[list[Row]],
    page: int,
    block: int,
    parts: Callable[[Row], list[Row]] | None = None,
) -> list[Line]:
    """Lines of all groups of rows of one page, in order; blocks are numbered from ``block``.

    ``parts`` says which parts of a row are lines of their own, if it is given.
    """
    lines: list[Line] = []
    s = view.segments
    for rows in groups:
        numbers = block_numbers(s, rows, block)
        block = numbers[-1] + 1 if numbers else block
        placed: Iterable[tuple[Row, int]] = zip(rows, numbers, strict=True)
        if parts:
            placed = ((part, number) for row, number in placed for part in parts(row))
        for row, number in placed:
            several = len(row.members) > 1 or len(row.cells) > 1
            text, raised, index = (_joined if several else _single)(view, row)
            font = fonts[index]
            lines.append(
                Line(
                    page,
                    number,
                    text,
                    _box(view.box, row.members),
                    font.name or None,
                    round(row.size, 2),
                    font.weight,
                    font.italic,
                    raised,
                    font.engine,
                    hint=row.hint,
                )
            )
    return lines


def _single(view: View, row: Row) -> tuple[str, Ranges, int]:
    """Text, raised ranges and font of a row that is one segment."""
    (member,) = row.members
    first = view.at[view.start[member]]
    text = view.text[first : view.to[view.end[member] - 1]]
    raised: Ranges = ()
    if member in view.raised or member in view.superior:
        raised = _merged(_raised(view, member, row, -first))
    return text, raised, view.font[member]


def _joined(view: View, row: Row) -> tuple[str, Ranges, int]:
    """Text, raised ranges and font of a row of several segments, with what stands between them."""
    x0, x1 = view.segments.x0s, view.segments.x1s
    text, edge, before = "", 0.0, -1
    raised: list[tuple[int, int]] = []
    votes: dict[int, int] = {}
    members = row.members
    weights = [view.end[member] - view.start[member] for member in members]
    backward = sum(
        weight if view.backward[member] else -weight
        for member, weight in zip(members, weights, strict=True)
    )
    if backward > 0 and not row.drawn:
        members = sorted(members, key=lambda member: (-x1[member], member))
    for member in members:
        near, far = (-x1[member], -x0[member]) if backward > 0 else (x0[member], x1[member])
        if text:
            gap = near - edge
            apart = row.drawn and gap < -0.3 * row.size  # a fraction's lower half
            between = " " if apart else separate(gap, row.size, view.after[member])
            if row.begun and member == members[1]:
                between = ""
            elif not between and not row.drawn and view.start[member] != view.end[before]:
                between = " "  # the page does not say that these are one word
            if row.cells:
                between = "\t" if view.start[member] in row.cells else between.replace("\t", " ")
            text += between
        first = view.at[view.start[member]]
        piece = view.text[first : view.to[view.end[member] - 1]]
        for inner in range(view.start[member] + 1, view.end[member]) if row.cells else ():
            place = view.at[inner] - 1 - first
            if inner in row.cells and piece[place] == " ":
                piece = f"{piece[:place]}\t{piece[place + 1 :]}"
        if member in view.superior or view.smallest[member] < SMALL * row.size:
            raised += _raised(view, member, row, len(text) - first)
        edge = max(far, edge) if text and not row.drawn else far
        text, before = text + piece, member
        votes[view.font[member]] = votes.get(view.font[member], 0) + len(piece)
    return text, _merged(raised), max(votes, key=votes.__getitem__)  # the first of equals


def _box(boxes: list[Box], members: list[int]) -> Box:
    if len(members) == 1:
        return boxes[members[0]]
    x0, y0, x1, y1 = zip(*[boxes[member] for member in members], strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def separate(gap: float, size: float, seen: int) -> str:
    """What stands between two segments of a row: a tab, a space, or nothing."""
    if gap > _TAB * size:
        return "\t"
    return " " if gap > 0.15 * size or (seen == 1 and gap > 0.05 * size) else ""


def _raised(view: View, member: int, row: Row, moved: int) -> list[tuple[int, int]]:
    """Ranges of characters that stand higher than the row and are smaller, moved by so many."""
    up = [(place + moved, place + moved + 1) for place in view.superior.get(member, ())]
    if view.smallest[member] < SMALL * row.size and view.turn != ASKEW:
        first, last = view.start[member], view.end[member]
        sizes, bases = view.size[first:last].tolist(), view.base[first:last].tolist()
        for piece, (size, base) in enumerate(zip(sizes, bases, strict=True), start=first):
            if size < SMALL * row.size and row.base - base > RAISED * row.size:
                up.append((view.at[piece] + moved, view.to[piece] + moved))
        up.sort()
    return up


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    if len(ranges) < 2:
        return tuple(ranges)
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and merged[-1][1] >= start:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def block_numbers(s: Segments, rows: list[Row], first: int, tolerance: float = 0.07) -> list[int]:
    """Number the rows' blocks: a new one at a wide leading, another size, an indent.

    ``tolerance`` is the share by which sizes may differ within a block.
    """
    if not rows:
        return []
    x0, x1 = s.x0s, s.x1s
    left = [
        min([x0[member] for member in row.members]) if row.edge is None else row.edge
        for row in rows
    ]
    right = [max([x1[member] for member in row.members]) for row in rows]
    edge = max(right)
    steps = [b.base - a.base for a, b in pairwise(rows)]
    numbers = [first]
    since, leading = 1, 0.0
    for index, step in enumerate(steps, start=1):
        row, before = rows[index], rows[index - 1]
        size = max(row.size, before.size)
        usual = leading or (min(step, steps[index]) if index < len(steps) else step)
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
