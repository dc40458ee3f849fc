"""From the segments of one column to its rows, and from rows to lines of text.

A row is what shares a baseline: its segments from left to right, raised marks and exponents
included. Turning rows into lines means choosing the spaces between segments, finding the raised
characters, the dominant font, and the blocks: paragraph-like groups told apart by leading, indent
and type size.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from goldsmith.extract.characters import Characters
from goldsmith.extract.reading import Box, Line
from goldsmith.extract.segments import Floats, Indices, Segments, from_frame


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


@dataclass(frozen=True)
class Place:
    """Where the characters of a reading frame lie: page, frame, arrays of `make_segments`."""

    page: int
    turn: int
    width: float
    height: float
    order: Indices
    box: Floats


def make_lines(
    characters: Characters, s: Segments, place: Place, groups: list[Indices], block: int
) -> list[Line]:
    """Lines of all groups in order; blocks are numbered from ``block``."""
    lines: list[Line] = []
    for group in groups:
        rows = make_rows(s, group)
        numbers = block_numbers(s, rows, block)
        block = numbers[-1] + 1 if numbers else block
        for row, number in zip(rows, numbers, strict=True):
            lines.append(_line(characters, s, place, row, number))
    return lines


def _line(characters: Characters, s: Segments, place: Place, row: Row, block: int) -> Line:
    pieces: list[str] = []
    raised: list[tuple[int, int]] = []
    length, right = 0, None
    votes: dict[int, int] = {}
    sizes: dict[float, int] = {}
    for member in row.members:
        start, end = int(s.start[member]), int(s.end[member])
        near = place.order[start:end]
        first = int(near[0])
        if right is not None:
            between = separate(float(s.x0[member]) - right, row.size, int(characters.gap[first]))
            pieces.append(between)
            length += len(between)
        text, offsets = _text(characters, near)
        pieces.append(text)
        raised += [
            (length + a, length + b) for a, b in _raised(characters, place, near, row, offsets)
        ]
        length += len(text)
        right = max(float(s.x1[member]), right if right is not None else -1e9)
        fonts = characters.font[near]
        for font, count in zip(*np.unique(fonts, return_counts=True), strict=True):
            votes[int(font)] = votes.get(int(font), 0) + int(count)
        size = round(float(s.size[member]), 2)
        sizes[size] = sizes.get(size, 0) + end - start
    font = characters.fonts[min(votes, key=lambda index: (-votes[index], index))]
    return Line(
        page=place.page,
        block=block,
        text="".join(pieces),
        box=_box(s, row, place),
        font=font.name or None,
        size=min(sizes, key=lambda size: (-sizes[size], size)),
        weight=font.weight,
        italic=font.italic,
        raised=_joined(raised),
        engine="pdfium",
    )


def _box(s: Segments, row: Row, place: Place) -> Box:
    x0, x1 = float(s.x0[row.members].min()), float(s.x1[row.members].max())
    y0, y1 = float(s.y0[row.members].min()), float(s.y1[row.members].max())
    a, b, c, d = from_frame(
        (x0, y0, max(x1, x0 + 0.1), max(y1, y0 + 0.1)), place.turn, place.width, place.height
    )
    return round(a, 2), round(b, 2), round(c, 2), round(d, 2)


def separate(gap: float, size: float, seen: int) -> str:
    if gap > 1.5 * size:
        return "\t"
    return " " if gap > 0.15 * size or (seen == 1 and gap > 0.05 * size) else ""


def _text(characters: Characters, near: Indices) -> tuple[str, list[int] | None]:
    """The text of consecutive characters with spaces, and each one's offset (None: 0, 1, 2...)."""
    first, last = int(near[0]), int(near[-1]) + 1
    text = characters.text[first:last]
    spaces = np.flatnonzero(characters.gap[first + 1 : last] == 1)
    if not len(spaces):
        return text, None
    cuts = [0, *(spaces + 1).tolist(), len(text)]
    words = [text[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    offsets = np.arange(len(text))
    offsets[1:] += np.cumsum(characters.gap[first + 1 : last] == 1)
    return " ".join(words), offsets.tolist()


def _raised(
    characters: Characters, place: Place, near: Indices, row: Row, offsets: list[int] | None
) -> list[tuple[int, int]]:
    """Ranges of characters that are smaller than the row and stand higher."""
    size = characters.size[near]
    small = size < 0.86 * row.size
    if place.turn == 4 or not small.any():
        return []
    pen = characters.origin[:, near]
    turned = {0: pen[1], 1: pen[0], 2: place.height - pen[1], 3: place.width - pen[0]}
    up = np.flatnonzero(small & (row.base - turned[place.turn] > 0.12 * row.size))
    places = up.tolist() if offsets is None else [offsets[index] for index in up.tolist()]
    return [(at, at + 1) for at in places]


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
    steps = [b.base - a.base for a, b in zip(rows, rows[1:], strict=False)]
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
