"""Metrics of answers: exact match and F1 against reference answers, and citations by page.

Exact match and F1 follow the official SQuAD evaluation (Rajpurkar et al., 2016; version 2.0, 2018):
lower case, punctuation and the articles a, an, the removed, white space collapsed; F1 over the bag
of words; the best reference counts; where the reference is no answer, only no answer is right.
Departure: "punctuation" is ASCII's, as in the official script, whatever the language.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)

#: A cited place: document (its uri) and page.
Place = tuple[str, int]


def normalise_answer(text: str) -> str:
    """Return the text as SQuAD compares it."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(prediction: str, references: Sequence[str]) -> float:
    """1.0 when the prediction equals a reference after normalising; no references: no answer."""
    wanted = [normalise_answer(each) for each in references] or [""]
    return float(normalise_answer(prediction) in wanted)


def f1(prediction: str, references: Sequence[str]) -> float:
    """The best F1 of shared words with a reference, 0..1."""
    return max(
        _f1(normalise_answer(prediction), normalise_answer(each)) for each in references or [""]
    )


def citation_precision(cited: Sequence[Place], right: Collection[Place]) -> float | None:
    """The share of an answer's citations that name a right place; None where nothing was cited."""
    return sum(place in right for place in cited) / len(cited) if cited else None


def citation_recall(cited: Collection[Place], right: Collection[Place]) -> float | None:
    """1.0 when a right place was cited, else 0.0; None where there is no right place.

    One right place is enough: where a fact is stated twice nobody needs to cite it twice.
    """
    return float(any(place in cited for place in right)) if right else None


def _f1(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)
