"""A text that knows where each of its characters came from, and what became of the rest.

A draft is a list of segments. Every character of every raw line that goes into it lies in exactly
one segment: kept as it is, replaced, or removed with a rule. Edits split segments and never drop
one, so the ledger is exact by construction: `spans_of` reads what was kept, `rejects_of` the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from goldsmith.lake.ids import content_id
from goldsmith.refine.lines import Line


class Segment(NamedTuple):
    """``text`` stands in the draft for the raw characters ``start``..``end`` of ``line``.

    ``rule`` is None when the text is those characters, else why it is not. A separator that we
    insert between lines has no line.
    """

    text: str
    line: Line | None
    start: int
    end: int
    rule: str | None = None
    score: float = 1.0


class Edit(NamedTuple):
    """Replace the characters ``start``..``end`` (not empty) of a draft's text."""

    start: int
    end: int
    replacement: str
    rule: str
    score: float = 1.0


Row = dict[str, Any]


def whole(line: Line) -> list[Segment]:
    """Return a line as it is."""
    return [Segment(line.text, line, 0, len(line.text))] if line.text else []


def removed(line: Line, rule: str, score: float) -> list[Segment]:
    """Return a line of which nothing stays."""
    return [Segment("", line, 0, len(line.text), rule, score)] if line.text else []


def separator(text: str) -> Segment:
    return Segment(text, None, 0, 0)


