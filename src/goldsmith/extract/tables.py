"""Tables of a page, found by the white between their columns.

A table is a run of rows with wide gaps whose cells stand under each other. Its columns are what
remains when the white strips are taken out that run down all rows (a tenth of them may cross, so
heads over several columns do not hide the strips). Rows closer together than the others are lines
of one row, and heads above the run belong to it. Each row then knows at which pieces a cell begins,
and gets a hint for the next rooms: ``table:2:c0,1,3-4`` (see `grid`). Running text, lists,
equations with their numbers and tables of contents are not tables, although they have gaps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from goldsmith.extract.rows import Row, is_gapped
from goldsmith.extract.ruled import mark_ruled
from goldsmith.extract.rulings import Lattice
from goldsmith.extract.segments import View

_WHITE = 0.5  # type sizes that white must share with that of the row above, where rulings may be
_SPLIT = 0.42  # type sizes of white that may part two cells
_STRIP = 0.3  # type sizes of white between columns
_MANY = 0.6  # of the cells of the fullest row, for a row to show where columns are
_CROSSED = 0.1  # share of the rows that may cross a strip
_PITCH = 3.2  # type sizes from row to row at the most
_ABOVE = 4.5  # the same for heads, which may have heads on their side below them
_MOST = 30  # columns; a drawing has more
_ROWS = 3  # rows with wide gaps, at the least
_WIDE = 0.4  # share of such rows; the others are lines of longer cells
_FORMAL = 0.4  # share of what is set in the fonts of formulas, at the most
_THROUGH = 0.2  # share of the rows in which text may run through the white
_FULL = 0.5  # share of the grid that is filled
_WHITE = 0.12  # share of the typical row that is white between cells; text has less
_CELL = 60  # characters of the typical cell at the most
_HEADS = 3  # rows of heads that are looked for above
_MARK = re.compile(
    r"^(?:[•◦▪▸●○■□‣⁃✓·∙*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\[\d{1,3}\]|\d{1,2})$"
)
_NUMBER = re.compile(r"^\(?[A-Z]?\d{1,3}(?:[.\-–]\d{1,3})*[a-z]?\)$")
_LEADERS = re.compile(r"(?:\.\s?){4,}|(?:…\s?){2,}|_{5,}")
_CAPTION = re.compile(r"^\s*(?:fig|tab|abb)", re.IGNORECASE)
_SIGN = re.compile(r"^[$€£¥%()±]+$")


@dataclass
class _Cell:
    """Some pieces of a row that stand together: the first one, the edges, the text."""

    piece: int
    left: float
    right: float
    text: str


def mark_tables(
    view: View,
    rows: list[Row],
    formal: list[bool],
    lattices: Callable[[], list[Lattice]] | None = None,
) -> None:
    """Mark the rows of a page, in reading order, that belong to tables, with cells and hints.

    ``formal`` says of each font of the pages whether it is made for formulas. ``lattices`` reads
    what is ruled on the page; it is asked only where two rows one below the other have wide gaps at
    the same place.
    """
    wide = [not row.drawn and is_gapped(view, row) for row in rows]
    start = 0
    while start < len(rows):
        if not wide[start]:
            start += 1
            continue
        end = last = start
        while end + 1 < len(rows) and end + 1 - last <= 3 and _near(rows[end], rows[end + 1]):
            end += 1
            last = end if wide[end] else last
        found = sum(wide[start : last + 1])
        if found >= _ROWS and found >= _WIDE * (last + 1 - start):
            _mark(view, rows, start, last + 1, wide, formal)
        start = last + 1
    if lattices is not None and any(
        above and below and _shares_white(view, rows[place], rows[place + 1])
        for place, (above, below) in enumerate(pairwise(wide))
    ):
        mark_ruled(view, rows, lattices())


def _near(row: Row, below: Row, most: float = _PITCH) -> bool:
    """Whether a row stands close below another; the first of the next column does not."""
    step = below.base - row.base
    return not below.drawn and -0.5 * row.size < step < most * max(row.size, below.size)


def _shares_white(view: View, row: Row, below: Row) -> bool:
    """Whether a wide gap of a row goes on in the row below it."""
    if not _near(row, below):
        return False
    x0, x1, size = view.segments.x0s, view.segments.x1s, max(row.size, below.size)
    gaps = [
        [(x1[one], x0[after]) for one, after in pairwise(each.members)] for each in (row, below)
    ]
    return any(
        min(end, other_end) - max(begin, other_begin) > _WHITE * size
        for begin, end in gaps[0]
        for other_begin, other_end in gaps[1]
    )


def _mark(
    view: View, rows: list[Row], start: int, end: int, wide: list[bool], formal: list[bool]
) -> None:
    members = [member for index in range(start, end) for member in rows[index].members]
    if sum([formal[view.font[member]] for member in members]) > _FORMAL * len(members):
        return
    cells = {index: _cells(view, rows[index]) for index in range(start, end) if wide[index]}
    most = max(map(len, cells.values()))
    seeds = [row for row in cells.values() if len(row) >= _MANY * most]  # others may span columns
    size = median([rows[index].size for index in range(start, end)])
    columns = _columns(seeds, size)
    if not _is_table(seeds, columns):
        return
    cells |= {i: _cells(view, rows[i]) for i in range(start, end) if i not in cells}
    if _is_crossed(list(cells.values()), columns):
        return
    left, right = columns[0][0] - size, columns[-1][1] + size
    for index in range(start + 1, end):  # what runs out of the table's sides is not of the table
        if any(cell.left < left or cell.right > right for cell in cells[index]):
            _mark(view, rows, start, index, wide, formal) if index - start > 1 else None
            return
    for index in range(start - 1, max(start - 1 - _HEADS, -1), -1):
        row = rows[index]
        above = _cells(view, row)
        if (
            row.hint
            or not _near(row, rows[start], _ABOVE)
            or not _is_head(above, columns, left, right)
        ):
            break
        start, cells[index] = index, above
    numbers = _numbers(rows[start:end], [cells[index] for index in range(start, end)], columns)
    head = True
    for index, number in zip(range(start, end), numbers, strict=True):
        head = head and len(cells[index]) <= len(columns) / 2
        spans = _head_spans(cells[index], columns) if head else None
        _place(rows[index], cells[index], columns, number, spans)


def _cells(view: View, row: Row) -> list[_Cell]:
    """The row's pieces, joined where hardly any white is between them."""
    cells: list[_Cell] = []
    for member in row.members:
        first, last = view.start[member], view.end[member]
        sides = zip(view.left[first:last].tolist(), view.right[first:last].tolist(), strict=True)
        for piece, (left, right) in enumerate(sides, start=first):
            text = view.text[view.at[piece] : view.to[piece]]
            if cells and left - cells[-1].right <= _SPLIT * row.size:
                space = " " if left - cells[-1].right > 0.15 * row.size else ""
                cells[-1].text += space + text
                if right > cells[-1].right:
                    cells[-1].right = right
            else:
                cells.append(_Cell(piece, left, right, text))
    return cells


