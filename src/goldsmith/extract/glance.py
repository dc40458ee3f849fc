"""A first look at doubtful fonts, by which most of them are seen to be sound.

Formulas, code, forms and names read as oddly as damaged text does, but their glyphs look like what
they claim, and some hundred characters of a font show it. So only those are read and drawn, where
the font reads worst, and the part of the page around them. Text that is not drawn at all is OCR's,
whose mistakes no cipher explains; it is looked at only where it is no language at all. What
remains in doubt is for `repair`, which looks at everything.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.damage import damage, not_text, suspicion
from goldsmith.extract.glyphs import CHARACTERS, NUMBER, looks_like
from goldsmith.extract.marks import Floats, pictures, plain_name, read_marks
from goldsmith.extract.opened import OpenPage, OpenPages
from goldsmith.extract.rewrite import SPACES

_TELLING = 0.5  # share of the doubted marks that are letters or digits with a picture
_AMONG = 4  # places in the order of likeness in which a sound claim is found: o, O and 0 are alike
_ALIKE = 0.9  # share of them that look like what they claim
BLIND_LETTERS = 400  # that a font whose glyphs cannot be seen must have to be deciphered
_SAMPLE = 240  # marks of a font
_ENOUGH = 60  # with which it is judged; of fewer, another page is looked at
_PICTURES = 2  # of a symbol
_PAGES = 3  # of a font,
_RANKED = 24  # from among so many
_LOST = 60  # characters from which a font that is no text is worth an OCR

_CASE = np.array([NUMBER.get(c.swapcase(), number) for number, c in enumerate(CHARACTERS)])

Run = tuple[int, str, str]  # page, font as in ``lines``, text in that font on that page
Integers = NDArray[np.int64]


def sound(opened: OpenPages, runs: list[Run], fonts: set[str]) -> set[str]:
    """Return those of the fonts (names as in ``lines``) whose glyphs look like their codes."""
    texts: dict[str, list[tuple[int, str]]] = {}
    for page, font, text in runs:
        if font in fonts:
            texts.setdefault(font, []).append((page, text))
    wanted: dict[int, set[str]] = {}
    for font in sorted(texts):
        for page in _worst(texts[font]):
            wanted.setdefault(page, set()).add(font)
    lost = {font for font, said in texts.items() if is_lost(" ".join([text for _, text in said]))}
    occurs: dict[str, dict[int, int]] = {}
    drawn: dict[str, dict[int, list[Floats]]] = {}
    for number in sorted(wanted):
        loaded = opened.page(number)
        if loaded and loaded.text:
            _take(loaded, wanted[number], lost, occurs, drawn)
        opened.release(number)
    doubted: set[str] = set()
    for name, counts in occurs.items():
        font, mine = plain_name(name), drawn.get(name, {})
        letters = sum(len(text) for _, text in texts[font])
        if not mine and letters < BLIND_LETTERS and font not in lost:
            continue  # nothing that could be deciphered
        if not _is_sound(counts, mine):
            doubted.add(font)
    return {plain_name(name) for name in occurs} - doubted


def is_lost(text: str) -> bool:
    """Whether a text that cannot be deciphered is no text nonetheless."""
    return len(text) >= _LOST and damage([("", text)]) > 0.3


def is_other(code: int, raw: bool) -> bool:
    """Whether a code is a sound character that the look of a glyph cannot speak about.

    In a ``raw`` font codes are numbers of glyphs, and 32 is one of them.
    """
    if code in SPACES:
        return not raw and code not in (9, 10, 13)
    character = chr(code)
    return code > 0x24F and character not in NUMBER and not not_text(character)


def is_raw(codes: Iterable[int]) -> bool:
    """Whether the codes of a font are numbers of its glyphs."""
    return any(code < 32 and code not in SPACES for code in codes)


def looks_sound(code: Integers, occurs: Integers, looks: Floats) -> bool:
    """Whether nearly all letters and digits look like what they claim to be.

    By symbol (s,) its claimed code and how often it occurs, and how probable each character is by
    its look (s, len(CHARACTERS)); zeros for a symbol that has no picture.
    """
    claims = [NUMBER.get(chr(one), -1) for one in code.tolist()]
    told = [claim >= 0 and CHARACTERS[claim].isalnum() for claim in claims]
    asked = np.flatnonzero(np.array(told, bool) & looks.any(axis=1))
    if occurs[asked].sum() < _TELLING * occurs.sum():
        return False
    claim = np.array(claims, np.int64)[asked]
    claimed = np.maximum(looks[asked, claim], looks[asked, _CASE[claim]])  # small capitals
    better = (looks[asked] > claimed[:, None]).sum(axis=1)
    return bool(occurs[asked] @ (better < _AMONG) >= _ALIKE * occurs[asked].sum())


def _worst(texts: list[tuple[int, str]]) -> list[int]:
    """The pages on which a font reads worst: one where that has enough text, else a few."""
    texts = [texts[number] for number in spread(len(texts), _RANKED)]
    doubt = [max(suspicion(text) - 0.4, 0.0) * min(len(text), _SAMPLE) for _, text in texts]
    order = sorted(range(len(texts)), key=lambda number: -doubt[number])
    chosen: list[int] = []
    length = 0
    for number in order[:_PAGES]:
        if length < _ENOUGH:
            chosen.append(texts[number][0])
            length += len(texts[number][1])
    return chosen


def spread(length: int, count: int) -> list[int]:
    """At most ``count`` places of a list that long, evenly spread."""
    count = min(length, count)
    return [number * length // count for number in range(count)]


def _take(
    page: OpenPage,
    fonts: set[str],
    lost: set[str],
    occurs: dict[str, dict[int, int]],
    drawn: dict[str, dict[int, list[Floats]]],
) -> None:
    """Count the codes of the fonts' programs on a page, and draw examples of each."""
    marks = read_marks(page.text, fonts, _SAMPLE)
    if len(marks.code) == 0:
        return
    same = (marks.box[1:] == marks.box[:-1]).all(axis=1)
    shared = np.append(same, False) | np.insert(same, 0, False)  # one glyph for several characters
    usable = (marks.upright & ~shared).tolist()
    places: list[int] = []
    asked: dict[tuple[int, int], int] = {}
    codes = marks.code.tolist()
    for place, (font, code) in enumerate(zip(marks.font.tolist(), codes, strict=True)):
        if marks.hidden[place] and plain_name(marks.fonts[font]) not in lost:
            code = ord(" ")  # says nothing, and is sound
        mine = occurs.setdefault(marks.fonts[font], {})
        mine[code] = mine.get(code, 0) + 1
        have = asked.get((font, code), 0)
        if usable[place] and have < _PICTURES and code != ord(" "):
            asked[font, code] = have + 1
            places.append(place)
    found = pictures(page.handle, marks, np.array(places, np.int64))
    for place, picture in zip(places, found, strict=True):
        name = marks.fonts[marks.font[place]]
        drawn.setdefault(name, {}).setdefault(codes[place], []).append(picture)


def _is_sound(occurs: dict[int, int], drawn: dict[int, list[Floats]]) -> bool:
    raw = is_raw(occurs)
    codes = [code for code in occurs if not is_other(code, raw)]
    if not codes:
        return True
    looks = np.zeros((len(codes), len(CHARACTERS)), np.float32)
    for symbol, code in enumerate(codes):
        if drawn.get(code):
            looks[symbol] = looks_like(np.stack(drawn[code])).mean(axis=0)
    return looks_sound(
        np.array(codes, np.int64), np.array([occurs[code] for code in codes], np.int64), looks
    )
