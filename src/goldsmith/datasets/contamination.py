"""Nothing of the evaluation half may be trained on: find examples that give it away.

An example is contaminated when its question is an evaluation question or nearly one, when any of
its turns holds such a question or thirteen words in a row of one (the n-gram of Brown et al. 2020,
"Language Models are Few-Shot Learners"), or when its answer is, holds, or lies within the passage
that answers one. Every question whose split is not "train" counts as kept for evaluation, so that
a misspelt split leaks nothing.

`find_overlaps` looks the other way: how much of each item of an evaluation set stands in the texts
that are trained on, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(r"\w+")
_RUN = 13
_NEAR = 0.8  # Jaccard similarity of the sets of words
_FEW = 4  # a shorter question or answer is only compared whole


def find_contamination(
    examples: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return {example id: why} for the examples that touch the evaluation half of the questions."""
    kept = [row for row in questions if row["split"] != "train"]
    asked = [_words(row["question"]) for row in kept]
    sets = [set(words) for words in asked]
    runs = {run for words in asked for run in _runs(words)}
    phrases = [_phrase(words) for words in asked if len(words) >= _FEW]
    passages = [_phrase(_words(row["passage"])) for row in kept if row["passage"]]
    found: dict[str, str] = {}
    for example in examples:
        turns = [_words(message["content"]) for message in example["messages"]]
        roles = [message["role"] for message in example["messages"]]
        spoken = [_phrase(turn) for turn in turns]
        questioned = [set(t) for t, role in zip(turns, roles, strict=True) if role == "user"]
        answers = [t for t, role in zip(turns, roles, strict=True) if role == "assistant"]
        if any(_near(one, other) for one in questioned for other in sets):
            found[example["id"]] = "asks an evaluation question"
        elif any(phrase in turn for phrase in phrases for turn in spoken):
            found[example["id"]] = "holds an evaluation question"
        elif any(not runs.isdisjoint(_runs(turn)) for turn in turns):
            found[example["id"]] = f"shares {_RUN} words in a row with an evaluation question"
        elif any(_gives_away(answer, passage) for answer in answers for passage in passages):
            found[example["id"]] = "answers with the passage of an evaluation question"
    return found


@dataclass(frozen=True)
class Overlap:
    """How much of an evaluation item stands in training texts."""

    share: float
    """Of its words, those that lie in a shared run (as in Touvron et al. 2023, by words)."""
    longest: int
    """Words in the longest run that one training text shares with it."""
    words: int
    text: int | None
    """Number of the training text with the longest run, the first of equals; None where clean."""

    @property
    def kind(self) -> str:
        """ "whole" where all its words stand in one text in a row, "partial", or "clean"."""
        if not self.longest:
            return "clean"
        return "whole" if self.longest == self.words else "partial"


def find_overlaps(
    training: Iterable[str], evaluation: Sequence[str], run: int = _RUN
) -> list[Overlap]:
    """Return one Overlap for each evaluation item; training texts are read once, as they come.

    Words are compared without case and punctuation. A run has at least ``run`` words (13, as in
    Brown et al. 2020); an item with fewer is compared whole, one with fewer than four never
    matches. Memory is that of the evaluation set.
    """
    items = [_words(text) for text in evaluation]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    sizes: set[int] = set()
    for number, words in enumerate(items):
        size = min(run, len(words))
        if size >= _FEW:
            sizes.add(size)
            for start in range(len(words) - size + 1):
                places.setdefault(tuple(words[start : start + size]), []).append((number, start))
    covered = [bytearray(len(words)) for words in items]
    longest: list[tuple[int, int | None]] = [(0, None)] * len(items)
    for number, text in enumerate(training):
        words = _words(text)
        for size in sorted(sizes):
            running: dict[tuple[int, int], int] = {}  # (item, shift) -> words in a row so far
            for at in range(len(words) - size + 1):
                before, running = running, {}
                for item, start in places.get(tuple(words[at : at + size]), ()):
                    length = before.get((item, at - start), size - 1) + 1
                    running[item, at - start] = length
                    covered[item][start : start + size] = b"\1" * size
                    if length > longest[item][0]:
                        longest[item] = (length, number)
    return [
        Overlap(sum(marks) / max(len(marks), 1), length, len(marks), text)
        for marks, (length, text) in zip(covered, longest, strict=True)
    ]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _phrase(words: Sequence[str]) -> str:
    """Words with a space on both sides, so that "in" looks for words and not for letters."""
    return f" {' '.join(words)} "


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)}


def _gives_away(answer: Sequence[str], passage: str) -> bool:
    phrase = _phrase(answer)
    return passage in phrase or (len(answer) >= _FEW and phrase in passage)


def _near(left: set[str], right: set[str]) -> bool:
    return bool(left and right) and len(left & right) / len(left | right) >= _NEAR
