"""How plausible the words and letters of a text are, as counts that damage leaves behind.

Each token is looked up among known words (`words.npz`, made by ``benchmarks/fit_words.py``); one
that nobody knows is asked what it could have been: a frequent word one edit away, two frequent
words that lost their space, or a piece of a word that a space cut in two. Names, numbers, formulas,
markup and words the page itself repeats are no damage. What the counts mean together is decided by
`goldsmith.refine.quality`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LETTERS = 32  # codes of `letter_codes`
STEP = 0.1  # natural logarithms in one unit of the stored tables

_MARKUP = re.compile(
    r"<[^<>\n]{0,200}>|\\[A-Za-z]+|!?\[[^\]\n]{0,80}\]\([^)\s]{1,200}\)|&[a-z]{2,8};|https?://\S+"
    r"|www\.\S+|\S+@\S+\.\S+|\bdoi\S*|\S{31,}",
    re.I,
)
_BROKEN_LINE = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\n(?=[a-z])")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CORE = re.compile(r"\w(?:.*\w)?", re.S)
_PARTS = re.compile(r"[-‐–—/'’.·:]+")
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "’": "'", "‐": "-"})
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_FREQUENT = 12.0  # -log p below which a word is one that others are mistaken for
_COMMON = 9.3  # the same for the two halves of a word that lost its space


class Words(NamedTuple):
    """The known words with -log p (natural), and -log p of a letter after three others."""

    rarity: dict[str, float]
    grams: NDArray[np.float32]


def plain(text: str) -> str:
    """Return the text without markup and addresses, with words joined over line ends."""
    return _BROKEN_LINE.sub("", _MARKUP.sub(" ", text))


def words_of(text: str) -> list[str]:
    """Return the words of a `plain` text, lower case, as the table of known words has them."""
    return [word.translate(_PLAIN) for word in _WORD.findall(text.lower())]


def letter_codes(text: str) -> NDArray[np.uint8]:
    """Return a code for each letter and a run of anything else, 0 at the edge of a word.

    1..26 Latin letters without their accents, 27 digits, 28 apostrophe, 29 hyphen, 30 signs,
    31 letters of other scripts.
    """
    text = f" {' '.join(text.lower().split())} ".translate(_PLAIN)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _codes()[np.minimum(codes, 255)]


@cache
def _codes() -> NDArray[np.uint8]:
    table = np.full(256, 30, np.uint8)
    for code in range(256):
        if chr(code).isalpha() or code > 0xBF:
            table[code] = 31
    table[ord("a") : ord("z") + 1] = np.arange(1, 27)
    table[ord("0") : ord("9") + 1] = 27
    table[ord(" ")], table[ord("'")], table[ord("-")] = 0, 28, 29
    return table


@cache
def known() -> Words:
    """Return the shipped tables."""
    path = files("goldsmith.refine").joinpath("words.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        words = stored["words"].tobytes().decode("utf-8").split("\n")
        rarity = dict(zip(words, (stored["rarity"] * STEP).tolist(), strict=True))
        grams = stored["grams"].astype(np.float32) * np.float32(STEP)
    return Words(rarity, grams)


#: What `evidence` counts, in order.
EVIDENCE = (
    "characters",  # visible ones of the plain text
    "tokens",  # with letters
    "unknown",
    "mistaken",  # unknown, one edit from a frequent word, weighed by how telling the word is
    "mistaken_lower",  # those that are no names
    "glued",  # two frequent words without a space
    "cut",  # two neighbours that are one word
    "single",  # single lower-case letters, "a" aside
    "mixed",  # letters with digits, signs or capitals inside
    "strange",  # unknown, and no likeness of a word
    "surprise",  # -log p of the letters of the judged words, per letter
    "jumps",  # share of letters with -log p above 6
    "spaces",  # white space per visible character
    "signs",  # of visible characters, neither letters nor digits
    "broken",  # characters that are no text
    "short",  # unknown words of one to three letters
    "double",  # one sign inside words, or repeated oddly
)


def evidence(text: str) -> NDArray[np.float64]:
    """Return the counts of EVIDENCE for a text of up to a page or so; see there for units."""
    text = plain(text)
    visible = len(text) - sum(map(str.isspace, text))
    chunks = text.split()
    cores = [found.group() if (found := _CORE.search(chunk)) else "" for chunk in chunks]
    folded = [core.lower().translate(_PLAIN) for core in cores]
    repeated = Counter(folded)
    rarity = known().rarity
    tokens = unknown = single = mixed = strange = short = double = 0.0
    mistaken = mistaken_lower = glued = cut = 0.0
    sure = [_is_known(word, rarity) for word in folded]
    for index, word in enumerate(folded):
        if not any(map(str.isalpha, word)):
            continue
        tokens += 1
        core = cores[index]
        if len(word) == 1:
            if core.islower() and word != "a" and chunks[index] == core:
                single += 1
            continue
        if sure[index] or repeated[word] >= 3:
            continue
        unknown += 1
        letters = word.isalpha()
        if not letters or _odd_capitals(core):
            mixed += not letters and not _is_code(core)
            double += letters
        joined = _joined(index, folded, sure, rarity)
        if joined:
            cut += 1
            continue
        if len(word) <= 3:
            short += core.islower()
            continue
        if _is_code(core):
            continue
        if letters and _splits(word, rarity):
            glued += 1
            continue
        weight = _mistaken(word, rarity)
        if weight:
            mistaken += weight
            mistaken_lower += weight * (core.islower() or not letters or _odd_capitals(core))
        elif letters:
            strange += _strange(word)
    surprise, jumps = _letters(chunks, cores)
    signs = sum(not c.isalnum() and not c.isspace() for c in text)
    broken = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cc", "Cn") for c in text)
    broken -= text.count("\n") + text.count("\t") + text.count("\r")
    return np.array(
        [
            visible, tokens, unknown, mistaken, mistaken_lower, glued, cut, single, mixed, strange,
            surprise, jumps, len(chunks), signs, broken, short, double,
        ],
        np.float64,
    )  # fmt: skip


def _is_known(word: str, rarity: dict[str, float]) -> bool:
    if word in rarity:
        return True
    if word.endswith("'s") and word[:-2] in rarity:
        return True
    parts = [part for part in _PARTS.split(word) if part]
    return len(parts) > 1 and all(part in rarity or part.isdigit() for part in parts)


def _odd_capitals(core: str) -> bool:
    """A capital after a small letter, as no name but a brand has it."""
    return not core.isupper() and not core[1:].islower() and core[1:].isalpha()


def _is_code(core: str) -> bool:
    """Units, labels and formulas: capitals or digits rule."""
    small = sum(map(str.islower, core))
    return small * 2 < len(core) or core.isupper()


def _joined(
    index: int, folded: Sequence[str], sure: Sequence[bool], rarity: dict[str, float]
) -> bool:
    """Whether the token and a neighbour make one frequent word, so that a space is too much."""
    word = folded[index]
    for other, pair in ((index - 1, -1), (index + 1, 1)):
        if 0 <= other < len(folded) and folded[other].isalpha():
            whole = folded[other] + word if pair < 0 else word + folded[other]
            if (
                len(whole) >= 4
                and rarity.get(whole, 99.0) < 14.0
                and (not sure[other] or len(word) > 1)
            ):
                return True
    return False


def _splits(word: str, rarity: dict[str, float]) -> bool:
    return any(
        min(pair) < _COMMON and max(pair) < _COMMON + 1.5
        for at in range(2, len(word) - 1)
        for pair in [(rarity.get(word[:at], 99.0), rarity.get(word[at:], 99.0))]
    )


@cache
def _weight(length: int) -> float:
    """How telling a neighbour is: there are many words near a short one by chance."""
    return min(1.0, max(0.2, (length - 2) / 5))


def _mistaken(word: str, rarity: dict[str, float]) -> float:
    """Return the weight of the best known word one edit away, 0 when there is none."""
    best = min((rarity[one] for one in _near(word) if one in rarity), default=99.0)
    return _weight(len(word)) if best < _FREQUENT else 0.4 * _weight(len(word)) * (best < 15.0)


def _near(word: str) -> set[str]:
    """All that is one substitution, deletion, insertion or swap away."""
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    near = {left + right[1:] for left, right in halves if right}
    near.update(left + c + right[1:] for left, right in halves if right for c in _ALPHABET)
    near.update(left + c + right for left, right in halves for c in _ALPHABET)
    near.update(left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1)
    near.update(  # what OCR takes for one letter
        left + pair + right[1:] for left, right in halves if right for pair in ("rn", "cl", "li")
    )
    return near


def _strange(word: str) -> float:
    """Return 1 for letters that follow each other as in no word we know; else less."""
    codes = letter_codes(word).astype(np.intp)
    if len(codes) < 5:
        return 0.0
    costs = known().grams[_fours(codes)]
    return float(costs.max() > 5.5) + 0.5 * float(costs.mean() > 3.6)


def _letters(chunks: Sequence[str], cores: Sequence[str]) -> tuple[float, float]:
    """Mean -log p of the letters of tokens with small letters, and the share of steep ones."""
    text = " ".join(
        chunk for chunk, core in zip(chunks, cores, strict=True) if any(map(str.islower, core))
    )
    codes = letter_codes(text).astype(np.intp)
    if len(codes) < 8:
        return 2.0, 0.0
    costs = known().grams[_fours(codes)]
    return float(costs.mean()), float((costs > 6.0).mean())


def _fours(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    whole = (codes[:-3] * LETTERS + codes[1:-2]) * LETTERS + codes[2:-1]
    return whole * LETTERS + codes[3:]