def text_of(segments: Iterable[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def edited(segments: Sequence[Segment], edits: Sequence[Edit]) -> list[Segment]:
    """Apply edits, given in order and apart from each other in coordinates of the draft's text.

    A character that was replaced before is replaced as a whole; an inserted separator that an edit
    touches vanishes. The replacement stands at the first raw character of its edit.
    """
    result: list[Segment] = []
    number = 0
    placed = -1  # the last edit whose replacement has a place
    right = 0
    for segment in segments:
        left, right = right, right + len(segment.text)
        while number < len(edits) and edits[number].end <= left:
            number += 1
        if left == right or number == len(edits) or edits[number].start >= right:
            result.append(segment)
            continue
        if segment.line is None:
            continue
        if segment.rule is not None:
            edit = edits[number]
            text = edit.replacement if placed < number else ""
            result.append(segment._replace(text=text, rule=edit.rule, score=edit.score))
            placed = max(placed, number)
            continue
        shift = segment.start - left
        cursor = left
        for index in range(number, len(edits)):
            edit = edits[index]
            if edit.start >= right:
                break
            begin, end = max(edit.start, left), min(edit.end, right)
            if cursor < begin:
                result.append(_slice(segment, cursor + shift, begin + shift))
            text = edit.replacement if placed < index else ""
            placed = max(placed, index)
            result.append(
                Segment(text, segment.line, begin + shift, end + shift, edit.rule, edit.score)
            )
            cursor = end
        if cursor < right:
            result.append(_slice(segment, cursor + shift, right + shift))
    return result


def _slice(segment: Segment, start: int, end: int) -> Segment:
    text = segment.text[start - segment.start : end - segment.start]
    return Segment(text, segment.line, start, end)


def spans_of(segments: Iterable[Segment]) -> list[Row]:
    """Return the SPAN structs of the characters kept as they are, in the order of the text."""
    spans: list[Row] = []
    at = 0
    for segment in segments:
        line, length = segment.line, len(segment.text)
        if line is not None and segment.rule is None and length:
            last = spans[-1] if spans else None
            if (
                last is not None
                and last["line"] == line.id
                and last["end"] == segment.start
                and last["at"] + last["length"] == at
            ):
                last["length"] += length
                last["end"] = segment.end
            else:
                spans.append(
                    {
                        "at": at,
                        "length": length,
                        "line": line.id,
                        "order": line.order,
                        "start": segment.start,
                        "end": segment.end,
                        "page": line.page,
                        "x0": line.x0,
                        "y0": line.y0,
                        "x1": line.x1,
                        "y1": line.y1,
                    }
                )
        at += length
    return spans


def rejects_of(segments: Iterable[Segment], stage: str) -> list[Row]:
    """Return the reject rows of the characters that were removed or replaced."""
    merged: list[Segment] = []
    for segment in segments:
        if segment.line is None or segment.rule is None or segment.start == segment.end:
            continue
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.line is segment.line
            and last.end == segment.start
            and last.rule == segment.rule
            and not segment.text
        ):
            merged[-1] = last._replace(end=segment.end)
        else:
            merged.append(segment)
    rows = []
    for segment in merged:
        line = segment.line
        assert line is not None
        assert segment.rule is not None
        rows.append(
            reject_row(
                document=line.document,
                subject=line.id,
                line=line.id,
                order=line.order,
                page=line.page,
                start=segment.start,
                end=segment.end,
                text=line.text[segment.start : segment.end],
                replacement=segment.text,
                stage=stage,
                rule=segment.rule,
                score=segment.score,
                merged_into=None,
            )
        )
    return rows


def reject_row(**fields: Any) -> Row:
    """Return a row of ``rejects`` with its id, made from what was removed, where and why."""
    parts = (fields[name] for name in ("document", "subject", "line", "start", "end"))
    return {"id": content_id("reject", *parts, fields["stage"], fields["rule"]), **fields}


def reject_passage(
    passage: Row, stage: str, rule: str, score: float, merged_into: str | None = None
) -> list[Row]:
    """Return one reject row for each span of a passage that does not survive ``stage``."""
    return [
        reject_row(
            document=passage["document"],
            subject=passage["id"],
            line=span["line"],
            order=span["order"],
            page=span["page"],
            start=span["start"],
            end=span["end"],
            text=passage["text"][span["at"] : span["at"] + span["length"]],
            replacement="",
            stage=stage,
            rule=rule,
            score=score,
            merged_into=merged_into,
        )
        for span in passage["spans"]
    ]


def reject_range(
    passage: Row, start: int, end: int, stage: str, rule: str, score: float, merged_into: str
) -> list[Row]:
    """Return the reject rows of the raw characters under ``start``..``end`` of a passage's text."""
    rows = []
    for span in passage["spans"]:
        left, right = max(start, span["at"]), min(end, span["at"] + span["length"])
        if left < right:
            part = {
                **span,
                "at": left,
                "length": right - left,
                "start": span["start"] + left - span["at"],
                "end": span["start"] + right - span["at"],
            }
            only = {**passage, "spans": [part]}
            rows += reject_passage(only, stage, rule, score, merged_into)
    return rows


def remaining(passage: Row, rejects: Sequence[Row]) -> Row | None:
    """Return a passage without the raw characters that ``rejects`` took; None if nothing is left.

    What stands between the characters (separators, replacements) stays.
    """
    if not rejects:
        return passage
    keep = [True] * len(passage["text"])
    for reject in rejects:
        for span in passage["spans"]:
            if span["line"] == reject["line"]:
                left = max(reject["start"], span["start"]) - span["start"] + span["at"]
                right = min(reject["end"], span["end"]) - span["start"] + span["at"]
                if left < right:
                    keep[left:right] = [False] * (right - left)
    spans: list[Row] = []
    places = [0]
    for kept in keep:
        places.append(places[-1] + kept)
    for span in passage["spans"]:
        begin = span["at"]
        for stays, run in groupby(range(begin, begin + span["length"]), key=keep.__getitem__):
            size = len(list(run))
            if stays:
                start = span["start"] + begin - span["at"]
                place = {"at": places[begin], "length": size, "start": start, "end": start + size}
                spans.append({**span, **place})
            begin += size
    text = "".join(letter for letter, kept in zip(passage["text"], keep, strict=True) if kept)
    return {**passage, "text": text, "spans": spans} if spans else None
