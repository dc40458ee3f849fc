"""What every reader of a format gives back: pages and lines in reading order, and their tables.

A reader (`pdf`, `html`, `docx`, `markdown`, `text`) turns the bytes of one document into a
`Reading`. This module knows how a reading becomes rows of ``documents``, ``pages`` and ``lines``;
it knows no format. A document without pages (anything but PDF) has one page without a size, and
its lines have no box: nulls, since a box that is not there must not be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from goldsmith.lake.ids import content_ids
from goldsmith.lake.schemas import DOCUMENT_REASONS, SCHEMAS

Box = tuple[float, float, float, float]
_NO_BOX = (None, None, None, None)


class ReadingError(Exception):
    """This document cannot be read; ``reason`` is one of DOCUMENT_REASONS."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        assert reason in DOCUMENT_REASONS
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``width`` and ``height`` in points as displayed; None where there is no page."""

    number: int
    width: float | None
    height: float | None
    rotation: int
    route: str
    damage: float


class Line(NamedTuple):
    """One line of text; see the ``lines`` schema for units and words.

    A tuple, since thousands are made of a document and tables are made of their columns.
    """

    page: int
    block: int
    text: str
    box: Box | None = None
    font: str | None = None
    size: float | None = None
    weight: int | None = None
    italic: bool | None = None
    raised: tuple[tuple[int, int], ...] = ()
    engine: str = "text"
    confidence: float = 1.0
    replaced: bool = False
    hint: str | None = None


@dataclass(frozen=True)
class Reading:
    """A whole document. ``detail`` is one sentence about what could not be read, or None."""

    pages: tuple[Page, ...]
    lines: tuple[Line, ...]
    title: str | None = None
    detail: str | None = None


def one_page(lines: list[Line], title: str | None) -> Reading:
    """The reading of a document without pages: everything is on page 1."""
    kept = tuple(line for line in lines if line.text.strip())
    page = Page(1, None, None, 0, "markup" if kept else "empty", 0.0)
    return Reading((page,), kept, title)


def tables_of(document: dict[str, Any], reading: Reading) -> dict[str, pa.Table]:
    """Return the rows of ``documents``, ``pages`` and ``lines`` of one document that was read.

    ``document`` holds id, uri, media_type and size.
    """
    identifier = str(document["id"])
    row = _document_row(
        document,
        pages=len(reading.pages),
        characters=sum(len(line.text) for line in reading.lines),
        title=reading.title,
        detail=reading.detail,
    )
    pages = [
        (identifier, page.number, page.width, page.height, page.rotation, page.route, page.damage)
        for page in reading.pages
    ]
    return {
        "documents": pa.Table.from_pylist([row], SCHEMAS["documents"]),
        "pages": _table("pages", pages),
        "lines": _lines_table(identifier, reading.lines),
    }


def failed_tables(document: dict[str, Any], reason: str, detail: str) -> dict[str, pa.Table]:
    """Return the row of a document that gave nothing, and no pages and lines."""
    row = _document_row(document, status="failed", reason=reason, detail=detail)
    return {
        "documents": pa.Table.from_pylist([row], SCHEMAS["documents"]),
        "pages": SCHEMAS["pages"].empty_table(),
        "lines": SCHEMAS["lines"].empty_table(),
    }


def _document_row(document: dict[str, Any], **values: object) -> dict[str, object]:
    base: dict[str, object] = {"pages": 0, "characters": 0, "status": "ok"}
    kept = {name: document[name] for name in ("id", "uri", "media_type", "size")}
    return base | kept | values


def _lines_table(document: str, lines: Sequence[Line]) -> pa.Table:
    """The rows of ``lines``, made a column at a time."""
    if not lines:
        return SCHEMAS["lines"].empty_table()
    page, block, text, box, font, size, weight, italic, raised, *rest = zip(*lines, strict=True)
    order = range(len(lines))
    starts = list(accumulate(map(len, raised), initial=0))
    ranges = [one for several in raised for one in several]
    columns: list[Any] = [
        content_ids("line", [document], list(zip(page, order, text, strict=True))),
        [document] * len(lines),
        page,
        order,
        block,
        text,
        *zip(*[one or _NO_BOX for one in box], strict=True),
        font,
        size,
        weight,
        italic,
        pa.ListArray.from_arrays(
            pa.array(starts, pa.int32()),
            pa.StructArray.from_arrays(
                [pa.array([one[end] for one in ranges], pa.int32()) for end in (0, 1)],
                ["start", "end"],
            ),
        ),
        *rest,  # engine, confidence, replaced, hint
    ]
    return _from_columns("lines", columns)


def _table(name: str, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    return _from_columns(name, list(zip(*rows, strict=True)) or [() for _ in SCHEMAS[name]])


def _from_columns(name: str, columns: Sequence[Any]) -> pa.Table:
    schema = SCHEMAS[name]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
