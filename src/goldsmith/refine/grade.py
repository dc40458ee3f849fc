"""One grade from 0 to 1 for a passage: how probable it is that a reader would call it sound text.

Eight properties, each near 0 for ordinary prose: noise of letters, repetition, signs and digits,
capitals, words that are no words, sentences without beginning or end, words in no order, and a
reading ease out of bounds. A logistic regression makes one probability of them; its weights, and
the tables of which function words follow each other (English and German), are in ``grade.json``
(made by ``benchmarks/fit_grade.py`` on passages of known text and the same damaged in eight ways,
half and half). Formulas within a passage are left out: they are neither good nor bad prose. `grade`
takes stored scores where they exist, so a cut can move without a document being read again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

from goldsmith.project import RefineSettings

#: The properties in the order of the weights. All but ``order`` and ``ease`` are shares, 0..1.
PROPERTIES = (
    "noise",  # of letters: the score "gibberish"
    "repetition",
    "signs",  # visible characters that are no letters
    "capitals",  # beyond the first of each word
    "odd words",  # single letters, very long ones, letters mixed with digits or signs
    "unfinished",  # sentences that do not begin or end as sentences do
    "order",  # how unlikely the sequence of function words is, in nats a word, beyond its words
    "ease",  # how far Flesch's reading ease lies outside 0..100, in hundreds
)
UNJUDGED_GRADE = 1.0  # of headings, equations and what is too short to judge
_LEAST_WORDS = 8
_TRUSTED_WORDS = 30  # from here the text's own properties count in full

_WORD = re.compile(r"\S+")
_LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FORMULA = "\u2205"  # the mark that stands for a formula
#: Signs that only mathematics has; ASCII ones but "=" stand in damaged text, too.
_MATHS = re.compile(r"[=∈∉⊂⊆⊇∀∃≤≥≠≈∼→⇒⇔↦∘∩∪∅∞∂∇∑∏∫√×·±−∗^_{}\u0370-\u03ff\U0001d400-\U0001d7ff]")
_FORMULA_WORD = re.compile(
    rf"{_MATHS.pattern}|^[^\w]*(?:[^\W\d_]|\d+(?:[.,]\d+)*|[^\W_]{{1,2}}\d)?[^\w]*$"
    r"|^[^\w]*\w{1,4}[(\[|]|[)\]|]\w*[)\]]*[,.;:]?$"
)
_EDGE = "\"'“”‘’„«»()[]{}.,;:!?…–—"
_ENDS = re.compile(r"[.!?…:][\"'”’»)\]]*$")
_SHORT = frozenset("aàáâeéèiíoóòuúyAIEOUY")  # words of one letter, in some language
_LONGEST = 28  # letters; German compounds are long


def grade(text: str, kind: str, scores: Mapping[str, float]) -> float:
    """Return the grade of a passage of this kind.

    ``scores`` are the passage's other scores by name: "gibberish", "repetition", "reading_ease" and
    "language:xx" are used as far as they are there. A table's grade is the share of its rows that
    have as many cells as most. The shorter the passage, the nearer its grade is to 1.
    """
    if kind == "table":
        return _table_grade(text)
    if kind in ("heading", "equation", "code"):
        return UNJUDGED_GRADE
    words = sum(word != _FORMULA for word in _prose(text))
    if words < _LEAST_WORDS:
        return UNJUDGED_GRADE
    fitted = _fitted()
    values = properties(text, scores)
    weights = zip(values, fitted["weights"], fitted["caps"], strict=True)
    logit = fitted["intercept"] + sum(min(value, cap) * weight for value, weight, cap in weights)
    probability = 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
    own = min(1.0, words / _TRUSTED_WORDS)
    return own * probability + (1.0 - own) * max(probability, UNJUDGED_GRADE - own)


def tier(value: float, settings: RefineSettings) -> Literal["bronze", "silver", "gold"]:
    """Return what a grade makes of a passage.

    Bronze is not taken into gold chunks (`Cut` rejects it as "low grade"); silver is, and could be
    better; gold needs no second look.
    """
    if value < settings.minimum_grade:
        return "bronze"
    return "gold" if value >= settings.gold_grade else "silver"


def properties(text: str, scores: Mapping[str, float]) -> list[float]:
    """Return the values of ``PROPERTIES`` for a passage of prose."""
    prose = _prose(text)
    words = [word for word in prose if word != _FORMULA]
    visible = sum(map(len, words))
    letters = sum(sum(map(str.isalpha, word)) for word in words)
    count = max(len(words), 1)
    language = max(
        (name for name in scores if name.startswith("language:")),
        key=lambda name: (scores[name], name),
        default="language:",
    )[9:]
    ease = scores.get("reading_ease", 50.0)
    inner = sum(c.isupper() for word in words for c in word.strip(_EDGE)[1:])
    return [
        scores.get("gibberish", 0.0),
        scores.get("repetition", 0.0),
        1.0 - letters / max(visible, 1),
        inner / max(letters, 1),
        sum(map(_odd, words)) / count,
        _unfinished(prose),
        disorder(_LETTERS.findall(" ".join(prose).lower()), language),
        max(0.0, -ease, ease - 100.0) / 100.0,
    ]


def _prose(text: str) -> list[str]:
    """The words of a text, with one mark for each formula in it (its first word to its last)."""
    words = _WORD.findall(text)
    if not _MATHS.search(text):
        return words
    result: list[str] = []
    for word in words:
        if not _FORMULA_WORD.search(word):
            result.append(word)
        elif not result or result[-1] != _FORMULA:
            result.append(_FORMULA)
    return result


def disorder(words: Sequence[str], language: str) -> float:
    """Return how much less likely words follow each other than by chance, in nats a word.

    Below 0 for text in the order it was written; 0 where the language has no table. A formula parts
    what stands before and after it.
    """
    table = _fitted()["order"].get(language)
    if table is None or len(words) < 2:
        return 0.0
    known = {word: number for number, word in enumerate(table["words"], 1)}
    numbers = [known.get(word, 0) for word in words]
    rows, step = table["rows"], table["step"]
    total: float = sum((ord(rows[one][other]) - _ZERO) * step for one, other in pairwise(numbers))
    return -total / (len(words) - 1)


_ZERO = 79  # the character that stands for 0 in a row of a table


def _odd(word: str) -> bool:
    bare = word.strip(_EDGE)
    if not bare:
        return True
    if len(bare) == 1:  # an initial is no odd word
        return bare.isalpha() and bare not in _SHORT and not (bare.isupper() and "." in word)
    if len(bare) > _LONGEST and "/" not in bare and "-" not in bare:
        return True
    digits = sum(map(str.isdigit, bare))
    alphas = sum(map(str.isalpha, bare))
    if digits and alphas and bare[0].islower():
        return True
    return alphas < 0.6 * len(bare) and not digits


def _unfinished(words: Sequence[str]) -> float:
    """Share of sentences that begin with a small letter, run on too long, or do not end."""
    sentences = faults = length = 0
    fresh = True
    for word in words:
        if fresh:
            sentences += 1
            start = word.lstrip(_EDGE)[:1]
            faults += start.islower()
            fresh, length = False, 0
        length += 1
        if length == 80:
            faults += 1
        if _ENDS.search(word) and len(word.strip(_EDGE)) > 1:
            fresh = True
    faults += not fresh
    return min(1.0, faults / max(sentences, 1))


def _table_grade(text: str) -> float:
    cells = [row.count("|") for row in text.splitlines() if row.strip()]
    if len(cells) < 2:
        return UNJUDGED_GRADE
    return max(cells.count(one) for one in cells) / len(cells)


@cache
def _fitted() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(
        files("goldsmith.refine").joinpath("grade.json").read_text("utf-8")
    )
    return stored
