"""Every mark a page draws as text: the code the text layer gives it, its box, font and picture.

`characters` reads pages fast and for good text layers; this is the slower second look at pages
whose codes cannot be trusted. Nothing is interpreted here: code 32 may be a letter, and a glyph
without a code has the number that pdfium puts in its place. Pictures are what counts: a mark is
cut out of the rendered page at its own box, so that any kind of font can be looked at alike.
"""

from __future__ import annotations

import ctypes
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.extract.calls import read_codes
from goldsmith.extract.fonts import font_of
from goldsmith.extract.render import MAXIMUM_PIXELS

SIDE = 16  # a picture has SIDE x SIDE shades, and MEASURES numbers about its place
MEASURES = 4
_SCALE = 4.0  # pixels a point of the rendered page
_FLAT = 0.02  # points; pdfium's height of what has no outline is half of it

_INVISIBLE = 3  # text rendering mode (ISO 32000-1, 9.3.6)

Floats = NDArray[np.float32]

_mode_of = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_void_p).value or 0
)


@dataclass(frozen=True)
class Marks:
    """n marks in pdfium's order.

    ``code`` (n,) is the claimed character; ``box`` (n, 4) is left, bottom, right, top of the page;
    ``room`` (n, 2) is left and right of what the pen moves by; ``base`` (n,) the baseline's y;
    ``size`` (n,) the type size in points; ``font`` (n,) indexes ``fonts``, the base font names with
    their subset tags and the length of the font program; ``upright`` (n,) says whether the mark
    stands on a horizontal baseline; ``hidden`` (n,) whether it is not drawn at all, like the text
    that OCR lays under a scan; ``place`` (n,) is pdfium's number of the mark on its page.
    """

    code: NDArray[np.int64]
    box: Floats
    room: Floats
    base: Floats
    size: Floats
    font: NDArray[np.int64]
    upright: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    place: NDArray[np.intp]
    fonts: tuple[str, ...]


def read_marks(text_page: Any, fonts: Container[str] | None = None, most: int = 0) -> Marks:
    """Read the marks of a pdfium text page; what pdfium made up itself is left out.

    With ``fonts``, names as in ``lines.font``, only their marks are read: the first ``most`` of
    each font program.
    """
    pages = read_codes([text_page])
    places = np.arange(pages.first[-1] - 1)
    address = pages.objects(places)
    places, address = places[address != 0], address[address != 0]
    objects, first, owner = np.unique(address, return_index=True, return_inverse=True)
    drawn = first.argsort()  # objects by their first mark: addresses say nothing
    objects, owner = objects[drawn], drawn.argsort()[owner]
    names, font, hidden = _described(objects.tolist())
    if fonts is not None:
        numbers = [number for number, name in enumerate(names) if plain_name(name) in fonts]
        each = font[owner]
        chosen = [np.flatnonzero(each == number)[:most] for number in numbers]
        kept = np.sort(np.concatenate([*chosen, np.zeros(0, np.intp)]))
        places, owner = places[kept], owner[kept]
    kept = ~pages.generated(places)
    places, owner = places[kept], owner[kept]
    _, first, at = np.unique(owner, return_index=True, return_inverse=True)
    matrix = pages.matrices(places[first])
    scale = np.hypot(matrix[:, 2], matrix[:, 3])
    scale[scale == 0.0] = 1.0
    size = np.maximum(np.abs(pages.font_sizes(places[first])) * scale, 0.1)
    upright = (matrix[:, 0] > 0) & (np.abs(matrix[:, 1]) < 0.05 * np.abs(matrix[:, 0]))
    return Marks(
        code=pages.unicode(places),
        box=pages.tight_boxes(places)[:, [0, 2, 1, 3]].astype(np.float32),
        room=pages.loose_boxes(places)[:, [0, 2]].astype(np.float32),
        base=pages.baselines(places).astype(np.float32),
        size=size[at].astype(np.float32),
        font=font[owner],
        upright=upright[at],
        hidden=hidden[owner],
        place=places,
        fonts=names,
    )


