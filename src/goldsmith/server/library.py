"""The documents behind the citations: pictures of their pages, and the text of those without pages.

Only documents of the workspace are ever opened, by id, and only below its source folder. Pictures
are kept on disk, the oldest going first when they grow too many.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldsmith.errors import UserError
from goldsmith.extract import render_page
from goldsmith.pipeline.artifact import write_atomically

PIXELS_PER_POINT = 1.6
MAXIMUM_CACHE = 128 * 2**20
"""Bytes of pictures kept on disk."""
PICTURED = "application/pdf"

#: PDFium is not safe in two threads at once.
_rendering = threading.Lock()


class MissingDocumentError(UserError):
    """There is no such document, page or file."""


@dataclass(frozen=True)
class Document:
    id: str
    uri: str
    media_type: str
    title: str | None
    pages: int

    @property
    def pictured(self) -> bool:
        return self.media_type == PICTURED


class Library:
    """Documents by id.

    ``documents``, ``pages`` and ``passages`` are rows of the lake's tables; of passages only
    document, kind and text are read, in their order, and only for documents without pictures.
    """

    def __init__(
        self,
        source: Path | None,
        cache: Path | None,
        *,
        documents: Sequence[Mapping[str, Any]] = (),
        pages: Sequence[Mapping[str, Any]] = (),
        passages: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._source = None if source is None else source.resolve()
        self._cache = cache
        self._documents: dict[str, Document] = {}
        for row in documents:
            if row["status"] == "ok":
                self._documents.setdefault(
                    row["id"],
                    Document(
                        row["id"], row["uri"], row["media_type"], row["title"], row["pages"] or 0
                    ),
                )
        self._sizes = {
            (row["document"], row["page"]): (float(row["width"]), float(row["height"]))
            for row in pages
            if row["width"] is not None and row["height"] is not None  # text has no page to draw
        }
        self._passages: dict[str, list[tuple[str, str]]] = {}
        for row in passages:
            document = self._documents.get(row["document"])
            if document is not None and not document.pictured:
                self._passages.setdefault(document.id, []).append((row["kind"], row["text"]))

    def __len__(self) -> int:
        return len(self._documents)

    def document(self, identifier: str) -> Document | None:
        return self._documents.get(identifier)

    def size(self, document: str, page: int) -> tuple[float, float] | None:
        """Return a page's width and height in points."""
        return self._sizes.get((document, page))

    def picture(self, identifier: str, page: int) -> bytes:
        """Return a page as PNG, from the cache or drawn now.

        Raises MissingDocumentError for what is not there, UserError for what cannot be drawn.
        """
        document = self._documents.get(identifier)
        if document is None or not document.pictured or not 1 <= page <= document.pages:
            raise MissingDocumentError("there is no such page")
        kept = None if self._cache is None else self._cache / f"{document.id}-{page}.png"
        if kept is not None:
            try:
                data = kept.read_bytes()
                kept.touch()
                return data
            except OSError:
                pass  # not there yet, or just cleared away: draw it
        with _rendering:
            data = render_page(self._file(document), page, PIXELS_PER_POINT)
            if kept is not None:
                self._keep(kept, data)
        return data

    def around(self, identifier: str, sentence: str) -> list[tuple[str, str, str, str]]:
        """Return the passages around a sentence as (kind, before, cited, after).

        ``before + cited + after`` is the passage's text; ``cited`` is empty where the sentence does
        not stand. Two passages on either side are given, none where the sentence is not found.
        """
        passages = self._passages.get(identifier, [])
        for place, (_, text) in enumerate(passages):
            found = _find(text, sentence)
            if found is not None:
                start, end = found
                return [
                    (kind, other, "", "")
                    if index != place
                    else (kind, text[:start], text[start:end], text[end:])
                    for index, (kind, other) in enumerate(passages)
                    if abs(index - place) <= 2
                ]
        return []

    def _file(self, document: Document) -> Path:
        if self._source is None:
            raise MissingDocumentError("the source folder of this workspace is not known")
        path = (self._source / document.uri).resolve()
        if not path.is_relative_to(self._source) or not path.is_file():
            raise MissingDocumentError(f"{document.uri}: the file is no longer in its folder")
        return path

    def _keep(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        kept = sorted(
            (file.stat().st_mtime_ns, file.name, file) for file in path.parent.glob("*.png")
        )
        total = sum(file.stat().st_size for *_, file in kept)
        for *_, file in kept[:-1]:
            if total <= MAXIMUM_CACHE:
                break
            total -= file.stat().st_size
            file.unlink()


def _find(text: str, sentence: str) -> tuple[int, int] | None:
    """Return where a sentence stands, whatever the white space between its words."""
    words = [re.escape(word) for word in sentence.split()]
    found = re.search(r"\s+".join(words), text) if words else None
    return None if found is None else found.span()
