"""The stage that makes passages of tagged lines and keeps account of all it takes away.

Furniture goes by its label; characters are repaired line by line; lines are joined to paragraphs,
lists, tables; marks and personal data are taken out of the joined text, so that they are found
across line breaks too. What was removed or replaced comes out as ``rejects``: together with the
spans of the passages they cover every raw character exactly once (see `cover`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.accents import accent_edits
from goldsmith.refine.characters import character_edits, control_edits, mojibake_edits
from goldsmith.refine.citations import References, citation_edits, read_references
from goldsmith.refine.headings import Levels
from goldsmith.refine.hyphens import Hyphens, Words, read_verdicts
from goldsmith.refine.joining import Draft, group, joined
from goldsmith.refine.lines import Line, read_lines
from goldsmith.refine.marks import footnote_edits
from goldsmith.refine.pii import pii_edits
from goldsmith.refine.segments import (
    Edit,
    Row,
    Segment,
    edited,
    rejects_of,
    removed,
    spans_of,
    text_of,
    whole,
)

_MARKED = frozenset({"CONTENT", "LIST", "HEADING", "CAPTION", "TITLE", "AUTHOR"})
_PROSE = frozenset({"paragraph", "list", "heading", "caption", "reference"})


@dataclass(frozen=True)
class Clean:
    """``lines``, ``tags`` and ``divisions`` of one document to ``passages`` and ``rejects``.

    Levels of headings are 1 to 6; ``heading_path`` holds the texts of the headings above a passage
    (for a heading: above and including itself). A document whose lines all went has no passages.
    Without a table of ``divisions`` the document alone decides which hyphens stay.
    """

    settings: RefineSettings
    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 4
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("lines", "tags", "divisions")
    writes: ClassVar[tuple[str, ...]] = ("passages", "rejects")

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        lines = read_lines(tables["lines"])
        tags = tables["tags"].select(["line", "label", "confidence"]).to_pylist()
        labels = {row["line"]: (row["label"], row["confidence"]) for row in tags}
        gone = self._gone()
        kept: list[Line] = []
        rejects: list[Row] = []
        for line in lines:
            label, confidence = labels.get(line.id, ("CONTENT", 1.0))
            if line.replaced:
                rejects += rejects_of(removed(line, "replaced reading", 1.0), self.name)
            elif label in gone:
                rejects += rejects_of(removed(line, label, confidence), self.name)
            else:
                kept.append(line)
        names = [labels.get(line.id, ("CONTENT", 1.0))[0] for line in kept]
        # Running text of an appendix is joined and cleaned like any other.
        names = ["CONTENT" if name == "ANNEX" else name for name in names]
        parts = [self._repaired(line, label) for line, label in zip(kept, names, strict=True)]
        references = read_references(
            line for line in lines if labels.get(line.id, ("", 0))[0] == "REFERENCE"
        )
        words = Words()
        words.add(line.text for line in kept)
        hyphens = Hyphens(words, read_verdicts(tables.get("divisions")))
        drafts = group(kept, names, parts)
        headings = [draft.lines[0] for draft in drafts if draft.label == "HEADING"]
        levels = Levels(headings, "TITLE" in names)
        passages: list[Row] = []
        for draft in drafts:
            segments = self._marked(joined(draft, hyphens), draft, references)
            rejects += rejects_of(segments, self.name)
            spans = spans_of(segments)
            if spans:
                level = levels.of(draft.lines[0]) if draft.label == "HEADING" else 0
                level = 1 if draft.label == "TITLE" else level
                path = levels.path(level, text_of(segments))
                passages.append(_passage(draft, segments, spans, level, path, len(passages)))
        return {
            "passages": pa.Table.from_pylist(passages, SCHEMAS["passages"]),
            "rejects": pa.Table.from_pylist(rejects, SCHEMAS["rejects"]),
        }

    def _gone(self) -> frozenset[str]:
        gone = {"HEADER", "FOOTER", "PAGE_NUMBER", "TOC"}
        if self.settings.footnotes == "remove":
            gone.add("FOOTNOTE")
        if self.settings.references == "remove":
            gone.add("REFERENCE")
        return frozenset(gone)

    def _repaired(self, line: Line, label: str) -> list[Segment]:
        """A line with its characters mended and its footnote signs gone."""
        segments = whole(line)
        marks: Sequence[Edit] = ()
        if line.raised and self.settings.footnotes == "remove" and label in _MARKED:
            marks = footnote_edits(line)
            segments = edited(segments, marks) if marks else segments
        text = text_of(segments) if marks else line.text
        if text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
            return segments
        if label != "EQUATION" and (mended := mojibake_edits(text)):
            segments = edited(segments, mended)
            text = text_of(segments)
        if label not in ("EQUATION", "CODE") and (accents := accent_edits(text)):
            segments = edited(segments, accents)
            text = text_of(segments)
        if label == "CODE":
            edits = control_edits(text)
        else:
            edits = character_edits(text)
            if label == "TABLE":
                edits = [_cell(edit, text) for edit in edits]
        return edited(segments, edits) if edits else segments

    def _marked(
        self, segments: list[Segment], draft: Draft, references: References
    ) -> list[Segment]:
        """The draft's text without citations and personal data."""
        text = text_of(segments)
        prose = draft.kind in _PROSE
        if self.settings.pii != "keep":
            edits = pii_edits(text, prose, self.settings)
            if edits:
                segments = edited(segments, edits)
                text = text_of(segments)
        if self.settings.citation_marks == "remove" and draft.kind in (
            "paragraph",
            "list",
            "caption",
            "heading",
        ):
            edits = citation_edits(text, references)
            if edits:
                segments = edited(segments, edits)
        return _trimmed(segments)


def _cell(edit: Edit, text: str) -> Edit:
    """In a table, a wide gap within a line parts two cells."""
    gap = text[edit.start : edit.end]
    if edit.rule != "white space" or edit.start == 0 or edit.end == len(text):
        return edit
    if "\t" in gap or len(gap) >= 2:
        return edit._replace(replacement=" | ")
    return edit


def _trimmed(segments: list[Segment]) -> list[Segment]:
    """White space that edits have left at either end of the text is removed too."""
    text = text_of(segments)
    edits = []
    left, right = len(text) - len(text.lstrip(" \n")), len(text.rstrip(" \n"))
    if left:
        edits.append(Edit(0, left, "", "white space"))
    if left <= right < len(text):
        edits.append(Edit(right, len(text), "", "white space"))
    return edited(segments, edits) if edits else segments


def _passage(
    draft: Draft, segments: list[Segment], spans: list[Row], level: int, path: list[str], order: int
) -> Row:
    document = draft.lines[0].document
    text = text_of(segments)
    first = spans[0]
    return {
        "id": content_id("passage", document, first["line"], first["start"], draft.kind, text),
        "document": document,
        "order": order,
        "kind": draft.kind,
        "level": level,
        "heading_path": path,
        "text": text,
        "spans": spans,
    }
