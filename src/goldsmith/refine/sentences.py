"""The pieces of a passage that a chunk must not divide: sentences, rows, lines of code, equations.

A budget is counted in tokens of any tokenizer; without one, in words and punctuation marks (a
regular expression), since chunks come before our own tokenizer is trained. Subword tokenizers make
about 1.3 times as many of English prose.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

Count = Callable[[str], int]  # tokens of a text

_TOKEN = re.compile(r"\w+|[^\w\s]")
_BY_LINE = frozenset({"table", "code", "list", "reference"})
_WHOLE = frozenset({"heading", "equation", "table"})  # whose pieces are never divided


class Piece(NamedTuple):
    """Characters ``start``..``end`` of a passage's text, white space behind included."""

    start: int
    end: int
    tokens: int


def count_tokens(text: str) -> int:
    """Return how many words and punctuation marks there are."""
    return sum(1 for _ in _TOKEN.finditer(text))


@cache
def counter(tokenizer: str) -> Count:
    """Return what counts tokens: "words", or a tokenizer by its folder or hub name.

    Raises ModelError when there is no such tokenizer.
    """
    if tokenizer == "words":
        return count_tokens
    from goldsmith.models import local_folder
    from goldsmith.tokenizers import load

    loaded = load(local_folder(tokenizer))
    return lambda text: len(loaded.encode(text))


def pieces(text: str, kind: str, budget: int, count: Count = count_tokens) -> list[Piece]:
    """Divide a passage's whole text into pieces; together they are the text.

    Equations and rows of tables are never divided, nor are sentences; but what runs on over more
    than twice the budget, in tokens, without the end of a sentence is divided at words.
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
        tokens = count(text[start:end])
        if tokens > 2 * budget and kind not in _WHOLE:
            result += _at_words(text, start, end, budget, count)
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


def _at_words(text: str, start: int, end: int, budget: int, count: Count) -> list[Piece]:
    """Pieces of at most ``budget`` tokens (or one word), divided only where a word begins."""
    result: list[Piece] = []
    begin = cursor = start
    total = 0
    for match in _TOKEN.finditer(text, start, end):
        if match.start() == cursor:
            continue
        tokens = count(text[cursor : match.start()])
        if total and total + tokens > budget:
            result.append(Piece(begin, cursor, total))
            begin, total = cursor, 0
        total += tokens
        cursor = match.start()
    tokens = count(text[cursor:end])
    if total and total + tokens > budget:
        result.append(Piece(begin, cursor, total))
        begin, total = cursor, 0
    result.append(Piece(begin, end, total + tokens))
    return result