def _columns(rows: list[list[_Cell]], size: float) -> list[tuple[float, float]]:
    """The intervals in x that hold the cells, between white strips."""
    low = min(cell.left for row in rows for cell in row)
    high = max(cell.right for row in rows for cell in row)
    begins = [int((cell.left - low) * 2) for row in rows for cell in row]
    ends = [int((cell.right - low) * 2) + 1 for row in rows for cell in row]
    length = int((high - low) * 2) + 2
    steps = np.bincount(begins, minlength=length) - np.bincount(ends, minlength=length)
    white = np.ones(length + 2, np.bool_)
    white[1:-1] = steps.cumsum() <= int(_CROSSED * len(rows))
    edges = np.flatnonzero(white[1:] != white[:-1])
    columns: list[tuple[float, float]] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        left, right = low + begin / 2, low + end / 2
        if columns and left - columns[-1][1] < _STRIP * size:
            columns[-1] = (columns[-1][0], right)
        else:
            columns.append((left, right))
    signs = any(_SIGN.match(cell.text) for row in rows for cell in row)
    return _without_signs(rows, columns) if signs else columns


def _without_signs(
    rows: list[list[_Cell]], columns: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Columns of nothing but currency signs go with what follows them."""
    result: list[tuple[float, float]] = []
    pending: float | None = None
    for column in columns:
        texts = [c.text for row in rows for c in row if _spans(c, [column]) == (0, 0)]
        begin = column[0] if pending is None else pending
        if texts and all(_SIGN.match(text) for text in texts) and column != columns[-1]:
            pending = begin
        else:
            result.append((begin, column[1]))
            pending = None
    return result


def _spans(cell: _Cell, columns: list[tuple[float, float]]) -> tuple[int, int] | None:
    """The first and last column that a cell touches."""
    least = min(1.5, 0.3 * (cell.right - cell.left))
    found = []
    for index, (left, right) in enumerate(columns):
        if left >= cell.right:
            break
        if right > cell.left and min(cell.right, right) - max(cell.left, left) > least:
            found.append(index)
    return (found[0], found[-1]) if found else None


def _is_table(rows: list[list[_Cell]], columns: list[tuple[float, float]]) -> bool:
    """Whether cells under each other are a table and not text, a list, or a table of contents."""
    if len(rows) < _ROWS - 1 or not 2 <= len(columns) <= _MOST:
        return False
    white = [
        1.0 - sum([c.right - c.left for c in r]) / (r[-1].right - r[0].left + 0.1) for r in rows
    ]
    if median(white) < _WHITE:
        return False
    if any(_LEADERS.search("".join(cell.text for cell in row)) for row in rows):
        return False
    inside: list[list[str]] = [[] for _ in columns]
    places = 0
    for row in rows:
        spans = [_spans(cell, columns) for cell in row]
        places += len(set(spans))
        for cell, span in zip(row, spans, strict=True):
            if span:
                inside[span[0]].append(cell.text)
    if places < _FULL * len(rows) * len(columns) or not inside[0]:
        return False
    if all(_MARK.match(text) or not any(map(str.isalnum, text)) for text in inside[0]):
        inside = inside[1:]  # numbers or bullets of a list
    if len(inside) < 2 or not inside[0]:
        return False
    if median([len(text) for texts in inside for text in texts]) > _CELL:
        return False
    if len(inside) > 2:
        return True
    last = inside[-1]
    if sum(bool(_NUMBER.match(text)) for text in last) >= 0.5 * len(last):
        return False  # equations
    pages = [int(text) for text in last if text.isdecimal() and len(text) < 5]
    return not (len(pages) >= 0.8 * len(last) and pages == sorted(pages))


def _is_crossed(rows: list[list[_Cell]], columns: list[tuple[float, float]]) -> bool:
    """Whether long cells often run through the white between the columns: it is text after all."""
    wide = columns[-1][1] - columns[0][0]
    crossed = 0
    for row in rows:
        long = [cell for cell in row if cell.right - cell.left > 0.5 * wide]
        spans = [_spans(cell, columns) for cell in long]
        crossed += any(span is not None and span[0] < span[1] for span in spans)
    return crossed > _THROUGH * len(rows)


def _is_head(
    cells: list[_Cell], columns: list[tuple[float, float]], left: float, right: float
) -> bool:
    """Whether a row above a table is one of its heads: it stands over columns, not beside them."""
    if not cells or _CAPTION.match(cells[0].text):
        return False
    if cells[0].left < left or cells[-1].right > right:
        return False
    if len(cells) == 1:
        wide = cells[0].right - cells[0].left
        spans = _spans(cells[0], columns)
        return spans is not None and spans[0] > 0 and wide < 0.7 * (right - left)
    return len(cells) <= len(columns) + 1 and all(len(cell.text) <= _CELL for cell in cells)


def _numbers(
    rows: list[Row], cells: list[list[_Cell]], columns: list[tuple[float, float]]
) -> list[int]:
    """The number of each row of the table; lines set closer than the rows belong to one."""
    steps = [below.base - row.base for row, below in pairwise(rows)]
    many = [len(row) > 0.5 * len(columns) for row in cells]
    pitches = [step for step, both in zip(steps, pairwise(many), strict=True) if all(both)]
    pitch = median(pitches) if pitches else 0.0
    numbers, full = [0], many[0]
    for step, is_full in zip(steps, many[1:], strict=True):
        if step < 0.8 * pitch and not (full and is_full):
            numbers.append(numbers[-1])
            full = full or is_full
        else:
            numbers.append(numbers[-1] + 1)
            full = is_full
    return numbers


def _head_spans(
    cells: list[_Cell], columns: list[tuple[float, float]]
) -> list[tuple[int, int]] | None:
    """The columns over which heads are centred, if they share out all but the first few."""
    middles = [(cell.left + cell.right) / 2 for cell in cells]
    for leading in range(1, min(4, len(columns))):
        share, rest = divmod(len(columns) - leading, len(cells))
        if rest or share < 2:
            continue
        spans = [
            (leading + share * index, leading + share * (index + 1) - 1)
            for index in range(len(cells))
        ]
        bounds = [(columns[first][0], columns[last][1]) for first, last in spans]
        if all(
            abs(middle - (left + right) / 2) < 0.2 * (right - left)
            for middle, (left, right) in zip(middles, bounds, strict=True)
        ):
            return spans
    return None


def _place(
    row: Row,
    cells: list[_Cell],
    columns: list[tuple[float, float]],
    number: int,
    known: list[tuple[int, int]] | None,
) -> None:
    spans: list[str] = []
    begins: list[int] = []
    last = -1
    for index, cell in enumerate(cells):
        here = known[index] if known else _spans(cell, columns)
        first, final = here or (max(last, 0), max(last, 0))
        if first <= last and begins:
            continue  # more of the cell before
        begins.append(cell.piece)
        spans.append(str(first) if first == final else f"{first}-{final}")
        last = final
    row.cells = frozenset(begins)
    row.hint = f"table:{number}:c{','.join(spans)}"
