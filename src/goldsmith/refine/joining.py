"""Which lines belong to one passage, and what stands between them.

A paragraph runs on over lines, columns and pages; footnotes, furniture and captions between its
parts do not end it. `group` puts lines into drafts; `joined` makes one text of a draft's lines,
with a space, a line break or a cell mark between them, and the hyphen of a divided word taken out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from goldsmith.refine.hyphens import DIVIDED, STARTS_WORD, Hyphens
from goldsmith.refine.lines import Line, is_terminated, same_row
from goldsmith.refine.segments import Edit, Segment, edited, separator, text_of
from goldsmith.refine.structure import BULLET, ENUMERATED, NUMBERED

KIND_OF_LABEL = {
    "CONTENT": "paragraph",
    "HEADING": "heading",
    "LIST": "list",
    "TABLE": "table",
    "EQUATION": "equation",
    "CODE": "code",
    "CAPTION": "caption",
    "REFERENCE": "reference",
    "FOOTNOTE": "paragraph",
    "TITLE": "heading",
    "AUTHOR": "paragraph",
    "ANNEX": "paragraph",
}

_REFERENCE_ITEM = re.compile(r"^\s*(?:\[\w{1,12}\]|\d{1,3}\.\s)")


@dataclass
class Draft:
    """A passage in the making: its lines, each with its segments after repair."""

    label: str
    lines: list[Line] = field(default_factory=list)
    parts: list[list[Segment]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return KIND_OF_LABEL[self.label]


def group(
    lines: Sequence[Line], labels: Sequence[str], parts: Sequence[list[Segment]]
) -> list[Draft]:
    """Put the lines of one document, in reading order, into drafts."""
    drafts: list[Draft] = []
    open_paragraph: Draft | None = None  # one that a caption or a table may have interrupted
    for line, label, part in zip(lines, labels, parts, strict=True):
        last = drafts[-1] if drafts else None
        target = None
        if last is not None and last.label == label and _goes_on(last, line):
            target = last
        elif (
            label == "CONTENT"
            and open_paragraph is not None
            and open_paragraph is not last
            and _runs_over(open_paragraph, line)
        ):
            target = open_paragraph
        if target is None:
            target = Draft(label)
            drafts.append(target)
        target.lines.append(line)
        target.parts.append(part)
        if label == "CONTENT":
            open_paragraph = target
        elif label not in ("CAPTION", "TABLE", "FOOTNOTE"):
            open_paragraph = None
    return drafts


def _goes_on(draft: Draft, line: Line) -> bool:
    """Whether a line of the same label continues the draft."""
    last = draft.lines[-1]
    same_block = line.page == last.page and line.block == last.block
    label = draft.label
    if label in ("TABLE", "CODE", "EQUATION", "LIST", "REFERENCE"):
        near = line.page - last.page <= 1
        if line.hint.startswith("table:0:") and not last.hint.startswith("table:0:"):
            return False  # the first row of another table
        alike = line.hint.partition(":")[0] == last.hint.partition(":")[0]
        return near and (line.paged or same_block or label == "LIST") and alike
    if line.hint.startswith("field:"):
        return same_block  # a value goes with the words beside it
    if not line.paged or line.hint:
        return same_block and line.hint == last.hint
    if label in ("HEADING", "TITLE"):
        if line.page != last.page or NUMBERED.match(line.text) or line.y0 < last.y0 - 1.0:
            return same_row(last, line)
        alike = line.size == last.size and line.bold == last.bold
        return alike and line.y0 - last.y1 < 0.8 * max(line.height, 1.0)
    if same_block:
        return True
    if label in ("CAPTION", "FOOTNOTE", "AUTHOR"):
        return False
    return _runs_over(draft, line)


def _runs_over(draft: Draft, line: Line) -> bool:
    """Whether a paragraph that was left unfinished goes on in a line of another block."""
    last = draft.lines[-1]
    if not line.paged or not last.paged or line.page - last.page > 1 or line.hint:
        return False
    text, after = last.text.rstrip(), line.text.lstrip()
    if not text or not after or is_terminated(text) or BULLET.match(after):
        return False
    if last.size and line.size and not 0.93 < line.size / last.size < 1.07:
        return False
    if DIVIDED.search(text):
        return True
    if after[0].islower():  # a short last line belongs to something else: a name, an address
        return last.x1 - last.x0 > 0.6 * (line.x1 - line.x0)
    # A capital may start the rest as well, when the column was full to its last word.
    moved = line.page != last.page or line.y0 < last.y0
    edge = max(member.x1 for member in draft.lines)
    full = len(draft.lines) > 1 and last.x1 > edge - 1.5 * (last.size or 10.0)
    return moved and full and text[-1].isalpha() | (text[-1] in ",(") and not line.bold


def joined(draft: Draft, hyphens: Hyphens) -> list[Segment]:
    """Return the segments of the draft's whole text."""
    result: list[Segment] = []
    kind = draft.kind
    before: Line | None = None
    for line, part in zip(draft.lines, draft.parts, strict=True):
        text = text_of(part)
        if not text:
            result.extend(part)
            continue
        if before is not None:
            result.extend(_between(before, line, text, kind))
            if result and result[-1].line is None and result[-1].text == "\0":
                beside = (before.page, before.block) == (line.page, line.block)
                _divide(result, text, hyphens, beside)
        result.extend(part)
        before = line
    return result


def _between(before: Line, line: Line, text: str, kind: str) -> list[Segment]:
    """What stands between two lines; a NUL marks a word that is divided there."""
    if kind == "table":
        return [separator(" | " if same_row(before, line) else "\n")]
    if kind in ("code", "equation"):
        return [separator(" " if kind == "equation" and same_row(before, line) else "\n")]
    if kind == "list" and (
        BULLET.match(text)
        or ENUMERATED.match(text)
        or (before.engine not in ("pdfium", "rapidocr") and line.block != before.block)
    ):
        return [separator("\n")]
    if kind == "reference" and (_REFERENCE_ITEM.match(text) or line.block != before.block):
        return [separator("\n")]
    tail = before.text.rstrip()
    if DIVIDED.search(tail) and STARTS_WORD.match(text):
        return [separator("\0")]
    if len(tail) > 1 and tail[-1] in "-‐–" and tail[-2].isdigit() and text[0].isdigit():
        return []
    return [separator(" ")]


def _divide(result: list[Segment], text: str, hyphens: Hyphens, beside: bool) -> None:
    """Take the mark out again, and the hyphen if only the line break put it there.

    ``beside``: the lines are of one block; else they may not belong together after all.
    """
    result.pop()
    tail = text_of(result[-6:]) if len(result) > 6 else text_of(result)
    right = STARTS_WORD.match(text)
    assert right is not None
    found = DIVIDED.search(tail)
    if found is None:
        # A soft hyphen that repair has taken out already: the parts simply meet.
        if not (tail and tail[-1].isalpha()):
            result.append(separator(" "))
        return
    left, rest = found.group("left"), right.group()
    if hyphens.stays(left, rest) or not (beside or hyphens.plausible(left, rest)):
        return
    for index in range(len(result) - 1, -1, -1):
        if result[index].text:
            segment = result[index]
            length = len(segment.text)
            result[index : index + 1] = edited([segment], [Edit(length - 1, length, "", "hyphen")])
            return
