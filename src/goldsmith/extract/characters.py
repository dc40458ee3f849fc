"""The characters of one PDF page as numpy arrays, in the coordinates a reader sees.

pdfium is asked through ctypes with raw addresses: one C call a character for its code and one for
its box, run by ``map`` without Python in between, and one for each *text object* (pdfium's unit of
one font, size and baseline) for all the rest. Layout is left to `layout`, meaning to others.

What pdfium gives is kept, with these fixed translations: U+0002 and U+FFFE, its signs for a hyphen
at the end of a line, become "-"; pairs of surrogates become their character; glyphs without a code
(U+0000) and lone surrogates become U+FFFD.
Line breaks and spaces that pdfium made up only mark gaps. Characters that lie wholly outside the
displayed page (crop box) are not on the page and are left out.
"""

from __future__ import annotations

import ctypes
from collections import deque
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Codes = NDArray[np.uint32]

_HANDLE, _INT, _ADDRESS = ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
ASKEW = 4  # the turn of text that runs in none of the four directions
_SUPERSCRIPTS = np.array([0xB2, 0xB3, 0xB9, 0x2070, *range(0x2074, 0x207A)], np.uint32)
MAXIMUM_CHARACTERS = 500_000  # on one page; the rest is not read, and the reading says so


def _raw(function: Any, result: Any, *arguments: Any) -> Any:
    """A pdfium function that takes addresses as plain integers."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return ctypes.CFUNCTYPE(result, *arguments)(address)


_unicode = _raw(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _HANDLE, _INT)
_loose_box = _raw(pdfium.FPDFText_GetLooseCharBox, _INT, _HANDLE, _INT, _ADDRESS)
_text_object = _raw(pdfium.FPDFText_GetTextObject, ctypes.c_void_p, _HANDLE, _INT)
_matrix = _raw(pdfium.FPDFText_GetMatrix, _INT, _HANDLE, _INT, _ADDRESS)
_tight_box = _raw(
    pdfium.FPDFText_GetCharBox, _INT, _HANDLE, _INT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS
)
_origin = _raw(pdfium.FPDFText_GetCharOrigin, _INT, _HANDLE, _INT, _ADDRESS, _ADDRESS)
_font_size = _raw(pdfium.FPDFText_GetFontSize, ctypes.c_double, _HANDLE, _INT)
_object_font = _raw(pdfium.FPDFTextObj_GetFont, ctypes.c_void_p, _HANDLE)
_font_name = _raw(
    pdfium.FPDFFont_GetBaseFontName, ctypes.c_size_t, _HANDLE, _ADDRESS, ctypes.c_size_t
)
_font_flags = _raw(pdfium.FPDFFont_GetFlags, _INT, _HANDLE)
_font_weight = _raw(pdfium.FPDFFont_GetWeight, _INT, _HANDLE)
_font_angle = _raw(pdfium.FPDFFont_GetItalicAngle, _INT, _HANDLE, _ADDRESS)


@dataclass(frozen=True, slots=True)
class Font:
    """A font as its dictionary describes it; the subset tag ("ABCDEF+") is taken off the name."""

    name: str
    weight: int
    italic: bool


@dataclass(frozen=True)
class Frame:
    """The visible area of a page: box in page space, rotation, and its size as displayed."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def width(self) -> float:
        turned = self.rotation in (90, 270)
        return (self.top - self.bottom) if turned else (self.right - self.left)

    @property
    def height(self) -> float:
        turned = self.rotation in (90, 270)
        return (self.right - self.left) if turned else (self.top - self.bottom)

    def show(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Page space to displayed points, origin top left."""
        if self.rotation == 90:
            return y - self.bottom, x - self.left
        if self.rotation == 180:
            return self.right - x, y - self.bottom
        if self.rotation == 270:
            return self.top - y, self.right - x
        return x - self.left, self.top - y


@dataclass(frozen=True)
class Characters:
    """The visible characters of a page, n of them, in pdfium's order.

    ``text`` has n characters. ``box`` is (4, n): x0, y0, x1, y1 in displayed points. ``origin`` is
    (2, n), the pen position of the character's text object. ``size`` (n,) in points. ``turn`` (n,)
    is the direction of the text as displayed: 0 to the right, 1 up, 2 upside down, 3 down, 4 askew.
    ``superior`` (n,) marks digits and reference marks that a font draws raised by itself.
    ``gap`` (n,) says what pdfium saw before a character: 0 nothing, 1 space, 2 line break.
    """

    text: str
    box: Floats
    origin: Floats
    size: Floats
    turn: Integers
    font: Integers
    gap: Integers
    superior: NDArray[np.bool_]
    fonts: tuple[Font, ...]


def read_characters(text_page: Any, frame: Frame, fonts: dict[int, Font]) -> Characters:
    """Read a pdfium text page; ``fonts`` remembers fonts by handle over the pages of a document."""
    handle = ctypes.cast(text_page, ctypes.c_void_p).value
    count = min(max(pdfium.FPDFText_CountChars(text_page), 0), MAXIMUM_CHARACTERS)
    codes = np.fromiter(map(_unicode, repeat(handle), range(count)), np.uint32, count)
    loose = np.zeros((count, 4), np.float32)
    start = loose.ctypes.data
    places = range(start, start + 16 * count, 16)
    deque(map(_loose_box, repeat(handle), range(count), places), 0)
    left, top, right, bottom = loose.T
    breaks = (codes == 13) | (codes == 10)
    spaces = (
        (codes == 32) | (codes == 9) | (codes == 0xA0) | ((codes >= 0x2000) & (codes <= 0x200B))
    )
    spaces |= (codes == 0x3000) | (codes == 0x202F)
    onside = (right >= frame.left) & (left <= frame.right)
    onside &= (top >= frame.bottom) & (bottom <= frame.top)
    codes, second = _joined_surrogates(codes)
    visible = np.flatnonzero(~breaks & ~spaces & ~second & onside)
    marks = np.zeros(count + 1, np.int32)
    marks[1:] = np.cumsum(spaces)
    lines = np.zeros(count + 1, np.int32)
    lines[1:] = np.cumsum(breaks)
    before = np.concatenate([[-1], visible[:-1]]) + 1
    gap = np.where(lines[visible] > lines[before], 2, (marks[visible] > marks[before]).astype(int))
    objects, owner = _objects(handle, visible, gap, top, bottom)
    described = [_describe(handle, int(visible[at]), pointer, fonts) for pointer, at in objects]
    table = np.array([d[:4] for d in described], np.float32).reshape(-1, 4)
    used = tuple(dict.fromkeys(d[4] for d in described))
    number = {font: index for index, font in enumerate(used)}
    x_pen, y_pen = frame.show(table[:, 0], table[:, 1])
    turns = np.array([_turn(d[3], frame.rotation) for d in described], np.int32)
    xa, ya = frame.show(left[visible], top[visible])
    xb, yb = frame.show(right[visible], bottom[visible])
    box = np.stack([np.minimum(xa, xb), np.minimum(ya, yb), np.maximum(xa, xb), np.maximum(ya, yb)])
    return Characters(
        text=_text(codes[visible]),
        box=box.astype(np.float32),
        origin=np.stack([x_pen, y_pen])[:, owner].astype(np.float32),
        size=_sizes(table[owner, 2], turns[owner], box),
        turn=turns[owner],
        font=np.array([number[d[4]] for d in described], np.int32)[owner],
        gap=gap.astype(np.int32),
        superior=_superior(handle, codes, visible, table[owner]),
        fonts=used,
    )


def _joined_surrogates(codes: Codes) -> tuple[Codes, NDArray[np.bool_]]:
    """Codes with surrogate pairs made whole at their first place, and where second ones are."""
    first = (codes >= 0xD800) & (codes < 0xDC00)
    second = np.zeros(len(codes), bool)
    if first.any():
        second[1:] = first[:-1] & (codes[1:] >= 0xDC00) & (codes[1:] < 0xE000)
        low = np.flatnonzero(second)
        codes = codes.copy()
        codes[low - 1] = 0x10000 + ((codes[low - 1] - 0xD800) << 10) + (codes[low] - 0xDC00)
    return codes, second


def _superior(
    handle: int | None, codes: Codes, visible: NDArray[np.intp], about: Floats
) -> NDArray[np.bool_]:
    """Which characters are superior figures or marks: small glyphs that begin above the baseline.

    ``about`` (n, 4) is pen x, y, size and angle. Superscripts by their code count as well.
    """
    code = codes[visible]
    result = np.isin(code, _SUPERSCRIPTS)
    asked = np.flatnonzero((code >= 48) & (code <= 57))
    edges = np.zeros((len(asked), 4))  # left, right, bottom, top in page space
    places = [
        range(edges.ctypes.data + 8 * k, edges.ctypes.data + 8 * k + edges.nbytes, 32)
        for k in range(4)
    ]
    deque(map(_tight_box, repeat(handle), visible[asked].tolist(), *places), 0)
    x, y, size, angle = about[asked].T
    up_x, up_y = -np.sin(np.radians(angle)), np.cos(np.radians(angle))
    rises = [(edges[:, i] - x) * up_x + (edges[:, j] - y) * up_y for i in (0, 1) for j in (2, 3)]
    low, high = np.min(rises, axis=0), np.max(rises, axis=0)
    result[asked] |= (low > 0.2 * size) & (high - low < 0.6 * size) & (high > low)
    return result


def _objects(
    handle: int | None, visible: NDArray[np.intp], gap: Any, top: Floats, bottom: Floats
) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """The distinct text objects (pointer, index into visible) and each character's object.

    Only asked for where it can change without a trace in the boxes' height: at the start of words
    and where the height changes.
    """
    high, low = top[visible], bottom[visible]
    new = np.ones(len(visible), bool)
    new[1:] = (gap[1:] > 0) | (np.abs(np.diff(high)) > 0.01) | (np.abs(np.diff(low)) > 0.01)
    at = np.flatnonzero(new)
    pointers = list(map(_text_object, repeat(handle), visible[at].tolist()))
    seen: dict[int, int] = {}
    objects: list[tuple[int, int]] = []
    owner = np.empty(len(at), np.intp)
    for place, (pointer, index) in enumerate(zip(pointers, at.tolist(), strict=True)):
        key = pointer or 0
        if key not in seen or not key:
            seen[key] = len(objects)
            objects.append((key, index))
        owner[place] = seen[key]
    return objects, owner[np.cumsum(new) - 1] if len(at) else owner


def _describe(
    handle: int | None, index: int, pointer: int, fonts: dict[int, Font]
) -> tuple[float, float, float, float, Font]:
    """Pen x, y (page space), size in points, angle in degrees, and font of a text object."""
    matrix, pen = (ctypes.c_float * 6)(), (ctypes.c_double * 2)()
    _matrix(handle, index, ctypes.addressof(matrix))
    address = ctypes.addressof(pen)
    _origin(handle, index, address, address + 8)
    scale = float(np.hypot(matrix[2], matrix[3])) or 1.0
    angle = float(np.degrees(np.arctan2(matrix[1], matrix[0])))
    size = abs(_font_size(handle, index)) * scale
    font = _object_font(pointer) if pointer else None
    key = font or 0
    if key not in fonts:
        fonts[key] = _font(font) if font else Font("", 400, False)
    return pen[0], pen[1], size, angle, fonts[key]


def _font(font: int) -> Font:
    buffer = ctypes.create_string_buffer(256)
    length = _font_name(font, ctypes.addressof(buffer), 256)
    name = buffer.raw[: max(min(length, 256) - 1, 0)].decode("utf-8", "replace")
    if len(name) > 7 and name[6] == "+":
        name = name[7:]
    flags = _font_flags(font)
    angle = ctypes.c_int(0)
    _font_angle(font, ctypes.addressof(angle))
    low = name.lower()
    bold = any(word in low for word in ("bold", "black", "heavy", "cmbx", "cmssbx", "demi", "-bd"))
    bold = bold or low.endswith(("-b", ".b", "-bi", ".bi")) or bool(flags > 0 and flags & 0x40000)
    weight = _font_weight(font)
    weight = 700 if bold else weight if 600 <= weight <= 900 else 400
    slanted = any(word in low for word in ("italic", "oblique", "cmti", "cmmi", "cmsl", "-it"))
    return Font(name, weight, slanted or angle.value != 0 or bool(flags > 0 and flags & 64))


def _turn(angle: float, rotation: int) -> int:
    shown = (angle - rotation) % 360.0
    nearest = round(shown / 90.0)
    return int(nearest % 4) if abs(shown - 90.0 * nearest) <= 10.0 else ASKEW


def _sizes(size: Floats, turn: Integers, box: Floats) -> Floats:
    """Size in points; fonts whose own units make it absurd are measured by their boxes."""
    upright = (turn == 0) | (turn == 2)
    tall = np.where(upright, box[3] - box[1], box[2] - box[0])
    absurd = (turn != ASKEW) & (tall > 0.5) & ((size < 0.3 * tall) | (size > 4.0 * tall))
    return np.maximum(np.where(absurd, tall * 0.8, size), 0.1).astype(np.float32)


def _text(codes: NDArray[np.uint32]) -> str:
    fixed = codes.copy()
    fixed[(fixed == 2) | (fixed == 0xFFFE)] = ord("-")
    surrogate = (fixed >= 0xD800) & (fixed <= 0xDFFF)
    fixed[(fixed == 0) | surrogate | (fixed > 0x10FFFF)] = 0xFFFD
    return fixed.astype("<u4").tobytes().decode("utf-32-le")
