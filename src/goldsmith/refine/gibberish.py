"""How much of a text is not language, from 0 to 1, from the letters alone.

A table of letter triples (`triples.json`: English and German, made by
``benchmarks/letter_triples.py``) gives the mean natural log-probability of a text's words; noise
lies far below any European language, so the two tables serve for the others as well. Characters
that are no text (U+FFFD, private use) count on top. Numbers, formulas, acronyms, other scripts and
texts too short to judge count as sound: a false alarm costs text.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
import zlib
from collections import Counter
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

THRESHOLD = -4.4  # mean log-probability of a triple where the score is one half
WIDTH = 0.1  # how fast it turns
MINIMUM_LETTERS = 12

_WORD = re.compile(r"[^\W\d_]{3,}")
_ACRONYM = re.compile(r"\b[A-Z][A-Z0-9]{1,6}s?\b")
_GLYPH = re.compile(r"GLYPH[(<][^)>]{1,24}[)>]|\(cid:\d+\)")
_RUN = re.compile(r"(?<!\S)[^\W\d_](?:\s[^\W\d_]){2,}(?!\S)")
_VOWELS = [ord(vowel) - 96 for vowel in "aeiouy"]
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d"})


def gibberish(text: str) -> float:
    """Return the score; below 0.1 for language, above 0.9 for random letters."""
    return max(noise(text), broken_share(text))


def broken_share(text: str) -> float:
    """Return the share of visible characters that stand for glyphs without a meaning."""
    glyphs = sum(len(found) for found in _GLYPH.findall(text))
    if text.isascii():
        broken = glyphs
    else:
        broken = glyphs + sum(c == "\ufffd" or unicodedata.category(c) == "Co" for c in text)
    return min(1.0, broken / max(1, len(text) - text.count(" ")))


def vowel_share(text: str) -> float:
    """Return the share of vowels among the Latin letters; prose 0.36..0.44, 0.4 without letters."""
    codes = letter_codes(text)
    letters = codes[codes > 0]
    return float(np.isin(letters, _VOWELS).mean()) if len(letters) else 0.4


def single_letter_share(text: str) -> float:
    """Return the share of tokens in runs of three single letters or more ("t h e"), 0..1."""
    tokens = text.split()
    alone = sum(len(run.group().split()) for run in _RUN.finditer(text))
    return alone / len(tokens) if tokens else 0.0


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters in bits; prose about 4.2, 0 for one repeated."""
    counts = np.array(list(Counter(text).values()), np.float64)
    shares = counts / max(counts.sum(), 1.0)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def compression(text: str) -> float:
    """Return zlib's size over the raw one in UTF-8, header taken off; below 0.2 it repeats."""
    raw = text.encode("utf-8", "replace")
    return max(0, len(zlib.compress(raw, 6)) - 8) / len(raw) if raw else 0.0


def noise(text: str) -> float:
    """Return how unlike language the letters are, 0 to 1; 0 with fewer than 12 of them."""
    # Acronyms among other words are no noise; a text in capitals throughout is read as it is.
    codes = letter_codes(_ACRONYM.sub(" ", text) if not text.isupper() else text)
    letters = int((codes > 0).sum())
    if letters < MINIMUM_LETTERS:
        return 0.0
    triples = codes[:-2] * 729 + codes[1:-1] * 27 + codes[2:]
    mean = float(_tables()[:, triples].mean(axis=1).max())
    return 1.0 / (1.0 + math.exp(min(60.0, max(-60.0, (mean - THRESHOLD) / WIDTH))))


def letter_codes(text: str) -> NDArray[np.intp]:
    """Return the Latin words of three letters and more as numbers 1..26, with 0 between them."""
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_PLAIN))
        text = "".join(c for c in text if not unicodedata.combining(c))
    words = " ".join(word for word in _WORD.findall(text) if word.isascii())
    if not words:
        return np.zeros(1, np.intp)
    codes = np.frombuffer(f" {words} ".encode("ascii"), np.uint8).astype(np.intp) - 96
    codes[codes < 0] = 0
    return codes


@cache
def _tables() -> NDArray[np.float32]:
    """Log-probabilities (languages, 27 ** 3)."""
    stored = json.loads(files("goldsmith.refine").joinpath("triples.json").read_text("utf-8"))
    rows = [[ord(character) - 35 for character in row] for row in stored["tables"].values()]
    return np.array(rows, np.float32) * np.float32(-stored["step"])
