"""The characters of PDF pages, in pieces, in the coordinates a reader sees.

A *piece* is a stretch of characters without a space that one text object draws (pdfium's unit of
one font, size and baseline). Where a text object begins is looked for from both ends, first of
lines, then of words, and boxes are asked for at the two ends of a piece only: a page costs some
hundred calls, not some thousand. A few pages are read together, since numpy's price is by the
call too.

What pdfium gives is kept, with these fixed translations: U+0002 and U+FFFE, its signs for a hyphen
at the end of a line, become "-"; pairs of surrogates become their character; glyphs without a code
(U+0000) and lone surrogates become U+FFFD. Line breaks and spaces that pdfium made up only mark
gaps. Pieces that lie wholly outside the displayed page (crop box) are not on it and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from unicodedata import bidirectional

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.calls import Codes, Places, TextPages, read_codes
from goldsmith.extract.fonts import Font, fonts_of

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Words = tuple[Places, Places, Integers]  # first and last character, gap before (`Pieces.gap`)

LARGEST_SIDE = 1e6  # points; a page that claims more has no size that means anything
ASKEW = 4  # the turn of text that runs in none of the four directions
_VISIBLE, _SPACE, _BREAK, _SECOND = range(4)  # what a code is; the second of a surrogate pair
_STRONG = {"L", "R", "AL"}  # Unicode's classes of letters with a direction
_DIGIT_RUN = 3  # more digits than this in a row are a number, not a reference mark


def _kinds() -> NDArray[np.uint8]:
    kinds = np.zeros(65536, np.uint8)
    kinds[[9, 32, 0xA0, 0x202F, 0x3000, *range(0x2000, 0x200C)]] = _SPACE
    kinds[[10, 13]] = _BREAK
    return kinds


_KINDS = _kinds()
_SUPERSCRIPTS = np.zeros(65536, bool)
_SUPERSCRIPTS[[0xB2, 0xB3, 0xB9, 0x2070, *range(0x2074, 0x207A)]] = True


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

    @property
    def shown(self) -> tuple[float, ...]:
        """a, b, c, d, e, f: page space to displayed points: x' = ax + cy + e, y' = bx + dy + f."""
        if self.rotation == 90:
            return 0.0, 1.0, 1.0, 0.0, -self.bottom, -self.left
        if self.rotation == 180:
            return -1.0, 0.0, 0.0, 1.0, self.right, -self.bottom
        if self.rotation == 270:
            return 0.0, -1.0, -1.0, 0.0, self.top, self.right
        return 1.0, 0.0, 0.0, -1.0, -self.left, self.top


@dataclass(frozen=True)
class Pieces:
    """The visible pieces of some pages, n of them, in pdfium's order.

    ``codes`` are the code points of all characters, and 0 where there is none; a piece is what
    stands from ``first`` to ``last`` (n,) in it. ``page`` (n,) counts from 0. ``box`` is (4, n):
    x0, y0, x1, y1 in displayed points. ``origin`` is (2, n), the pen position of the piece's text
    object. ``size`` (n,) in points. ``turn`` (n,) is the direction of the text as displayed: 0 to
    the right, 1 up, 2 upside down, 3 down, 4 askew. ``gap`` (n,) says what pdfium saw before a
    piece: 0 nothing, 1 space, 2 line break. ``backward`` (n,) are pieces of text that runs from
    right to left; their characters are in logical order all the same. ``superior`` (k,) are the
    places in ``codes`` of digits and reference marks that a font draws raised by itself, in order.
    """

    codes: NDArray[np.uint32]
    first: Places
    last: Places
    page: Places
    box: Floats
    origin: Floats
    size: Floats
    turn: Integers
    font: Integers
    gap: Integers
    backward: NDArray[np.bool_]
    superior: Places
    fonts: tuple[Font, ...]


def read_pieces(text_pages: list[Any], frames: list[Frame]) -> Pieces | None:
    """Read pdfium text pages that show the given frames; None where nothing is visible."""
    pages = read_codes(text_pages)
    kinds = _KINDS[pages.codes]
    codes = _code_points(pages.codes, kinds)
    words = _words(kinds)
    if len(words[0]) == 0:
        return None
    (first, last, gap), pointer = _split(pages, words)
    extent = _extent(pages, first, last)
    wide = _stretched(first, last, extent)
    if len(wide):
        (first, last, gap), pointer = _spread((first, last, gap), pointer, wide)
        extent = _extent(pages, first, last)
    page = pages.page_of(first)
    edges = np.array([(f.left, f.bottom, f.right, f.top, *f.shown) for f in frames], np.float32).T
    inside = (extent[2:] >= edges[:2, page]) & (extent[:2] <= edges[2:4, page])
    onside: NDArray[np.bool_] = inside[0] & inside[1]
    if not onside.all():
        first, last, gap = first[onside], last[onside], _carried(gap, onside)
        pointer, page, extent = pointer[onside], page[onside], extent[:, onside]
        if len(first) == 0:
            return None
    _, at, owner = np.unique(pointer, return_index=True, return_inverse=True)
    drawn = at.argsort()  # objects by their first piece: addresses say nothing
    at, owner = at[drawn], drawn.argsort()[owner]
    about = _describe(pages, first[at])
    fonts, font = fonts_of(pointer[at].tolist())
    turn = _turns(about[3], np.array([f.rotation for f in frames])[page[at]])[owner]
    about = about[:, owner]
    shown = edges[4:, page]
    ends = np.stack([_shown(shown, extent[0], extent[1]), _shown(shown, extent[2], extent[3])])
    box = _bounded(np.concatenate([ends.min(axis=0), ends.max(axis=0)]))
    return Pieces(
        codes=codes,
        first=first,
        last=last,
        page=page,
        box=box,
        origin=_bounded(_shown(shown, about[0], about[1])),
        size=_sizes(about[2], turn, box),
        turn=turn,
        font=font[owner],
        gap=gap,
        backward=_backward(codes, first, last),
        superior=_superior(pages, first, last, about),
        fonts=fonts,
    )


def _code_points(codes: Codes, kinds: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The characters' code points; marks the second of a surrogate pair in ``kinds``: it has 0."""
    fixed = codes.astype(np.uint32)
    odd = codes - np.uint16(3) >= 0xD800 - 3  # 0 to 2 as well, by wrapping
    if odd.any():
        fixed[(codes == 2) | (codes == 0xFFFE)] = ord("-")
        fixed[codes == 0] = 0xFFFD
        high = (codes >= 0xD800) & (codes < 0xDC00)
        low = (codes >= 0xDC00) & (codes < 0xE000)
        second = np.flatnonzero(low[1:] & high[:-1]) + 1
        fixed[high | low] = 0xFFFD
        pairs = (codes[second - 1].astype(np.uint32) - 0xD800) << 10
        fixed[second - 1] = 0x10000 + pairs + (codes[second].astype(np.uint32) - 0xDC00)
        fixed[second] = 0
        kinds[second] = _SECOND
    return fixed


