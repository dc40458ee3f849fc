"""A small corpus with known pages and boxes, and its index, built once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import IndexSettings
from goldsmith.retrieval import Index, build_index

TEXTS: dict[str, list[tuple[list[str], list[tuple[int, str]]]]] = {
    "bees.pdf": [
        (
            ["Bees", "The hive"],
            [
                (1, "A hive of honey bees holds about 40000 workers in summer."),
                (1, "The queen lays up to 2000 eggs a day."),
                (2, "Workers keep the brood at 35 degrees Celsius."),
            ],
        ),
        (
            ["Bees", "Honey"],
            [
                (2, "Honey is made from nectar that foragers bring home."),
                (3, "It keeps for years because it holds less than 18 percent water."),
            ],
        ),
    ],
    "clocks.pdf": [
        (
            ["Clocks"],
            [
                (1, "Christiaan Huygens built the first pendulum clock in 1656."),
                (1, "A pendulum of one metre swings once a second."),
                (2, 'The escapement makes the "tick-tock" sound of a clock.'),
            ],
        ),
        (
            ["Clocks", "Quartz"],
            [(4, "A quartz crystal vibrates 32768 times a second when a current is applied.")],
        ),
    ],
}


def make_tables() -> tuple[pa.Table, pa.Table]:
    """Return chunks and documents: each sentence is a line of its own, with a box of its own."""
    chunks: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    for uri, parts in TEXTS.items():
        document = content_id("document", uri)
        documents.append(
            {"id": document, "uri": uri, "title": uri[:-4].title(), "pages": 4, "status": "ok"}
        )
        for order, (path, lines) in enumerate(parts):
            text, spans = "", []
            for number, (page, line) in enumerate(lines):
                text += " " if text else ""
                top = 100.0 + 12 * number
                spans.append(
                    {
                        "at": len(text),
                        "length": len(line),
                        "line": content_id("line", uri, order, number),
                        "start": 0,
                        "end": len(line),
                        "page": page,
                        "x0": 72.0,
                        "y0": top,
                        "x1": 300.0,
                        "y1": top + 10,
                    }
                )
                text += line
            chunks.append(
                {
                    "id": content_id("chunk", uri, order),
                    "document": document,
                    "order": order,
                    "heading_path": path,
                    "text": text,
                    "tokens": len(text.split()),
                    "overlap": 0,
                    "passages": [],
                    "spans": spans,
                    "parent": document,
                }
            )
    return (
        pa.Table.from_pylist(chunks, schema=SCHEMAS["chunks"]),
        pa.Table.from_pylist(documents, schema=SCHEMAS["documents"]),
    )


@pytest.fixture(scope="session")
def tables() -> tuple[pa.Table, pa.Table]:
    return make_tables()


@pytest.fixture(scope="session")
def index(tables: tuple[pa.Table, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("index") / "index"
    build_index(*tables, IndexSettings(embedder="tfidf"), folder, "key")
    return Index.open(folder)
