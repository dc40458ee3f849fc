"""The characters that names of glyphs stand for, asked of pdfium behind the back of a damaged map.

pdfium follows the names of a font's encoding (/Differences), of its Type 1 or CFF program and of a
TrueType program's `post` table by the rules of the Adobe Glyph List, but only where no ToUnicode
map speaks. So a page with damaged fonts is copied, alone, its maps are put out of sight, and it is
read again: a mark at the same place is the same glyph. Where still nothing is known, the code of a
composite font is the number of a glyph, and its program is asked for the character of that number.
Nothing is parsed here but what pdfium gives back, and whatever pdfium refuses means: no names.
What names are worth is for `hints`: producers scramble names as well as maps.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import pypdfium2.raw as pdfium

from goldsmith.extract.calls import read_codes
from goldsmith.extract.fonts import font_of
from goldsmith.extract.glyphs import LIGATURES
from goldsmith.extract.marks import Marks, name_of, read_marks
from goldsmith.extract.opened import OpenPage

Key = tuple[str, int]  # font as in `Marks` and claimed code
Place = tuple[float, ...]
Said = TypeVar("Said", str, int)

_MAP, _HIDDEN = b"/ToUnicode", b"/NoUnicode"  # of one length: places in the file stay
_LARGEST_PAGE = 32 << 20  # bytes of a page's copy,
_LARGEST_PROGRAM = 4 << 20  # and of a font program
_GLYPHS = 2_000  # of a program that are asked about
_AGREED = 0.9  # share of a code's marks that must have one name
_SAME = {
    "\u00a0": " ",
    "\u00ad": "-",
    "\u2010": "-",
    "\u2011": "-",
    "\u00b5": "μ",
    "\u2126": "Ω",
    "\u2206": "Δ",
    "\u2215": "/",
    "\u2219": "·",
    **{chr(0xFB00 + k): text for k, text in enumerate(("ff", "fi", "fl", "ffi", "ffl"))},
}


class Names:
    """Names gathered page by page; `encoded` and `programmed` say what they mean, by key.

    The first are names of the font's encoding, the second what its program says of glyph numbers.
    """

    def __init__(self) -> None:
        self._named: dict[Key, Counter[str]] = {}
        self._numbered: dict[Key, Counter[int]] = {}
        self._programs: dict[str, bytes] = {}

    @property
    def met(self) -> set[Key]:
        """The keys whose glyphs have been met, named or not."""
        return self._named.keys() | self._numbered.keys()

    def take(self, document: Any, page: OpenPage, keys: set[Key]) -> None:
        """Read the names of the marks of a page whose font and code are among the keys."""
        fonts = {font for font, _ in keys}
        marks = read_marks(page.text)
        places = _places(marks)
        once = {place: mine[0] for place, mine in places.items() if len(mine) == 1}
        with _without_maps(document, page.number) as text_page:
            if text_page is None:
                return
            again = read_marks(text_page)
            for place, mine in _places(again).items():
                if place not in once:
                    continue
                mark = once[place]
                key = marks.fonts[marks.font[mark]], int(marks.code[mark])
                if key not in keys:
                    continue
                if _is_unmapped(text_page, int(again.place[mine[0]])):
                    number = int(again.code[mine[0]])
                    self._numbered.setdefault(key, Counter())[number] += 1
                else:
                    text = "".join(_character(int(again.code[one])) for one in mine)
                    self._named.setdefault(key, Counter())[text] += 1
        missing = fonts - self._programs.keys()
        if any(font in missing for font, _ in self._numbered):
            self._programs |= _programs(page.text, missing)

    def encoded(self) -> dict[Key, str]:
        """The character that each key is named, where its marks agree."""
        found = {key: _agreed(votes) for key, votes in self._named.items()}
        return {key: text for key, text in found.items() if text}

    def divided(self) -> dict[Key, float]:
        """The share of the most frequent glyph, of keys whose marks are several glyphs."""
        found: dict[Key, float] = {}
        for key in sorted(self.met):
            votes = [*self._named.get(key, Counter()).values()]
            votes += self._numbered.get(key, Counter()).values()
            if len(votes) > 1:
                found[key] = max(votes) / sum(votes)
        return found

    def programmed(self) -> dict[Key, str]:
        """The character that each key's glyph has in the font program."""
        numbers = {key: _agreed(votes) for key, votes in self._numbered.items()}
        result: dict[Key, str] = {}
        for font in sorted({font for font, _ in numbers}):
            mine = {key: n for key, n in numbers.items() if key[0] == font and n is not None}
            characters = program_characters(self._programs.get(font, b""), sorted({*mine.values()}))
            result |= {key: characters[n] for key, n in mine.items() if n in characters}
        return result


