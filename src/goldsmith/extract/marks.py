"""Every mark a page draws as text: the code the text layer gives it, its box, font and picture.

`characters` reads pages fast and for good text layers; this is the slower second look at pages
whose codes cannot be trusted. Nothing is interpreted here: code 32 may be a letter, and a glyph
without a code has the number that pdfium puts in its place. Pictures are what counts: a mark is
cut out of the rendered page at its own box, so that any kind of font can be looked at alike.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.extract.render import MAXIMUM_PIXELS

SIDE = 16  # a picture has SIDE x SIDE shades, and MEASURES numbers about its place
MEASURES = 4
_SCALE = 4.0  # pixels a point of the rendered page

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Marks:
    """n marks in pdfium's order.

    ``code`` (n,) is the claimed character; ``box`` (n, 4) is left, bottom, right, top of the page;
    ``base`` (n,) the baseline's y; ``size`` (n,) the type size in points; ``font`` (n,) indexes
    ``fonts``, the base font names with their subset tags and the length of the font program;
    ``upright`` (n,) says whether the mark stands on a horizontal baseline.
    """

    code: NDArray[np.int64]
    box: Floats
    base: Floats
    size: Floats
    font: NDArray[np.int64]
    upright: NDArray[np.bool_]
    fonts: tuple[str, ...]


def read_marks(text_page: Any) -> Marks:
    """Read the marks of a pdfium text page; what pdfium made up itself is left out."""
    count = max(pdfium.FPDFText_CountChars(text_page), 0)
    code = np.zeros(count, np.int64)
    box = np.zeros((count, 4))
    origin = np.zeros((count, 2))
    owner = np.zeros(count, np.int64)
    drawn = np.zeros(count, bool)
    edges = [ctypes.c_double() for _ in range(4)]
    pen = [ctypes.c_double() for _ in range(2)]
    for place in range(count):
        if pdfium.FPDFText_IsGenerated(text_page, place) == 1:
            continue
        shown = pdfium.FPDFText_GetTextObject(text_page, place)
        address = ctypes.cast(shown, ctypes.c_void_p).value
        if not address:
            continue
        pdfium.FPDFText_GetCharBox(text_page, place, *edges)
        pdfium.FPDFText_GetCharOrigin(text_page, place, *pen)
        code[place] = pdfium.FPDFText_GetUnicode(text_page, place)
        left, right, bottom, top = (edge.value for edge in edges)
        box[place] = left, bottom, right, top
        origin[place] = pen[0].value, pen[1].value
        owner[place], drawn[place] = address, True
    places = np.flatnonzero(drawn)
    objects, first, inverse = np.unique(owner[places], return_index=True, return_inverse=True)
    fonts: dict[str, int] = {}
    about = np.zeros((len(objects), 3))
    for number, at in enumerate(places[first].tolist()):
        size, upright = _size(text_page, at)
        name = _font(pdfium.FPDFText_GetTextObject(text_page, at))
        about[number] = size, upright, fonts.setdefault(name, len(fonts))
    each = about[inverse]
    return Marks(
        code=code[places],
        box=box[places].astype(np.float32),
        base=origin[places, 1].astype(np.float32),
        size=each[:, 0].astype(np.float32),
        font=each[:, 2].astype(np.int64),
        upright=each[:, 1] > 0,
        fonts=tuple(fonts),
    )


def _size(text_page: Any, place: int) -> tuple[float, bool]:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text_page, place, matrix)
    scale = float(np.hypot(matrix.c, matrix.d)) or 1.0
    size = abs(pdfium.FPDFText_GetFontSize(text_page, place)) * scale
    return max(size, 0.1), bool(matrix.a > 0 and abs(matrix.b) < 0.05 * abs(matrix.a))


def _font(shown: Any) -> str:
    font = pdfium.FPDFTextObj_GetFont(shown)
    if not font:
        return ""
    buffer = ctypes.create_string_buffer(256)
    length = pdfium.FPDFFont_GetBaseFontName(font, buffer, 256)
    name = buffer.raw[: max(min(length, 256) - 1, 0)].decode("utf-8", "replace")
    size = ctypes.c_size_t(0)
    pdfium.FPDFFont_GetFontData(font, None, 0, size)
    return f"{name} {size.value}"


def plain_name(font: str) -> str:
    """The name of a font of `Marks` as ``lines.font`` has it."""
    name = font.rpartition(" ")[0]
    return name[7:] if len(name) > 7 and name[6] == "+" else name


class Sheet:
    """A page rendered in grey, from which marks are cut out."""

    def __init__(self, page: Any) -> None:
        box = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, box)
        self.rotation = pdfium.FPDFPage_GetRotation(page) % 4
        self.left, self.top = box.left, box.top
        width, height = max(box.right - box.left, 1.0), max(box.top - box.bottom, 1.0)
        self.scale = min(_SCALE, (MAXIMUM_PIXELS / (width * height)) ** 0.5)
        columns, rows = max(round(width * self.scale), 1), max(round(height * self.scale), 1)
        self.shades = np.full((rows, columns), 255, np.uint8)
        address = ctypes.c_void_p(self.shades.ctypes.data)
        bitmap = pdfium.FPDFBitmap_CreateEx(columns, rows, pdfium.FPDFBitmap_Gray, address, columns)
        if bitmap:
            back = -self.rotation % 4  # marks are cut in page space, before rotation
            pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, rows, back, 0)
            pdfium.FPDFBitmap_Destroy(bitmap)

    def pictures(self, marks: Marks, places: NDArray[np.int64]) -> Floats:
        """Return (k, SIDE * SIDE + MEASURES) of the given marks; ink is 1, paper 0.

        The measures are width, height, bottom and top over the baseline, in type sizes. A row of
        zeros in the shades is a mark without ink.
        """
        result = np.zeros((len(places), SIDE * SIDE + MEASURES), np.float32)
        rows, columns = self.shades.shape
        for number, place in enumerate(places.tolist()):
            left, bottom, right, top = marks.box[place].tolist()
            x0 = min(max(int((left - self.left) * self.scale + 0.25), 0), columns - 1)
            x1 = min(max(int(np.ceil((right - self.left) * self.scale - 0.25)), x0 + 1), columns)
            y0 = min(max(int((self.top - top) * self.scale + 0.25), 0), rows - 1)
            y1 = min(max(int(np.ceil((self.top - bottom) * self.scale - 0.25)), y0 + 1), rows)
            result[number, : SIDE * SIDE] = shrunk(self.shades[y0:y1, x0:x1])
            size, base = marks.size[place], marks.base[place]
            result[number, SIDE * SIDE :] = (
                np.array([right - left, top - bottom, bottom - base, top - base]) / size
            )
        return result


def shrunk(shades: NDArray[np.uint8]) -> Floats:
    """A cut-out as SIDE * SIDE shares of ink, the darkest taken as full."""
    from PIL import Image

    image = Image.fromarray(shades).resize((SIDE, SIDE), Image.Resampling.BOX)
    paper = 255.0 - np.asarray(image, np.float32)
    darkest = float(paper.max())
    if darkest < 24.0:
        return np.zeros(SIDE * SIDE, np.float32)
    return np.asarray(paper / darkest, np.float32).ravel()
