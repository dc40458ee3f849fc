"""What the fonts of a page say about themselves: name, weight, slant.

pdfium is asked once for each font of a batch of pages; what follows from its answers is remembered.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

_BOLD = ("bold", "black", "heavy", "cmbx", "cmssbx", "demi", "-bd")
_SLANTED = ("italic", "oblique", "cmti", "cmmi", "cmsl", "-it")
_FORCE_BOLD, _ITALIC = 0x40000, 0x40  # bits of a font descriptor's flags (ISO 32000-1, 9.8.2)

# The pointer of an object or font is an address here, so that it can be compared.
font_of = ctypes.PYFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFTextObj_GetFont, ctypes.c_void_p).value or 0
)


@dataclass(frozen=True, slots=True)
class Font:
    """A font as its dictionary describes it; the subset tag ("ABCDEF+") is taken off the name."""

    name: str
    weight: int
    italic: bool


def fonts_of(objects: list[int]) -> tuple[tuple[Font, ...], NDArray[np.int32]]:
    """The fonts of text objects, in order of appearance, and the number of each object's font.

    ``objects`` are addresses; 0 stands for no object.
    """
    handles = list(map(font_of, objects))
    known = {handle: _font(handle) for handle in dict.fromkeys(handles)}
    fonts = {font: number for number, font in enumerate(dict.fromkeys(known.values()))}
    number = {handle: fonts[font] for handle, font in known.items()}
    return tuple(fonts), np.array([number[handle] for handle in handles], np.int32)


def _font(address: int) -> Font:
    if not address:
        return Font("", 400, False)
    handle: Any = ctypes.cast(address, pdfium.FPDF_FONT)
    buffer = ctypes.create_string_buffer(256)
    length = pdfium.FPDFFont_GetBaseFontName(handle, buffer, 256)
    angle = ctypes.c_int(0)
    pdfium.FPDFFont_GetItalicAngle(handle, angle)
    name = buffer.raw[: max(min(length, 256) - 1, 0)]
    flags, weight = pdfium.FPDFFont_GetFlags(handle), pdfium.FPDFFont_GetWeight(handle)
    return _described(name, max(flags, 0), weight, angle.value)


@lru_cache(maxsize=1024)
def _described(raw: bytes, flags: int, weight: int, angle: int) -> Font:
    name = raw.decode("utf-8", "replace")
    if len(name) > 7 and name[6] == "+":
        name = name[7:]
    low = name.lower()
    bold = any(word in low for word in _BOLD) or low.endswith(("-b", ".b", "-bi", ".bi"))
    if bold or flags & _FORCE_BOLD:
        weight = 700
    elif not 600 <= weight <= 900:
        weight = 400
    slanted = any(word in low for word in _SLANTED) or angle != 0 or bool(flags & _ITALIC)
    return Font(name, weight, slanted)