def program_characters(program: bytes, glyphs: list[int]) -> dict[int, str]:
    """The characters of glyphs, by number, in a font program's own table or by their names."""
    if not program or len(program) > _LARGEST_PROGRAM:
        return {}
    document = pdfium.FPDF_CreateNewDocument()
    try:
        data = (ctypes.c_uint8 * len(program)).from_buffer_copy(program)
        font = pdfium.FPDFText_LoadFont(
            document, data, len(program), pdfium.FPDF_FONT_TRUETYPE, True
        )
        if not font:
            return {}
        page = pdfium.FPDFPage_New(document, 0, 4_000, 4_000)
        drawn: dict[int | None, int] = {}
        for number, glyph in enumerate(glyphs[:_GLYPHS]):
            one = pdfium.FPDFPageObj_CreateTextObj(document, font, 10.0)
            pdfium.FPDFText_SetCharcodes(one, (ctypes.c_uint32 * 1)(glyph), 1)
            x, y = 40 + number % 50 * 60, 40 + number // 50 * 60
            pdfium.FPDFPageObj_Transform(one, 1, 0, 0, 1, x, y)
            pdfium.FPDFPage_InsertObject(page, one)
            drawn[ctypes.cast(one, ctypes.c_void_p).value] = glyph
        found = _shown(page, drawn)
        pdfium.FPDF_ClosePage(page)
        pdfium.FPDFFont_Close(font)
        return found
    finally:
        pdfium.FPDF_CloseDocument(document)


def _shown(page: Any, drawn: dict[int | None, int]) -> dict[int, str]:
    """The text of each object on a page, by what it is called in ``drawn``."""
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return {}
    result: dict[int, str] = {}
    for place in range(pdfium.FPDFText_CountChars(text_page)):
        one = pdfium.FPDFText_GetTextObject(text_page, place)
        glyph = drawn.get(ctypes.cast(one, ctypes.c_void_p).value)
        told = pdfium.FPDFText_IsGenerated(text_page, place) != 1
        if glyph is not None and told and not _is_unmapped(text_page, place):
            character = _character(pdfium.FPDFText_GetUnicode(text_page, place))
            result[glyph] = result.get(glyph, "") + character
    pdfium.FPDFText_ClosePage(text_page)
    return {glyph: text for glyph, text in result.items() if _is_told(text)}


@contextmanager
def _without_maps(document: Any, number: int) -> Iterator[Any]:
    """The text page of a copy of a page (from 1) that has no ToUnicode maps; None if it fails."""
    content = _copied(document, number).replace(_MAP, _HIDDEN)
    copy = pdfium.FPDF_LoadMemDocument64(content, len(content), None) if content else None
    page = pdfium.FPDF_LoadPage(copy, 0) if copy else None
    text_page = pdfium.FPDFText_LoadPage(page) if page else None
    try:
        yield text_page
    finally:
        if text_page:
            pdfium.FPDFText_ClosePage(text_page)
        if page:
            pdfium.FPDF_ClosePage(page)
        if copy:
            pdfium.FPDF_CloseDocument(copy)


def _copied(document: Any, number: int) -> bytes:
    """A document of one page, its dictionaries in plain text; nothing if that is not possible."""
    content = bytearray()

    def write(_: Any, data: int, size: int) -> int:
        if len(content) + size > _LARGEST_PAGE:
            return 0
        content.extend(ctypes.string_at(data, size))
        return 1

    kind = dict(pdfium.FPDF_FILEWRITE._fields_)["WriteBlock"]
    writer = pdfium.FPDF_FILEWRITE(version=1, WriteBlock=kind(write))
    copy = pdfium.FPDF_CreateNewDocument()
    try:
        wanted = (ctypes.c_int * 1)(number - 1)
        if not pdfium.FPDF_ImportPagesByIndex(copy, document.raw, wanted, 1, 0):
            return b""
        if not pdfium.FPDF_SaveAsCopy(copy, writer, pdfium.FPDF_NO_INCREMENTAL):
            return b""
        return bytes(content)
    finally:
        pdfium.FPDF_CloseDocument(copy)


def _programs(text_page: Any, fonts: set[str]) -> dict[str, bytes]:
    """The embedded programs of fonts of a text page, by name as in `Marks`."""
    pages = read_codes([text_page])
    objects = np.unique(pages.objects(np.arange(pages.first[-1] - 1)))
    found: dict[str, bytes] = {}
    for address in sorted({font_of(one) for one in objects.tolist() if one}):
        name = name_of(address)
        if not address or name not in fonts or name in found:
            continue
        font = ctypes.cast(address, pdfium.FPDF_FONT)
        size = ctypes.c_size_t(0)
        pdfium.FPDFFont_GetFontData(font, None, 0, size)
        if 0 < size.value <= _LARGEST_PROGRAM:
            data = (ctypes.c_uint8 * size.value)()
            if pdfium.FPDFFont_GetFontData(font, data, size.value, size):
                found[name] = bytes(data)
    return found


def _places(marks: Marks) -> dict[Place, list[int]]:
    """The marks at each place of a page: box and baseline."""
    places = np.column_stack([marks.box, marks.base]).round(2)
    found: dict[Place, list[int]] = {}
    for number, place in enumerate(places.tolist()):
        found.setdefault(tuple(place), []).append(number)
    return found


def _is_unmapped(text_page: Any, place: int) -> bool:
    return bool(pdfium.FPDFText_HasUnicodeMapError(text_page, place) != 0)


def _character(code: int) -> str:
    if code < 32 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return "\ufffd"
    return _SAME.get(chr(code), chr(code))


def _is_told(text: str) -> bool:
    """Whether it is one character or ligature that a text may hold."""
    private = any("\ue000" <= one <= "\uf8ff" or one == "\ufffd" for one in text)
    return not private and (len(text) == 1 or text in LIGATURES)


def _agreed(votes: Counter[Said]) -> Said | None:
    """What nearly all say; ties have no answer."""
    best, count = votes.most_common(1)[0]
    told = not isinstance(best, str) or _is_told(best)
    return best if told and count >= _AGREED * votes.total() else None