def _described(
    objects: list[int],
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.bool_]]:
    """The names of the fonts of text objects; by object, the number of its font and if unseen."""
    handles = [font_of(one) for one in objects]
    known = {handle: name_of(handle) for handle in dict.fromkeys(handles)}
    numbers = {name: number for number, name in enumerate(dict.fromkeys(known.values()))}
    font = np.array([numbers[known[handle]] for handle in handles], np.int64)
    hidden = np.array([_mode_of(one) == _INVISIBLE for one in objects], np.bool_)
    return tuple(numbers), font, hidden


def name_of(address: int | None) -> str:
    """The name of the font at an address, as in `Marks`."""
    if not address:
        return ""
    font = ctypes.cast(address, pdfium.FPDF_FONT)
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


def pictures(page: Any, marks: Marks, places: NDArray[np.int64]) -> Floats:
    """Return (k, SIDE * SIDE + MEASURES) of the given marks of a page; ink is 1, paper 0.

    The measures are width, height, bottom and top over the baseline, in type sizes. A row of zeros
    in the shades is a mark without ink. Only the part of the page around the marks is rendered.
    """
    from PIL import Image

    result = np.zeros((len(places), SIDE * SIDE + MEASURES), np.float32)
    if len(places) == 0:
        return result
    frame = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, frame)
    width, height = max(frame.right - frame.left, 1.0), max(frame.top - frame.bottom, 1.0)
    scale = min(_SCALE, (MAXIMUM_PIXELS / (width * height)) ** 0.5)
    whole = max(round(width * scale), 1), max(round(height * scale), 1)
    left, bottom, right, top = marks.box[places].astype(np.float64).T
    x = _pixels((left - frame.left) * scale, (right - frame.left) * scale, whole[0])
    y = _pixels((frame.top - top) * scale, (frame.top - bottom) * scale, whole[1])
    corner = int(x.min()), int(y.min())
    size = int(x.max()) - corner[0], int(y.max()) - corner[1]
    shades = _rendered(page, whole, corner, size)
    x, y = x - corner[0], y - corner[1]
    image, how = Image.fromarray(shades), Image.Resampling.BOX
    boxes = np.concatenate([x, y])[[0, 2, 1, 3]].T.tolist()
    cut = [image.resize((SIDE, SIDE), how, box=tuple(box)).tobytes() for box in boxes]
    result[:, : SIDE * SIDE] = inked(np.frombuffer(b"".join(cut), np.uint8).reshape(len(cut), -1))
    flat = (top - bottom <= _FLAT) & (right - left > _FLAT)  # a space; its pixel is a neighbour's
    result[flat, : SIDE * SIDE] = 0.0
    base = marks.base[places].astype(np.float64)
    measures = np.stack([right - left, top - bottom, bottom - base, top - base], axis=1)
    result[:, SIDE * SIDE :] = measures / marks.size[places][:, None]
    return result


def _pixels(low: NDArray[np.float64], high: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """First and last pixel of ``most`` that stretches cover, one at the least: (2, n)."""
    first = (low + 0.25).astype(np.int64).clip(0, most - 1)
    last = np.ceil(high - 0.25).astype(np.int64)
    return np.stack([first, np.minimum(np.maximum(last, first + 1), most)])


def _rendered(
    page: Any, whole: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A part of a page that is ``whole`` pixels, in grey and page space, before rotation."""
    shades = np.full(size[::-1], 255, np.uint8)
    address = ctypes.c_void_p(shades.ctypes.data)
    bitmap = pdfium.FPDFBitmap_CreateEx(*size, pdfium.FPDFBitmap_Gray, address, size[0])
    if bitmap:
        back = -pdfium.FPDFPage_GetRotation(page) % 4
        start = -corner[0], -corner[1]
        pdfium.FPDF_RenderPageBitmap(bitmap, page, *start, *whole, back, 0)
        pdfium.FPDFBitmap_Destroy(bitmap)
    return shades


def inked(shades: NDArray[np.uint8]) -> Floats:
    """Shades (k, SIDE * SIDE) as shares of ink, the darkest of each taken as full."""
    paper = 255.0 - shades.astype(np.float32)
    darkest = paper.max(axis=1, keepdims=True)
    blank = darkest < 24.0
    paper[blank[:, 0]] = 0.0
    return np.asarray(paper / np.where(blank, np.float32(1.0), darkest), np.float32)
