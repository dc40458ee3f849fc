"""A small workspace made by hand (one PDF, one Markdown file), and a real server for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import uvicorn
from PIL import Image, ImageDraw, ImageFont
from starlette.applications import Starlette

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import IndexSettings
from goldsmith.retrieval import Index, build_index

PDF = [
    "The mill at Holm grinds forty sacks of barley each day.",
    "Its water wheel was rebuilt in 1874 by the carpenter Anders Lund.",
    "Copper pipes replaced the wooden ones after the flood.",
    "The miller pays a rent of nine silver coins every winter.",
]
MARKDOWN = [
    "Honey is stored in clay jars on the northern shelf of the cellar.",
    "The beekeeper inspects every hive on the first morning of spring.",
    "Foxglove must never be planted near the kitchen garden.",
]
WIDTH, HEIGHT, LEFT, TOP, STEP = 595, 842, 72, 120, 40
PDF_ID, MARKDOWN_ID = content_id("document", "mill"), content_id("document", "honey")


def make_source(folder: Path) -> None:
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(15)
    draw.text((LEFT, 60), "The mill at Holm", fill="black", font=ImageFont.load_default(24))
    for row, sentence in enumerate(PDF):
        draw.text((LEFT, TOP + row * STEP), sentence, fill="black", font=font)
    folder.mkdir(parents=True)
    page.save(folder / "mill.pdf", resolution=72)
    (folder / "honey.md").write_text("# Honey\n\n" + " ".join(MARKDOWN), "utf-8")


def tables() -> dict[str, list[dict[str, Any]]]:
    common = {"characters": 1, "reason": None, "detail": None, "duplicate_of": None, "size": 1}
    documents = [
        {
            **common,
            "id": PDF_ID,
            "uri": "mill.pdf",
            "media_type": "application/pdf",
            "pages": 1,
            "title": "The mill <at> Holm",
            "status": "ok",
        },
        {
            **common,
            "id": MARKDOWN_ID,
            "uri": "honey.md",
            "media_type": "text/markdown",
            "pages": 1,
            "title": None,
            "status": "ok",
        },
        {
            **common,
            "id": content_id("document", "broken"),
            "uri": "../secret.pdf",
            "media_type": "application/pdf",
            "pages": 1,
            "title": None,
            "status": "failed",
        },
        {
            **common,
            "id": content_id("document", "outside"),
            "uri": "../outside.pdf",
            "media_type": "application/pdf",
            "pages": 1,
            "title": None,
            "status": "ok",
        },
    ]
    pages = [{"document": PDF_ID, "page": 1, "width": WIDTH, "height": HEIGHT}]
    passages = [
        {"document": MARKDOWN_ID, "kind": "heading", "text": "Honey"},
        {"document": MARKDOWN_ID, "kind": "paragraph", "text": " ".join(MARKDOWN)},
    ]
    return {"documents": documents, "pages": pages, "passages": passages}


def chunk(document: str, order: int, sentences: list[str]) -> dict[str, Any]:
    spans, at = [], 0
    for row, sentence in enumerate(sentences):
        top = TOP + (order + row) * STEP
        spans.append(
            {
                "at": at,
                "length": len(sentence),
                "line": content_id("line", document, order + row),
                "start": 0,
                "end": len(sentence),
                "page": 1,
                "x0": LEFT,
                "y0": top,
                "x1": LEFT + 7.2 * len(sentence),
                "y1": top + 18,
            }
        )
        at += len(sentence) + 1
    return {
        "id": content_id("chunk", document, order),
        "document": document,
        "order": order,
        "heading_path": ["Honey" if document == MARKDOWN_ID else "The mill at Holm"],
        "text": " ".join(sentences),
        "tokens": at // 4,
        "overlap": 0,
        "passages": [],
        "spans": spans,
        "parent": "x",
    }


def make_index(folder: Path) -> Index:
    chunks = [
        chunk(PDF_ID, 0, PDF[:2]),
        chunk(PDF_ID, 2, PDF[2:]),
        chunk(MARKDOWN_ID, 0, MARKDOWN),
    ]
    build_index(
        pa.Table.from_pylist(chunks, SCHEMAS["chunks"]),
        pa.Table.from_pylist(tables()["documents"], SCHEMAS["documents"]),
        IndexSettings(embedder="tfidf"),
        folder,
        "key",
    )
    return Index.open(folder)


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """Serve an app on a free loopback port and give its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