def _backward(codes: NDArray[np.uint32], first: Places, last: Places) -> NDArray[np.bool_]:
    """Pieces of right-to-left text; figures and punctuation go with the piece before them."""
    result = np.zeros(len(first), bool)
    high = codes[codes >= 0x590]
    if ((high <= 0x8FF) | ((high >= 0xFB1D) & (high <= 0xFEFC))).any():
        before = False
        bounds = zip(first.tolist(), (last + 1).tolist(), strict=True)
        for number, (start, end) in enumerate(bounds):
            ways = {bidirectional(chr(code)) for code in codes[start:end].tolist()}
            if ways & _STRONG:
                before = "L" not in ways
            result[number] = before
    return result


def _words(kinds: NDArray[np.uint8]) -> Words:
    """Stretches without a space; before each is a space (1) or a break (2)."""
    visible = np.flatnonzero((kinds == _VISIBLE) | (kinds == _SECOND))
    new = np.ones(len(visible), bool)
    new[1:] = visible[1:] - visible[:-1] > 1
    start = np.flatnonzero(new)
    first = visible[start]
    last = visible[np.append(start[1:], len(visible)) - 1] if len(visible) else visible
    breaks = (kinds == _BREAK).cumsum()
    gap = np.full(len(first), 2, np.int32)
    gap[1:] = 1 + (breaks[first[1:]] > breaks[last[:-1]])
    return first, last, gap


