"""Chunks cut into sentences, and sentences led back to pages and boxes.

Sentences are character ranges of a chunk's text, so nothing in an answer was ever rewritten. Blocks
(blank lines between them) never share a sentence; rows of a table, items of a list and lines of
code stand alone, since their line breaks mean something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BLOCK = re.compile(r"(?:[^\n]|\n(?!\s*\n))+")
LINE = re.compile(r"[^\n]+")
#: Lines that begin like a row, an item or code are sentences of their own.
STRUCTURED = re.compile(
    r"^\s*(?:\||[-*+•‣▪–]\s|\d{1,3}[.)]\s|\(?[a-z][.)]\s|\t| {4})", re.MULTILINE
)


@dataclass(frozen=True)
class Box:
    """A place on a page: points from the top left corner, pages from 1."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


def sentence_ranges(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Return (start, end) of every sentence, in order, white space at the edges left out."""
    return [
        trimmed for start, end in _pieces(text, language) if (trimmed := _trim(text, start, end))
    ]


def places(spans: Sequence[Mapping[str, Any]], start: int, end: int) -> tuple[int, tuple[Box, ...]]:
    """Return the page that holds most of ``start:end`` and the boxes it touches, in text order.

    ``spans`` are a chunk's; on a draw the earlier page wins; (0, ()) where no span covers it.
    """
    share: dict[int, int] = {}
    boxes: dict[Box, None] = {}
    for span in spans:
        common = min(end, span["at"] + span["length"]) - max(start, span["at"])
        if common > 0:
            page = int(span["page"])
            share[page] = share.get(page, 0) + common
            boxes[Box(page, *(float(span[side]) for side in ("x0", "y0", "x1", "y1")))] = None
    if not share:
        return 0, ()
    return max(share, key=lambda page: (share[page], -page)), tuple(boxes)


def _pieces(text: str, language: str) -> Iterator[tuple[int, int]]:
    from sentencex import segment

    for block in BLOCK.finditer(text):
        if STRUCTURED.search(block.group()):
            for line in LINE.finditer(block.group()):
                yield block.start() + line.start(), block.start() + line.end()
            continue
        at = block.start()
        # The segmenter takes a line break for an end; inside a paragraph it is only a space.
        for piece in segment(language, block.group().replace("\n", " ")):
            yield at, at + len(piece)
            at += len(piece)


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return (start, end) if start < end else None
