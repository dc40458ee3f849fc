"""Which fonts of a text layer deserve a second look, at next to no cost.

Two kinds of damage show in the characters alone. Characters that are no text: replacement and
private-use characters, controls, unassigned codes. And letters that do not follow each other as in
any language we know: a font whose table of codes is shifted or permuted gives the right picture and
the wrong letters. The second is found with a table of letter pairs (`letters.json`, made from text
in fourteen European languages), and by capitals, digits and signs inside words. Everything is
counted font by font, over the whole document, with a few numpy operations on a few thousand bytes.
A suspicion is not a verdict: `repair` looks at the glyphs before anything is changed, so the bounds
are drawn where damage is rarely missed, and code, formulas and names are looked at now and then.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.language import folded, triples

MINIMUM_PAIRS = 60  # from here the mean of the pairs alone is enough; see docs/decisions/0020
THRESHOLD = -3.15  # mean natural log-probability of a pair, of damaged text
_DOUBT = -2.95  # the same, of text worth a second look
SUSPECTED = 0.5  # suspicion from which the glyphs of a font are looked at
KINDS = 5  # different characters that can be deciphered, at the least
_ODD = 0.75  # suspicion of letters among capitals, digits and signs
_TOLD = 8  # letters in different words, from which they are language or not
_WORD = re.compile(r"[^\W\d_]{2,}")
_LITTLE = 0.25  # suspicion where next to nothing can be said
_ADDRESS = re.compile(r"\S*(?:https?://|www\.)\S*|\S+@\S+\.[a-z]{2,4}\b")
_FEW = 6  # letters; fewer say nothing at all
_SHORT_DOUBT = -2.9  # mean log-probability of a character in a short text
_SHORT_SLACK = 1.0  # over the root of its length
_NOT_TEXT = 0.04  # share of characters that are no text
_MIXED = 0.08  # share of pairs that words do not have: "aB", "a3", "a%b"
_SIGNS = 0.5  # share of signs among visible characters
_CHUNK = 4_000  # characters of a font judged together: a name may stand for several subsets
_SPACE, _LOWER, _UPPER, _DIGIT, _SIGN, _MARK = range(6)


def suspects(pieces: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Return the suspicion (0 to 1; see `suspicion`) of each font; ``pieces`` are (font, text)."""
    texts: dict[str, list[str]] = {}
    lengths: dict[str, int] = {}
    found: dict[str, float] = {}
    for font, text in pieces:
        texts.setdefault(font, []).append(text)
        length = lengths.get(font, 0) + len(text)
        if length > _CHUNK:
            found[font] = max(found.get(font, 0.0), suspicion("\n".join(texts.pop(font))))
            length = 0
        lengths[font] = length
    for font, rest in texts.items():
        if lengths[font] > _CHUNK // 8 or font not in found:
            found[font] = max(found.get(font, 0.0), suspicion("\n".join(rest)))
    return found


def suspicion(text: str) -> float:
    """How doubtful a text is: 0 not at all, from 0.5 worth a look at its glyphs."""
    doubt = _doubt(text)
    if doubt < SUSPECTED or not_text(text) > _NOT_TEXT * len(text):
        return doubt
    words = text.split()
    visible = sum(map(len, words))
    alone = sum([len(word) == 1 for word in words])
    if len(set(text)) <= KINDS or alone >= 0.5 * visible:
        return min(doubt, _LITTLE)  # signs and marks of formulas: nothing that can be deciphered
    once = " ".join(dict.fromkeys(_ADDRESS.sub(" ", text).split()))
    again = _doubt(once)
    if again != _ODD and sum(map(len, set(_WORD.findall(once)))) < _TOLD:
        again = min(again, _LITTLE)
    return min(doubt, again)


def _doubt(text: str) -> float:
    if not_text(text) > _NOT_TEXT * len(text):
        return 1.0
    mean, count, mixed, signs = _counted(text)
    if mixed > _MIXED or signs > _SIGNS:
        return _ODD
    if count >= MINIMUM_PAIRS:
        return min(max(0.5 + (_DOUBT - mean), 0.0), 1.0)
    mean, count = _in_a_row(text)
    if count < _FEW:
        return _LITTLE
    doubt = 0.5 + 0.5 * (_SHORT_DOUBT - _SHORT_SLACK / math.sqrt(count) - mean)
    return min(max(doubt, 0.0), 1.0)


def damage(pieces: Iterable[tuple[str, str]]) -> float:
    """Return the share of visible characters that are damaged as far as text alone can tell."""
    by_font: dict[str, list[str]] = {}
    for font, text in pieces:
        by_font.setdefault(font, []).append(text)
    total = lost = 0
    for font in sorted(by_font):
        text = "\n".join(by_font[font])
        visible = sum(map(len, text.split()))
        total += visible
        lost += visible if likeness(text) < THRESHOLD else not_text(text)
    return lost / total if total else 0.0