def _split(pages: TextPages, words: Words) -> tuple[Words, NDArray[np.int64]]:
    """Words cut where their text object changes, and the address of each piece's object.

    A line, and then a word, that begins and ends in one object lies in it wholly: pdfium keeps the
    characters of an object together.
    """
    first, last, gap = words
    line = np.flatnonzero(gap == 2)
    length = np.append(line[1:], len(first)) - line
    start = pages.objects(first[line])
    mixed = start != pages.objects(last[line + length - 1])
    owner = start.repeat(length)
    several = mixed.repeat(length)
    several[line] = False
    rest = np.flatnonzero(several)
    if len(rest) == 0:
        return words, owner
    owner[rest] = pages.objects(first[rest])
    # A word before a word of the same object lies in that object; the others are asked.
    open_end = mixed.repeat(length) & (last > first)
    open_end[:-1] &= (owner[1:] != owner[:-1]) | (gap[1:] == 2)
    asked = np.flatnonzero(open_end)
    torn = asked[pages.objects(last[asked]) != owner[asked]]
    if len(torn) == 0:
        return words, owner
    sizes = last[torn] - first[torn]
    begin = sizes.cumsum() - sizes
    inner = np.arange(1, int(sizes.sum()) + 1) + (first[torn] - begin).repeat(sizes)
    inside = pages.objects(inner)
    before = np.concatenate([[0], inside[:-1]])
    before[begin] = owner[torn]
    change = inside != before
    cut, place = _cut_at((first, last, gap), inner[change])
    return cut, np.insert(owner, place, inside[change])


def _cut_at(words: Words, cuts: Places) -> tuple[Words, Places]:
    """The words cut before the given characters; and where in the list the new ones go."""
    first, last, gap = words
    place = first.searchsorted(cuts)
    ends = np.sort(np.concatenate([last, cuts - 1]))
    return (np.insert(first, place, cuts), ends, np.insert(gap, place, 0)), place


def _extent(pages: TextPages, first: Places, last: Places) -> Floats:
    """Left, bottom, right and top in page space of pieces, from the boxes of their two ends."""
    several = np.flatnonzero(last > first)
    boxes: Floats = pages.loose_boxes(first).T[[0, 3, 2, 1]]
    ends = pages.loose_boxes(last[several]).T[[0, 3, 2, 1]]
    boxes[:2, several] = np.minimum(boxes[:2, several], ends[:2])
    boxes[2:, several] = np.maximum(boxes[2:, several], ends[2:])
    return boxes


def _stretched(first: Places, last: Places, extent: Floats) -> Places:
    """Pieces that are wider than their letters: an object may jump without a space."""
    length = last - first
    sides = extent[2:] - extent[:2]
    wide = sides.max(axis=0) > 1.1 * sides.min(axis=0) * (length + 1)
    return np.flatnonzero((length > 0) & wide)


def _spread(
    words: Words, pointer: NDArray[np.int64], wide: Places
) -> tuple[Words, NDArray[np.int64]]:
    """The pieces with those of ``wide`` cut into single characters."""
    bounds = zip(words[0][wide].tolist(), words[1][wide].tolist(), strict=True)
    cut, place = _cut_at(words, np.concatenate([np.arange(a + 1, b + 1) for a, b in bounds]))
    return cut, np.insert(pointer, place, pointer[place - 1])


