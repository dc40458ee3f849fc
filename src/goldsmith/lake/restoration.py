"""The raw lines again, from gold and rejects alone: the proof that every removal is reversible.

Each raw character lies in a span of a chunk or in a reject (see `ledger`), and both hold its text,
its line and its place there. `restore` puts the pieces of each line together without a look at the
table of lines, and checks the result: a line's id is a hash of its document, page, order and text,
so a line that gives its id again is the original, byte for byte.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.lake.ids import content_id
from goldsmith.lake.ledger import by_document
from goldsmith.lake.tables import Lake


class RestoredLine(NamedTuple):
    """A line as its pieces make it; ``identical`` when it gives its id again."""

    id: str
    page: int | None
    order: int | None
    text: str
    identical: bool


@dataclass(frozen=True)
class Restored:
    """The lines of one file, in reading order. A copy has the lines of what it is a copy of."""

    document: str
    uri: str
    characters: int  # that its lines had
    lines: tuple[RestoredLine, ...]

    @property
    def identical(self) -> bool:
        """Whether each line is the original and none is missing."""
        places = [line.order for line in self.lines]
        return (
            places == list(range(len(places)))
            and all(line.identical for line in self.lines)
            and sum(len(line.text) for line in self.lines) == self.characters
        )


def restore(lake: Lake, name: str | None = None) -> Iterator[Restored]:
    """Yield every file (or the one with this uri, id, or beginning of an id), in order of the ids.

    Files that gave no lines (they could not be read) are yielded without any. Raises UserError when
    ``name`` is no document's.
    """
    files = lake.read("documents", ["id", "uri", "status", "characters"]).to_pylist()
    sizes = {file["id"]: file["characters"] or 0 for file in files if file["status"] == "ok"}
    if name is not None:
        files = [file for file in files if name in (file["uri"], file["id"])] or [
            file for file in files if name.startswith("d-") and file["id"].startswith(name)
        ]
        if len({file["id"] for file in files}) != 1:
            state = f"{len(files)} documents begin so" if files else "no such document"
            raise UserError(f"{name}: {state}; `goldsmith status` lists the documents")
    chunks = by_document(lake.read("chunks", ["document", "text", "spans"]))
    columns = ["document", "line", "order", "page", "start", "end", "text"]
    rejects = by_document(lake.read("rejects", columns))
    nothing = pa.table({})
    for file in files:
        lines = document_lines(
            file["id"], *(tables.get(file["id"], nothing) for tables in (chunks, rejects))
        )
        yield Restored(file["id"], file["uri"], sizes.get(file["id"], 0), tuple(lines))


class _Piece(NamedTuple):
    start: int
    end: int
    text: str


def document_lines(document: str, chunks: pa.Table, rejects: pa.Table) -> list[RestoredLine]:
    """Return one document's lines in reading order, from its rows of the two tables."""
    pieces: dict[str, list[_Piece]] = defaultdict(list)
    places: dict[str, tuple[int | None, int | None]] = {}
    for chunk in chunks.to_pylist():
        for span in chunk["spans"]:
            text = chunk["text"][span["at"] : span["at"] + span["length"]]
            pieces[span["line"]].append(_Piece(span["start"], span["end"], text))
            places[span["line"]] = (span["order"], span["page"])
    for row in rejects.to_pylist():
        pieces[row["line"]].append(_Piece(row["start"], row["end"], row["text"]))
        places[row["line"]] = (row["order"], row["page"])
    lines = []
    for line in sorted(pieces, key=lambda line: (places[line][0] or 0, line)):
        order, page = places[line]
        text = _together(pieces[line])
        known = page is not None and order is not None
        same = known and line == content_id("line", document, page or 0, order or 0, text)
        lines.append(RestoredLine(line, page, order, text, same))
    return lines


def _together(pieces: list[_Piece]) -> str:
    """The text that pieces of one line make; where they overlap, in chunks, they say the same."""
    text = ""
    for start, end, part in sorted(pieces):
        if end > len(text):
            text += part[max(len(text) - start, 0) :]
    return text
