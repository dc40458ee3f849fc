"""How probable a string of characters is, in the languages we know together.

Two tables (`language.npz`, from `benchmarks/fit_language.py`): four letters in a row over an
alphabet of forty folded letters and signs, and three in a row of lower case, upper case and others.
They are smoothed by Witten and Bell (1991) and filled once a process, when the first damaged text
layer is met. English, German, French and Spanish weigh most; Italian, Portuguese, Dutch and
Swedish help. Greek, Cyrillic and other scripts are outside it.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

LETTERS = " abcdefghijklmnopqrstuvwxyzäöüßéèêàçôîñáíóúœâ0.,;:!?'\"()-*"
ORDER = 4
_NUMBER = {letter: number for number, letter in enumerate(LETTERS)}
_SAME = {
    **dict.fromkeys("’‘‚`", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("–—−", "-"),
    **dict.fromkeys("[{", "("),
    **dict.fromkeys("]}", ")"),
    **dict.fromkeys("0123456789", "0"),
    "æ": "a",
    "ø": "o",
    "¿": "?",
    "¡": "!",
    "\n": " ",
    "\t": " ",
    "\u00a0": " ",
}
_OTHERS = 60  # characters that "*" stands for; its probability is theirs in equal parts

Places = NDArray[np.int64]


@cache
def folded(character: str) -> int:
    """The number in LETTERS of what stands for a character."""
    low = character.lower()[:1]
    low = _SAME.get(low, low)
    if low not in _NUMBER:
        low = unicodedata.normalize("NFKD", low)[:1]
    return _NUMBER.get(low, _NUMBER["*"])


@cache
def case(character: str) -> int:
    """0 for no letter, 1 for lower case, 2 for upper case."""
    return 2 if character.isupper() else int(character.isalpha())


@cache
def own_share(character: str) -> float:
    """Natural log of the character's share among those that fold to the same letter."""
    letter, low = LETTERS[folded(character)], character.lower()[:1]
    if letter == "0":
        return -2.3
    if letter == "*":
        return -float(np.log(_OTHERS))
    if low in "\u201a`":
        return -5.0
    if letter == low:
        return 0.0
    return -0.7 if low in _SAME else -5.0


@cache
def triples() -> NDArray[np.float32]:
    """Log-probabilities of the last of three letters, (L, L, L); filled in milliseconds."""
    keys, counts, _ = _stored()
    size = len(LETTERS)
    found = np.bincount(keys % size**3, weights=counts, minlength=size**3)
    level = found.reshape((size,) * 3).astype(np.float32)
    return np.log(_smoothed(level, _lower(level))).astype(np.float32)


@cache
def tables() -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Log-probabilities of the last of four letters, (L, L, L, L), and three cases, (3, 3, 3)."""
    keys, counts, cases = _stored()
    size = len(LETTERS)
    full = np.zeros(size**ORDER, np.float32)
    full[keys] = counts
    full = full.reshape((size,) * ORDER)
    lower = _lower(full)
    letters = np.empty(full.shape, np.float16)
    for first in range(size):  # all at once take another 100 MB
        letters[first] = np.log(_smoothed(full[first], lower))
    return letters, cases


def _lower(full: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the last letter from all counts but those of the first."""
    lower = np.full(full.shape[-1:], 1.0 / full.shape[-1], np.float32)
    for kept in range(1, full.ndim):
        lower = _smoothed(full.sum(axis=tuple(range(full.ndim - kept))), lower)
    return lower


def _smoothed(level: NDArray[np.float32], lower: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the last letter from counts of letters in a row, and of one letter fewer."""
    total = level.sum(axis=-1, keepdims=True)
    kinds = (level > 0).sum(axis=-1, keepdims=True).astype(np.float32)
    weight = 1.0 / np.maximum(total + kinds, 1e-9)
    blank = (total + kinds) == 0
    chances: NDArray[np.float32] = np.where(blank, lower, (level + kinds * lower) * weight)
    return chances.astype(np.float32)


def _stored() -> tuple[Places, NDArray[np.float32], NDArray[np.float32]]:
    with files("goldsmith.extract").joinpath("language.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        keys = np.cumsum(stored["steps"].astype(np.int64))
        counts = np.expm1(stored["counts"].astype(np.float32) * np.float32(stored["step"]))
        return keys, counts, stored["cases"].astype(np.float32)


def score(text: str) -> float:
    """Mean log-probability of a character of ``text``, case included."""
    if not text:
        return 0.0
    letters, cases = tables()
    padded = "   " + text
    codes = np.array([folded(c) for c in padded], np.int64)
    kind = np.array([case(c) for c in padded], np.int64)
    total = letters[codes[:-3], codes[1:-2], codes[2:-1], codes[3:]].astype(np.float64).sum()
    total += cases[kind[1:-2], kind[2:-1], kind[3:]].sum() + sum(map(own_share, text))
    return float(total / len(text))