def _carried(gap: Integers, kept: NDArray[np.bool_]) -> Integers:
    """The widest gap since the last piece that is kept."""
    places = np.flatnonzero(kept)
    if len(places) == 0:
        return gap[:0]
    begin = np.concatenate([[0], places[:-1] + 1])
    carried: Integers = np.maximum.reduceat(gap[: places[-1] + 1], begin)
    return carried


def _describe(pages: TextPages, places: Places) -> Floats:
    """Pen x, y (page space), size in points, angle in degrees of m text objects: (4, m).

    ``places`` are the objects' first characters.
    """
    matrix = pages.matrices(places)
    scale = np.hypot(matrix[:, 2], matrix[:, 3])
    scale[scale == 0.0] = 1.0
    size = np.abs(pages.font_sizes(places)) * scale
    angle = np.degrees(np.arctan2(matrix[:, 1], matrix[:, 0]))
    return np.stack([matrix[:, 4], matrix[:, 5], size, angle], dtype=np.float32)


def _shown(matrix: Floats, x: Floats, y: Floats) -> Floats:
    """Points (2, n) as displayed; ``matrix`` (6, n) as in `Frame.shown`."""
    a, b, c, d, e, f = matrix
    return np.stack([a * x + c * y + e, b * x + d * y + f])


def _bounded(points: Floats) -> Floats:
    """Coordinates within twice the largest page: what a file says may be anything."""
    bounded: Floats = points.clip(-LARGEST_SIDE, 2 * LARGEST_SIDE)
    return bounded


def _turns(angle: Floats, rotation: Places) -> Integers:
    shown = (angle - rotation) % 360.0
    nearest = np.round(shown / 90.0)
    upright = np.abs(shown - 90.0 * nearest) <= 10.0
    return np.where(upright, nearest % 4, ASKEW).astype(np.int32)


def _sizes(size: Floats, turn: Integers, box: Floats) -> Floats:
    """Size in points; fonts whose own units make it absurd are measured by their boxes."""
    upright = (turn == 0) | (turn == 2)
    tall = np.where(upright, box[3] - box[1], box[2] - box[0])
    absurd = (turn != ASKEW) & (tall > 0.5) & ((size < 0.3 * tall) | (size > 4.0 * tall))
    return np.where(absurd, tall * 0.8, size).clip(0.1, LARGEST_SIDE).astype(np.float32)


def _superior(pages: TextPages, first: Places, last: Places, about: Floats) -> Places:
    """Superior figures or marks: small glyphs that begin above the baseline.

    ``about`` (4, n) is pen x, y, size and angle. Superscripts by their code count as well. Asked
    for are only short runs of digits behind something that is no number, or at the start of a line.
    """
    codes = pages.codes
    digit = np.zeros(len(codes) + 2, bool)
    digit[1:-1] = (codes >= 48) & (codes <= 57)
    edges = np.flatnonzero(digit[1:] != digit[:-1])
    begin, end = edges[::2], edges[1::2]
    asked = (_KINDS[codes[np.maximum(begin - 1, 0)]] != _SPACE) & (end - begin <= _DIGIT_RUN)
    asked &= ~digit[np.maximum(begin - 1, 0)]
    piece = first.searchsorted(begin, side="right") - 1
    asked &= begin <= last[piece]  # not in a piece that was left out
    begin, end, piece = begin[asked], end[asked], piece[asked]
    found = [np.flatnonzero(_SUPERSCRIPTS[codes])]
    if len(begin):
        sides = pages.tight_boxes(begin)  # left, right, bottom, top
        x, y, size, angle = about[:, piece]
        across, along = -np.sin(np.radians(angle)), np.cos(np.radians(angle))
        ways = [
            (sides[:, i] - x) * across + (sides[:, j] - y) * along for i in (0, 1) for j in (2, 3)
        ]
        low, high = np.min(ways, axis=0), np.max(ways, axis=0)
        raised = np.flatnonzero((low > 0.2 * size) & (high - low < 0.6 * size) & (high > low))
        found += [np.arange(begin[one], end[one]) for one in raised.tolist()]
    return np.unique(np.concatenate(found)) if len(found) > 1 else found[0]
