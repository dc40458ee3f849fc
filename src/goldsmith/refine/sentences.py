"""The pieces of a passage that a chunk must not divide: sentences, rows, lines of code, equations.

Tokens here are words and punctuation marks (a regular expression): a budget that needs no
tokenizer, since chunks come before any is trained. Subword tokenizers make about 1.3 times as many
of English prose.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_TOKEN = re.compile(r"\w+|[^\w\s]")
_BY_LINE = frozenset({"table", "code", "list", "reference"})


class Piece(NamedTuple):
    """Characters ``start``..``end`` of a passage's text, white space behind included."""

    start: int
    end: int
    tokens: int


def count_tokens(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def pieces(text: str, kind: str, budget: int) -> list[Piece]:
    """Divide a passage's whole text into pieces; together they are the text.

    Only a piece of more than twice the budget, in tokens, is divided further, at words.
    """
    if kind in ("heading", "equation"):
        ranges = [(0, len(text))]
    elif kind in _BY_LINE:
        ranges = _lines(text)
        if kind in ("list", "reference"):
            ranges = [
                (start + left, start + right)
                for start, end in ranges
                for left, right in _sentences(text[start:end])
            ]
    else:
        ranges = _sentences(text)
    result: list[Piece] = []
    for start, end in ranges:
        tokens = count_tokens(text[start:end])
        if tokens > 2 * budget:
            result += _at_words(text, start, end, budget)
        else:
            result.append(Piece(start, end, tokens))
    return result


def _lines(text: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in re.finditer("\n", text)]
    starts = [0, *ends]
    return [(a, b) for a, b in zip(starts, [*ends, len(text)], strict=True) if a < b]


def _sentences(text: str) -> list[tuple[int, int]]:
    import sentencex

    found: list[dict[str, Any]] = sentencex.get_sentence_boundaries("en", text)
    ranges = [(one["start_index"], one["end_index"]) for one in found]
    ranges = [(start, end) for start, end in ranges if start < end]
    starts = [start for start, _ in ranges]
    # Whatever the segmenter does at odd characters, the pieces must be the whole text.
    if not ranges or starts != sorted(set(starts)) or ranges[-1][0] >= len(text):
        return [(0, len(text))]
    return list(zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True))


def _at_words(text: str, start: int, end: int, budget: int) -> list[Piece]:
    """Pieces of at most ``budget`` tokens, divided only where a word or sign begins."""
    result: list[Piece] = []
    begin, count = start, 0
    for match in _TOKEN.finditer(text, start, end):
        if count == budget:
            result.append(Piece(begin, match.start(), count))
            begin, count = match.start(), 0
        count += 1
    result.append(Piece(begin, end, count))
    return result
