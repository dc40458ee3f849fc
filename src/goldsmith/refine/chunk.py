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
from goldsmith.refine.lines import is_terminated
from goldsmith.refine.segments import Row, remaining
from goldsmith.refine.sentences import Count, counter, pieces

SECTION_LEVEL = 2  # headings up to this level open a section, and a chunk

_PROSE = frozenset({"paragraph", "list"})
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


def units(members: Sequence[Row], budget: int, count: Count) -> list[list[Part]]:
    """Return what no chunk may divide, in order: pieces of passages, and sentences with formulas.

    An equation that stands within a sentence belongs to the piece before it, and the rest of that
    sentence to the equation, as far as all of it is not more than the budget.
    """
    result: list[list[Part]] = []
    for passage in members:
        gap = count("\n\n") if result else 0  # what stands between two passages counts, too
        for start, end, tokens in pieces(passage["text"], passage["kind"], budget, count):
            part = Part(passage, start, end, tokens + (gap if start == 0 else 0))
            last = result[-1] if result else None
            if (
                last is not None
                and _goes_on(last[-1], part)
                and sum(one.tokens for one in last) + part.tokens <= budget
            ):
                last.append(part)
            else:
                result.append([part])
    return result


def _goes_on(before: Part, part: Part) -> bool:
    """Whether a sentence runs into an equation, or on behind one."""
    kind, last = part.passage["kind"], before.passage["kind"]
    if kind == "equation":
        return (
            last in _PROSE
            and before.end == len(before.passage["text"])
            and not (is_terminated(before.passage["text"].rstrip(" :")))
        )
    first = part.passage["text"][:1]
    return last == "equation" and kind in _PROSE and part.start == 0 and first.islower()


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
        budget = self.settings.chunk_tokens
        chunks: list[tuple[list[Part], str]] = []  # parts, id of the first passage of the section
        current = _Open()
        section = members[0]["id"]
        for unit in units(members, budget, counter(self.settings.chunk_tokenizer)):
            first = unit[0]
            heading = first.passage["kind"] == "heading"
            if heading and first.start == 0:
                opens = first.passage["level"] <= SECTION_LEVEL
                third = 3 * current.tokens >= budget
                if current.content and (opens or third):
                    chunks.append((current.parts, section))
                    current = _Open()
                if opens and not current.parts:
                    section = first.passage["id"]
            tokens = sum(part.tokens for part in unit)
            if current.tokens + tokens > budget and current.content and not heading:
                chunks.append((current.parts, section))
                current = _Open(self._overlap(current.parts, tokens))
            current.parts.extend(unit)
        if current.content or not chunks:
            chunks.append((current.parts, section))
        else:  # headings without anything under them end the chunk before
            chunks[-1][0].extend(part for part in current.parts if not part.repeated)
        count = counter(self.settings.chunk_tokenizer)
        return [
            _chunk(document, parts, section, order, count)
            for order, (parts, section) in enumerate(chunks)
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


def _chunk(document: str, parts: Sequence[Part], section: str, order: int, count: Count) -> Row:
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
        "tokens": count(text),
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
