"""Raw lines as Python objects, the way the stages of this room look at them.

A stage is given Arrow tables; the rules look at one line at a time and at its neighbours. This file
turns the one into the other, and holds the few questions about a line that several rules ask. It
decides nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

#: Engines whose lines carry the geometry of a page. The others give one block for a paragraph.
PAGED = frozenset({"pdfium", "form", "rapidocr", "shift", "names", "glyphs", "substitution"})

_TERMINATED = re.compile(r"[.!?:;…。！？]['\"’”»)\]]*\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """One raw line. Boxes in points from the top left; ``x1`` 0 where the format has no boxes."""

    id: str
    document: str
    page: int
    order: int
    block: int
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    font: str
    size: float
    weight: int
    italic: bool
    raised: tuple[tuple[int, int], ...]
    engine: str
    confidence: float
    replaced: bool
    hint: str

    @property
    def paged(self) -> bool:
        """Whether its place on the page says something."""
        return self.engine in PAGED and self.x1 > self.x0

    @property
    def bold(self) -> bool:
        return self.weight >= 600

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def level(self) -> int:
        """Level of the heading that the format says this is, or 0."""
        return int(self.hint[8:]) if self.hint[8:].isdecimal() else 0


def read_lines(table: pa.Table) -> list[Line]:
    """Return the rows of a ``lines`` table in reading order; nulls become zero or empty."""
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    rows = [
        Line(
            id=columns["id"][row],
            document=columns["document"][row],
            page=columns["page"][row] or 0,
            order=columns["order"][row],
            block=columns["block"][row] or 0,
            text=columns["text"][row] or "",
            x0=columns["x0"][row] or 0.0,
            y0=columns["y0"][row] or 0.0,
            x1=columns["x1"][row] or 0.0,
            y1=columns["y1"][row] or 0.0,
            font=columns["font"][row] or "",
            size=columns["size"][row] or 0.0,
            weight=columns["weight"][row] or 400,
            italic=bool(columns["italic"][row]),
            raised=tuple((mark["start"], mark["end"]) for mark in columns["raised"][row] or ()),
            engine=columns["engine"][row] or "text",
            confidence=1.0 if columns["confidence"][row] is None else columns["confidence"][row],
            replaced=bool(columns["replaced"][row]),
            hint=columns["hint"][row] or "",
        )
        for row in range(table.num_rows)
    ]
    rows.sort(key=lambda line: (line.document, line.order))
    return rows


def is_terminated(text: str) -> bool:
    """Whether the text ends as a sentence does."""
    return _TERMINATED.search(text) is not None


def same_row(one: Line, other: Line) -> bool:
    """Whether two lines of one page stand beside each other rather than one below the other."""
    if one.page != other.page or not (one.paged and other.paged):
        return False
    shared = min(one.y1, other.y1) - max(one.y0, other.y0)
    apart = other.x0 >= one.x1 - 1.0 or one.x0 >= other.x1 - 1.0
    return apart and shared > 0.5 * min(one.height, other.height)


def body_size(lines: Sequence[Line]) -> float:
    """Return the type size, in points to a tenth, that most characters have; 0 where unknown."""
    characters: Counter[float] = Counter()
    for line in lines:
        if line.size > 0 and not line.replaced:
            characters[round(line.size, 1)] += len(line.text)
    return min(characters, key=lambda size: (-characters[size], size)) if characters else 0.0
