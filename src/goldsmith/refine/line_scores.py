"""What the lines of a document say for the heuristics of Gopher and C4; see `heuristics`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_LINE_ENDS = (".", "?", "!", '"', "'")
_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")

#: Scores that lines alone decide.
BY_LINES = (
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "duplicate_lines",
    "duplicate_line_characters",
    "bullet_lines",
    "ellipsis_lines",
    "lorem_ipsum",
    "curly_bracket",
    "third_paragraph",
)


class LineScores(NamedTuple):
    """What the lines of one document say."""

    words: list[str]
    lines: list[int]  # words in each line
    kept: list[bool]  # whether C4 keeps the line as it is
    rewritten: list[str]  # lines it keeps after taking citation marks out
    values: dict[str, float]


def read_lines(text: str) -> LineScores:
    """Read a document line by line; see LineScores."""
    lines = text.splitlines()
    part = LineScores([], [], [], [], dict.fromkeys(BY_LINES, 0.0))
    values, size = part.values, max(len(text), 1)
    for name, pieces in (
        ("paragraph", _PARAGRAPHS.split(text.strip()) if "\n\n" in text else None),
        ("line", _LINES.split(text) if "\n" in text else None),
    ):
        if pieces is not None and len(set(pieces)) < len(pieces):
            again = _again(pieces)
            values[f"duplicate_{name}s"] = len(again) / len(pieces)
            values[f"duplicate_{name}_characters"] = sum(map(len, again)) / size
    if lines:
        if "•" in text or "-" in text:
            bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
            values["bullet_lines"] = bullets / len(lines)
        if "..." in text or "…" in text:
            dots = sum(line.rstrip().endswith(("...", "…")) for line in lines)
            values["ellipsis_lines"] = dots / len(lines)
    lengths = sorted(map(len, text.split("\n")), reverse=True)
    values["third_paragraph"] = lengths[2] if len(lengths) > 2 else 0.0
    lower = text.lower()
    script = "javascript" in lower
    policy = any(phrase in lower for phrase in _POLICY)
    stop = "lorem ipsum" in lower or "{" in text
    over = False
    for line in lines:
        words = line.split()
        part.words.extend(words)
        part.lines.append(len(words))
        whole = line.strip()
        changed = False
        if over or (len(whole) > 1000 and any(len(word) > 1000 for word in words)):
            part.kept.append(False)
            continue
        if "[" in whole:
            whole, marks = _CITATION.subn("", whole)
            changed = marks > 0
        keep = whole.endswith(_LINE_ENDS) and not whole.endswith("...") and len(words) >= 3
        if keep and (script or policy or stop):
            low = whole.lower()
            if "lorem ipsum" in low:
                values["lorem_ipsum"], keep, over = 1.0, False, True
            elif "javascript" in low:
                keep = False
            elif "{" in whole:
                values["curly_bracket"], keep, over = 1.0, False, True
            elif policy and any(phrase in low for phrase in _POLICY):
                keep = False
        part.kept.append(keep and not changed)
        if keep and changed:
            part.rewritten.append(whole)
    return part


def _again(pieces: Sequence[str]) -> list[str]:
    """The pieces that stand before already."""
    seen: set[str] = set()
    again = []
    for piece in pieces:
        if piece in seen:
            again.append(piece)
        seen.add(piece)
    return again
