"""Small tables made by hand, for the tests of this room."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS


def line(text: str, order: int, document: str = "d-1", **fields: Any) -> dict[str, Any]:
    """A row of ``lines``: 11-point type on a page of 612 x 792 unless said otherwise."""
    row = {
        "id": content_id("line", document, order),
        "document": document,
        "page": 1,
        "order": order,
        "block": 0,
        "text": text,
        "x0": 72.0,
        "y0": 100.0 + 14 * order,
        "x1": 540.0,
        "y1": 111.0 + 14 * order,
        "font": "Times",
        "size": 11.0,
        "weight": 400,
        "italic": False,
        "raised": [],
        "engine": "pdfium",
        "confidence": 1.0,
        "replaced": False,
        "hint": None,
    }
    return row | fields


def lines_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMAS["lines"])


def tags_table(rows: list[dict[str, Any]], labels: list[str]) -> pa.Table:
    tags = [
        {
            "line": row["id"],
            "document": row["document"],
            "order": row["order"],
            "label": label,
            "confidence": 0.9,
            "tagger": "hand",
        }
        for row, label in zip(rows, labels, strict=True)
    ]
    return pa.Table.from_pylist(tags, SCHEMAS["tags"])


def passage(text: str, order: int, document: str = "d-1", **fields: Any) -> dict[str, Any]:
    """A row of ``passages`` whose text is one raw line."""
    identifier = content_id("line", document, order, text)
    span = {
        "at": 0,
        "length": len(text),
        "line": identifier,
        "order": order,
        "start": 0,
        "end": len(text),
        "page": 1,
        "x0": 72.0,
        "y0": 100.0,
        "x1": 540.0,
        "y1": 111.0,
    }
    row = {
        "id": content_id("passage", document, order, text),
        "document": document,
        "order": order,
        "kind": "paragraph",
        "level": 0,
        "heading_path": [],
        "text": text,
        "spans": [span],
    }
    row |= fields
    row["spans"] = [one | {"page": fields.get("page", one["page"])} for one in row["spans"]]
    row.pop("page", None)
    return row


def passages_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMAS["passages"])


def empty(name: str) -> pa.Table:
    return SCHEMAS[name].empty_table()
