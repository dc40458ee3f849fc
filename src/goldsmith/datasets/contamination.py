"""Nothing of the evaluation half may be trained on: find examples that give it away.

An example is contaminated when its question is an evaluation question or nearly one, when it shares
thirteen words in a row with one (the n-gram of Brown et al. 2020), or when its answer is, or
contains, the passage that answers one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORD = re.compile(r"\w+")
_RUN = 13
_NEAR = 0.8  # Jaccard similarity of the sets of words


def find_contamination(
    examples: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return {example id: why} for the examples that touch the "evaluate" half of the questions."""
    asked = [row for row in questions if row["split"] == "evaluate"]
    words = [_words(row["question"]) for row in asked]
    runs = {run for each in words for run in _runs(each)}
    passages = [" ".join(_words(row["passage"])) for row in asked if row["passage"]]
    found: dict[str, str] = {}
    for example in examples:
        question = _words(example["messages"][0]["content"])
        answer = " ".join(_words(example["messages"][-1]["content"]))
        if any(_near(question, each) for each in words):
            found[example["id"]] = "asks an evaluation question"
        elif runs & _runs(question):
            found[example["id"]] = f"shares {_RUN} words in a row with an evaluation question"
        elif any(passage in answer or answer in passage for passage in passages if passage):
            found[example["id"]] = "answers with the passage of an evaluation question"
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)}


def _near(left: Sequence[str], right: Sequence[str]) -> bool:
    a, b = set(left), set(right)
    return bool(a and b) and len(a & b) / len(a | b) >= _NEAR
