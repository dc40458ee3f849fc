"""What names of glyphs are worth: believed as far as the glyphs look like what they are called.

Producers scramble names as well as maps, and call glyphs "g23" or after letters they do not show.
So a font's names count only if nearly all of its letters look like their names; letters of other
alphabets are judged by those of them that have a Latin twin ("а" and "a"). Names that are borne
out weigh more than the look of one glyph, and less than a glyph that is plainly another. Names of
glyphs that cannot be seen count as much as the codes: language decides. Names that are
contradicted count nothing. Letters that the solver does not know are taken from names alone.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.decipher import Cipher
from goldsmith.extract.glyphs import CHARACTERS, NUMBER
from goldsmith.extract.marks import Floats
from goldsmith.extract.names import Key, Names
from goldsmith.extract.opened import OpenPages

Integers = NDArray[np.int64]

BORNE_OUT = 24.0  # weight of a name, as a logarithm; a glyph that is plainly another has -36
_UNSEEN = 1.5  # of the name of a glyph without a picture
_AMONG = 4  # places in the order of likeness in which a right name is found
_RIGHT = 0.9  # share of the letters of a text that look like their names,
_RIGHT_KINDS = 0.75  # and of its different letters
_TELLING = 0.3  # share of the text that must be such letters
_KINDS = 5  # different letters, at the least
_PAGES = 6  # pages whose names of glyphs are read
_TWINS = {
    **dict(zip("АВЕКМНОРСТХаеорсухіјѕІЈЅ", "ABEKMHOPCTXaeopcyxijsIJS", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονυ", "ABEZHIKMNOPTYXovu", strict=True)),
}
_CASE = np.array([NUMBER.get(c.swapcase(), number) for number, c in enumerate(CHARACTERS)])


@dataclass(frozen=True)
class Hints:
    """What names say, by symbol.

    ``weighed`` are (symbol, number in CHARACTERS, weight) for `decipher.Cipher`; ``beyond`` are
    letters that CHARACTERS lacks; ``fonts`` are the numbers of fonts whose names are borne out;
    ``share``, below 1, of a symbol's marks are its most frequent glyph.
    """

    weighed: tuple[tuple[int, int, float], ...]
    beyond: dict[int, str]
    fonts: frozenset[int]
    share: dict[int, float]


def read_hints(opened: OpenPages, pages: list[int], keys: list[Key], cipher: Cipher) -> Hints:
    """What names say of the open symbols; pages are read until all of them have been met."""
    asked = cipher.known < 0
    wanted = {keys[symbol] for symbol in np.flatnonzero(asked).tolist()}
    names = Names()
    for number in pages[:_PAGES]:
        page = opened.page(number)
        if page and page.text:
            names.take(opened.document, page, wanted)
        opened.release(number)
        if wanted <= names.met:
            break
    font = np.where(asked, cipher.font, -1)
    occurs = np.bincount(cipher.text, minlength=len(keys))
    readings = [names.encoded(), names.programmed()]
    divided = names.divided()
    share = {s: divided[key] for s, key in enumerate(keys) if key in divided}
    return replace(weigh(keys, font, occurs, cipher.looks, readings), share=share)


def weigh(
    keys: list[Key], font: Integers, occurs: Integers, looks: Floats, readings: list[dict[Key, str]]
) -> Hints:
    """Weigh readings of names for symbols with these keys, fonts (or -1), counts and looks.

    ``looks`` is (s, len(CHARACTERS)), zeros for symbols without a picture. The first reading that
    is borne out counts for a font, else those of unseen glyphs.
    """
    weighed: list[tuple[int, int, float]] = []
    beyond: dict[int, str] = {}
    trusted: set[int] = set()
    for number in sorted(set(font.tolist()) - {-1}):
        mine = np.flatnonzero(font == number)
        for reading in readings:
            names = {s: reading[keys[s]] for s in mine.tolist() if keys[s] in reading}
            if not names:
                continue
            if borne_out(names, mine, occurs, looks):
                trusted.add(number)
                weighed += [(s, NUMBER[c], BORNE_OUT) for s, c in names.items() if c in NUMBER]
                beyond |= {s: c for s, c in names.items() if c not in NUMBER}
                break
            if not looks[mine].any():
                weighed += [(s, NUMBER[c], _UNSEEN) for s, c in names.items() if c in NUMBER]
    return Hints(tuple(weighed), beyond, frozenset(trusted), {})


def borne_out(names: dict[int, str], mine: Integers, occurs: Integers, looks: Floats) -> bool:
    """Whether nearly all letters of a font, its symbols ``mine``, look like their names."""
    called = {s: NUMBER[twin] for s, c in names.items() if (twin := _twin(c)) in NUMBER}
    asked = [s for s, c in sorted(called.items()) if CHARACTERS[c].isalnum() and looks[s].any()]
    if len(asked) < _KINDS or len({called[s] for s in asked}) < _KINDS:
        return False
    here = looks[asked]
    claim = np.array([called[s] for s in asked], np.int64)
    rows = np.arange(len(asked))
    claimed = np.maximum(here[rows, claim], here[rows, _CASE[claim]])  # small capitals
    alike = (here > claimed[:, None]).sum(axis=1) < _AMONG
    counts = occurs[asked]
    return bool(
        counts.sum() >= _TELLING * occurs[mine].sum()
        and counts @ alike >= _RIGHT * counts.sum()
        and alike.mean() >= _RIGHT_KINDS
    )


def nearest(character: str) -> int:
    """The number in CHARACTERS that stands for a letter beyond them among its neighbours."""
    plain = unicodedata.normalize("NFKD", character)[:1]
    return NUMBER.get(plain, NUMBER["*"])


def _twin(character: str) -> str:
    return _TWINS.get(character, character)
