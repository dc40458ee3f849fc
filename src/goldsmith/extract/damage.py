"""How much of a text layer is not language, from 0 to 1.

Two kinds of damage are counted. Characters that are no text: replacement and private-use
characters, controls, unassigned codes. And words whose letters do not follow each other as in any
language we know: a font whose table of codes is shifted or permuted gives the right picture and the
wrong letters. The second is found with a table of letter pairs (`letters.json`, made from text in
fourteen European languages): the mean log-probability of a pair, font by font, since each font has
its own table of codes. Numbers, formulas, scripts other than Latin, and passages too short to tell
are not judged, so they count as sound.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W\d_]{4,}")
_LATIN = re.compile(r"[a-z]+")
MINIMUM_PAIRS = 60  # fewer are too few to judge; see docs/decisions/0020
THRESHOLD = -3.15  # mean natural log-probability of a pair


def damage(pieces: Iterable[tuple[str, str]]) -> float:
    """Return the damaged share of a page's visible characters; ``pieces`` are (font, text)."""
    by_font: dict[str, list[str]] = {}
    for font, text in pieces:
        by_font.setdefault(font, []).append(text)
    total = lost = 0
    for font in sorted(by_font):
        text = "\n".join(by_font[font])
        visible = sum(map(len, text.split()))
        total += visible
        broken = not_text(text)
        lost += visible if likeness(text) < THRESHOLD else broken
    return lost / total if total else 0.0


def not_text(text: str) -> int:
    """Count the characters that are no text."""
    if text.isascii() and text.isprintable():
        return 0
    return sum(_is_not_text(character) for character in text if not character.isspace())


@cache
def _is_not_text(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs")


def likeness(text: str) -> float:
    """Return the mean log-probability of the letter pairs; 0.0 where they are too few."""
    words = _WORD.findall(text)
    if not words:
        return 0.0
    joined = " ".join(words).lower()
    if not joined.isascii():
        plain = unicodedata.normalize("NFKD", joined.replace("ß", "ss").replace("ø", "o"))
        joined = "".join(c for c in plain if not unicodedata.combining(c))
    latin = " ".join(word for word in joined.split() if _LATIN.fullmatch(word))
    if not latin:
        return 0.0
    codes = np.frombuffer(latin.encode("ascii"), np.uint8).astype(np.intp) - 96
    codes[codes < 0] = 0
    codes = np.concatenate([[0], codes, [0]])
    pairs = codes[:-1] * 27 + codes[1:]
    if len(pairs) < MINIMUM_PAIRS:
        return 0.0
    return float(_tables()[:, pairs].mean(axis=1).max())


@cache
def _tables() -> NDArray[np.float32]:
    """Log-probabilities (languages, 27 * 27) of the next letter; letter 0 is the word's edge."""
    stored = json.loads(files("goldsmith.extract").joinpath("letters.json").read_text("utf-8"))
    rows = [[ord(character) - 40 for character in row] for row in stored["tables"].values()]
    return np.array(rows, np.float32) * np.float32(-stored["step"])
