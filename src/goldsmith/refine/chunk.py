"""The stage that fills chunks: whole sentences under one heading path, within a token budget.

A heading opens the chunk that follows it. A chunk ends at every heading of level 1 or 2, at deeper
ones once it is a third full, and before a piece (see `sentences`) that would exceed the budget;
then the next repeats its last whole sentences, up to ``chunk_overlap`` tokens. Without these
overlaps the spans of a document's chunks are exactly the spans of its surviving passages, in order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import pyarrow as pa

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.segments import Row, remaining
from goldsmith.refine.sentences import count_tokens, pieces

SECTION_LEVEL = 2  # headings up to this level open a section, and a chunk

_REPEATED = frozenset({"paragraph", "list", "caption"})


class Part(NamedTuple):
    """Characters ``start``..``end`` of a passage."""

    passage: Row
    start: int
    end: int
    tokens: int
    repeated: bool = False  # the chunk before holds it too


@dataclass
class _Open:
    """The chunk that is being filled."""

    parts: list[Part] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)

    @property
    def content(self) -> bool:
        """Whether it holds more than headings and what the chunk before holds."""
        return any(part.passage["kind"] != "heading" and not part.repeated for part in self.parts)


@dataclass(frozen=True)
class Chunk:
    """``passages`` of one document that neither cut nor de-duplication took, to ``chunks``."""

    settings: RefineSettings
    name: ClassVar[str] = "chunk"
    version: ClassVar[int] = 2
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("passages", "rejects:cut", "rejects:deduplicate")
    writes: ClassVar[tuple[str, ...]] = ("chunks",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        rejects: dict[str, list[Row]] = defaultdict(list)
        for name in ("rejects:cut", "rejects:deduplicate"):
            for row in tables[name].select(["subject", "line", "start", "end"]).to_pylist():
                rejects[row["subject"]].append(row)
        by_document: dict[str, list[Row]] = defaultdict(list)
        for whole in tables["passages"].to_pylist():
            passage = remaining(whole, rejects[whole["id"]]) if whole["id"] in rejects else whole
            if passage is not None:
                by_document[passage["document"]].append(passage)
        rows: list[Row] = []
        for document in sorted(by_document):
            members = sorted(by_document[document], key=lambda row: row["order"])
            rows += self._document(document, members)
        return {"chunks": pa.Table.from_pylist(rows, SCHEMAS["chunks"])}

    def _document(self, document: str, members: Sequence[Row]) -> list[Row]:
        chunks: list[tuple[list[Part], str]] = []  # parts, id of the first passage of the section
        current = _Open()
        section = members[0]["id"]
        for passage in members:
            if passage["kind"] == "heading":
                opens = passage["level"] <= SECTION_LEVEL
                third = 3 * current.tokens >= self.settings.chunk_tokens
                if current.content and (opens or third):
                    chunks.append((current.parts, section))
                    current = _Open()
                if opens and not current.parts:
                    section = passage["id"]
            for start, end, tokens in pieces(
                passage["text"], passage["kind"], self.settings.chunk_tokens
            ):
                full = current.tokens + tokens > self.settings.chunk_tokens
                if full and current.content and passage["kind"] != "heading":
                    chunks.append((current.parts, section))
                    current = _Open(self._overlap(current.parts, tokens))
                current.parts.append(Part(passage, start, end, tokens))
        if current.content or not chunks:
            chunks.append((current.parts, section))
        else:  # headings without anything under them end the chunk before
            chunks[-1][0].extend(part for part in current.parts if not part.repeated)
        return [
            _chunk(document, parts, section, order) for order, (parts, section) in enumerate(chunks)
        ]

    def _overlap(self, parts: Sequence[Part], coming: int) -> list[Part]:
        """The last whole sentences of a chunk that the next one repeats."""
        budget = min(self.settings.chunk_overlap, self.settings.chunk_tokens - coming)
        taken: list[Part] = []
        for part in reversed(parts):
            budget -= part.tokens
            if budget < 0 or part.repeated or part.passage["kind"] not in _REPEATED:
                break
            taken.append(part._replace(repeated=True))
        return taken[::-1]


def _chunk(document: str, parts: Sequence[Part], section: str, order: int) -> Row:
    text, last = "", ""
    overlap = 0
    spans: list[Row] = []
    for part in _merged(parts):
        piece = part.passage["text"][part.start : part.end]
        same = part.passage["id"] == last
        text += piece if same or not text else "\n\n" + piece
        spans += _spans(part, len(text) - len(piece))
        overlap = len(text) if part.repeated else overlap
        last = part.passage["id"]
    reach = max((span["at"] + span["length"] for span in spans), default=0)
    # A line break that we inserted between rows ends no chunk; raw characters stay.
    text = text[:reach] + text[reach:].rstrip("\n ")
    line, start = (spans[0]["line"], spans[0]["start"]) if spans else ("", 0)
    paths = [part.passage["heading_path"] for part in parts if part.passage["kind"] != "heading"]
    return {
        "id": content_id("chunk", document, line, start, text),
        "document": document,
        "order": order,
        "heading_path": _common(paths or [part.passage["heading_path"] for part in parts]),
        "text": text,
        "tokens": count_tokens(text),
        "overlap": overlap,
        "passages": list(dict.fromkeys(part.passage["id"] for part in parts)),
        "spans": spans,
        "parent": content_id("chunk", document, "section", section),
    }


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Join neighbouring parts of one passage, repeated and new ones apart."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if (
            last is not None
            and last.passage is part.passage
            and last.end == part.start
            and last.repeated == part.repeated
        ):
            result[-1] = last._replace(end=part.end, tokens=last.tokens + part.tokens)
        else:
            result.append(part)
    return result


def _spans(part: Part, at: int) -> list[Row]:
    """The passage's spans within a part, in coordinates of a chunk that holds it from ``at``."""
    spans = []
    for span in part.passage["spans"]:
        left = max(span["at"], part.start)
        right = min(span["at"] + span["length"], part.end)
        if left < right:
            start = span["start"] + left - span["at"]
            place = {"at": at + left - part.start, "length": right - left}
            spans.append(span | place | {"start": start, "end": start + right - left})
    return spans


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    """The headings that all paths begin with."""
    first = list(paths[0])
    for path in paths[1:]:
        length = 0
        while length < min(len(first), len(path)) and first[length] == path[length]:
            length += 1
        del first[length:]
    return first