def not_text(text: str) -> int:
    """Count the characters that are no text."""
    if text.isascii() and text.isprintable():
        return 0
    return sum(text.count(character) for character in set(text) if _is_not_text(character))


@cache
def _is_not_text(character: str) -> bool:
    if character.isspace():
        return False
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs")


def likeness(text: str) -> float:
    """Return the mean log-probability of the letter pairs; 0.0 where they are too few."""
    mean, count, _, _ = _counted(text)
    return mean if count >= MINIMUM_PAIRS else 0.0


def _counted(text: str) -> tuple[float, int, float, float]:
    """Mean and number of the letter pairs in words of four letters or more, and shares of oddities.

    The oddities: pairs inside words that no word has, and signs among visible characters.
    """
    codes, (latin, kinds, _) = _codes(f" {text} "), _fold()
    kind, letters = kinds[codes], latin[codes]
    changes = kind[:-1] * 6 + kind[1:]
    steps = np.bincount(changes, minlength=36)
    shown = np.bincount(kind, minlength=6)
    words = int(steps[_LOWER * 6 + _LOWER] + steps[_UPPER * 6 + _UPPER])
    odd = int(steps[_LOWER * 6 + _UPPER] + steps[_LOWER * 6 + _DIGIT] + steps[_DIGIT * 6 + _LOWER])
    odd += int(steps[_LOWER * 6 + _SIGN])
    mixed = odd / max(words + odd, 20)
    visible = len(kind) - int(shown[_SPACE])
    signs = int(shown[_SIGN]) / max(visible, 12)
    edges = np.flatnonzero(letters == 0)
    apart = edges[1:] - edges[:-1]
    long = apart > 4
    if not long.any():
        return 0.0, 0, mixed, signs
    inside = long.repeat(apart)
    pairs = letters[:-1] * np.intp(27) + letters[1:]
    counts = np.bincount(pairs[edges[0] : edges[-1]][inside], minlength=729)
    count = int(counts.sum())
    return float((_tables() @ counts).max() / count), count, mixed, signs


def _in_a_row(text: str) -> tuple[float, int]:
    """Mean log-probability of characters after the two before them, and number of letters.

    Digits and signs only separate here; a text without Latin letters gives none.
    """
    codes, (_, kinds, folds) = _codes(f"  {' '.join(text.split())} "), _fold()
    kind, letter = kinds[codes[2:]], folds[codes]
    judged = (kind == _LOWER) | (kind == _UPPER) | (kind == _SPACE)
    values = triples()[letter[:-2], letter[1:-1], letter[2:]][judged]
    letters = int((kind != _SPACE)[judged].sum())
    return (float(values.mean()), letters) if letters else (0.0, 0)


_WIDE = dict(zip("’‘“”–—ﬁﬂœŒıšžŠŽ", "''\"\"--ffoOiszSZ", strict=True))


def _codes(text: str) -> NDArray[np.uint32]:
    """The code points of a text; those beyond the first plane are one."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.minimum(codes, np.uint32(0xFFFF))


@cache
def _fold() -> tuple[NDArray[np.uint8], ...]:
    """By code point the letter (1 to 26, else 0), the kind, and the letter of `language`.

    What is outside Latin-1 counts as a question mark.
    """
    tables = [np.zeros(65536, np.uint8) for _ in range(3)]
    for table, value in zip(tables, _folded("?"), strict=True):
        table[:] = value
    for character in [*map(chr, range(256)), *_WIDE]:
        for table, value in zip(tables, _folded(_WIDE.get(character, character)), strict=True):
            table[ord(character)] = value
    return tuple(tables)


def _folded(character: str) -> tuple[int, int, int]:
    plain = {"ß": "s", "ø": "o", "Ø": "o"}.get(character, character)
    letter = unicodedata.normalize("NFKD", plain)[0].lower()
    latin = 0
    if character.isalpha() and "a" <= letter <= "z":
        latin = ord(letter) - 96
        kind = _UPPER if character.isupper() else _LOWER
    elif character.isdigit():
        kind = _DIGIT
    elif character.isspace():
        kind = _SPACE
    else:
        kind = _MARK if character in ".,-()'\":;/!?%" else _SIGN
    return latin, kind, folded(character)


@cache
def _tables() -> NDArray[np.float32]:
    """Log-probabilities (languages, 27 * 27) of the next letter; letter 0 is the word's edge."""
    stored = json.loads(files("goldsmith.extract").joinpath("letters.json").read_text("utf-8"))
    rows = [[ord(character) - 40 for character in row] for row in stored["tables"].values()]
    return np.array(rows, np.float32) * np.float32(-stored["step"])
