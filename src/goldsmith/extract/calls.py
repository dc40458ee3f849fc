"""pdfium asked about many characters of many pages at once.

A page has some thousand characters, and a Python call to pdfium costs more than what pdfium does in
it. So: codes come a page at a time; everything else is asked through ``map``, without argument
types (integers are C ints, all else ctypes arguments made beforehand) and without giving up the
interpreter's lock, which together halves the price of a call. Which characters are worth a call is
`characters`' business.

The characters of several pages are numbered through, with one number between pages that belongs
to no character and reads as a line break.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

Places = NDArray[np.intp]
Codes = NDArray[np.uint16]

_LARGEST = 1e7  # numbers beyond are cut off: a file may say anything
_SLOTS = 2048  # results that one round of calls may give


def _raw(function: Any, result: Any) -> Any:
    """A pdfium function called as it is, with the interpreter's lock held."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return ctypes.PYFUNCTYPE(result)(address)


_get_text = _raw(pdfium.FPDFText_GetText, ctypes.c_int)
_unicode = _raw(pdfium.FPDFText_GetUnicode, ctypes.c_uint)
# Whether these four succeed is not asked: slots are zero where they do not.
_loose_box = _raw(pdfium.FPDFText_GetLooseCharBox, None)
_tight_box = _raw(pdfium.FPDFText_GetCharBox, None)
_matrix = _raw(pdfium.FPDFText_GetMatrix, None)
_origin = _raw(pdfium.FPDFText_GetCharOrigin, None)
_text_object = _raw(pdfium.FPDFText_GetTextObject, ctypes.c_ssize_t)
_font_size = _raw(pdfium.FPDFText_GetFontSize, ctypes.c_double)
_generated = _raw(pdfium.FPDFText_IsGenerated, ctypes.c_int)

# Where calls write: four floats or doubles, or six floats, a result.
_four = (ctypes.c_float * 4 * _SLOTS)()
_four_slots = [ctypes.byref(slot) for slot in _four]
_six = (ctypes.c_float * 6 * _SLOTS)()
_six_slots = [ctypes.byref(slot) for slot in _six]
_sides = (ctypes.c_double * 4 * _SLOTS)()
_side_slots = [[ctypes.byref(slot, 8 * side) for slot in _sides] for side in range(4)]


@dataclass(frozen=True)
class TextPages:
    """p text pages of pdfium and the codes of all their characters.

    ``first`` (p + 1,) is the number of each page's first character. ``codes`` are UTF-16 units:
    characters beyond 0xFFFF count as two, as they do for pdfium.
    """

    handles: list[Any]
    first: Places
    codes: Codes

    def page_of(self, places: Places) -> Places:
        """The page, from 0, of each character."""
        return np.asarray(self.first.searchsorted(places, side="right") - 1, np.intp)

    def _each(self, places: Places) -> tuple[Iterator[Any], list[int]]:
        """For ascending places: the handle and the character's number on its page."""
        begin = places.searchsorted(self.first)
        counts = begin[1:] - begin[:-1]
        handles = chain.from_iterable(map(repeat, self.handles, counts.tolist()))
        return handles, (places - self.first[:-1].repeat(counts)).tolist()

    def objects(self, places: Places) -> NDArray[np.int64]:
        """The addresses of the text objects that draw these characters; 0 for none."""
        handles, local = self._each(places)
        return np.fromiter(map(_text_object, handles, local), np.int64, len(local))

    def loose_boxes(self, places: Places) -> NDArray[np.float32]:
        """Left, top, right, bottom in page space, with the font's height: (n, 4)."""
        found: NDArray[Any] = self._asked(_loose_box, places, _four, [_four_slots])
        return found

    def tight_boxes(self, places: Places) -> NDArray[np.float64]:
        """Left, right, bottom, top in page space of what is drawn: (n, 4)."""
        found: NDArray[Any] = self._asked(_tight_box, places, _sides, _side_slots)
        return found

    def baselines(self, places: Places) -> NDArray[np.float64]:
        """The pen's y in page space before each character: (n,)."""
        found: NDArray[Any] = self._asked(_origin, places, _sides, _side_slots[:2])
        return found[:, 1]

    def unicode(self, places: Places) -> NDArray[np.int64]:
        """The characters' codes as they are, controls included: (n,)."""
        return np.fromiter(map(_unicode, *self._each(places)), np.int64, len(places))

    def generated(self, places: Places) -> NDArray[np.bool_]:
        """Which characters pdfium made up itself: (n,)."""
        told = np.fromiter(map(_generated, *self._each(places)), np.int64, len(places))
        return np.asarray(told == 1)

    def matrices(self, places: Places) -> NDArray[np.float32]:
        """The text matrix a, b, c, d, e, f of the characters' objects: (n, 6)."""
        found: NDArray[Any] = self._asked(_matrix, places, _six, [_six_slots])
        return found

    def font_sizes(self, places: Places) -> NDArray[np.float64]:
        """Sizes in the units of the text matrix: (n,)."""
        handles, local = self._each(places)
        sizes = np.fromiter(map(_font_size, handles, local), np.float64, len(local))
        return _finite(sizes)

    def _asked(self, function: Any, places: Places, slots: Any, addresses: list[list[Any]]) -> Any:
        handles, local = self._each(places)
        parts = []
        for start in range(0, max(len(local), 1), _SLOTS):
            part = local[start : start + _SLOTS]
            ctypes.memset(slots, 0, len(part) * ctypes.sizeof(slots[0]))
            deque(map(function, islice(handles, len(part)), part, *addresses), 0)
            parts.append(np.ctypeslib.as_array(slots)[: len(part)].copy())
        found = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return _finite(found)


def _finite(found: NDArray[Any]) -> NDArray[Any]:
    """The numbers cut off at the largest, in place; what is none is 0."""
    found.clip(-_LARGEST, _LARGEST, out=found)
    none = np.isnan(found)
    if none.any():
        found[none] = 0
    return found


def read_codes(text_pages: list[Any]) -> TextPages:
    """Ask loaded text pages for their characters."""
    addresses = [ctypes.cast(page, ctypes.c_void_p).value for page in text_pages]
    handles = [ctypes.c_void_p.from_param(address) for address in addresses]
    counts = [max(pdfium.FPDFText_CountChars(page), 0) for page in text_pages]
    first = np.zeros(len(counts) + 1, np.intp)
    first[1:] = np.cumsum(np.array(counts, np.intp) + 1)
    codes = np.zeros(first[-1], np.uint16)
    for handle, count, start in zip(handles, counts, first.tolist(), strict=False):
        room = ctypes.c_void_p(codes.ctypes.data + 2 * start)
        if count and _get_text(handle, 0, count, room) != count + 1:
            # pdfium leaves control characters out of the text, so that places no longer agree.
            found = np.fromiter(map(_unicode, repeat(handle), range(count)), np.uint32, count)
            codes[start : start + count] = np.minimum(found, 0xFFFF)
    codes[first[1:] - 1] = ord("\n")
    return TextPages(handles, first, codes)
