"""The ruling lines of a page, and the lattices they make: what parts the cells of ruled tables.

`read_rulings` takes thin rectangles, strokes and the sides of drawn boxes from the page's paths, in
displayed points. `find_lattices` puts those that touch together: a lattice has places of columns
and rows, and walls between its places, so that merged cells are known. Curves, slanted lines and
paths inside form objects are not looked at; a page with more rulings than a table needs has none.
"""

from __future__ import annotations

import ctypes
from collections import deque
from dataclasses import dataclass
from itertools import compress, repeat, starmap
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.extract.characters import Frame

_OBJECTS = 6_000  # of a page that are looked at
_PATHS = 800  # of a page; a drawing has more
_POINTS = 2_000  # of all its paths
_RULINGS = 400  # in one direction, once pieces of one line are joined
_THIN = 2.5  # points that a rectangle is thick at the most, to be a line
_SHORT = 5.0  # points that a ruling is long at the least
_LOW = 7.0  # points that a box is high and wide at the least, to be a cell
_PIECES = 1_200  # of rulings on a page; a drawing has more
_LEAST = 4  # rulings of a page with a table
_SAME = 3.0  # points between two rulings that are one, and between lines that touch


Side = tuple[float, float, float, float]  # from x, y to x, y


class Ruling(NamedTuple):
    """A line along one axis: its place on the other, and from where to where it runs."""

    place: float
    low: float
    high: float


@dataclass(frozen=True)
class Lattice:
    """c columns between ``xs`` (c + 1) and r rows between ``ys`` (r + 1), in displayed points.

    ``upright`` (r, c - 1) says where a wall stands between neighbours in a row, ``level``
    (r - 1, c) between neighbours in a column.
    """

    xs: list[float]
    ys: list[float]
    upright: NDArray[np.bool_]
    level: NDArray[np.bool_]

    def columns(self, row: int, column: int) -> tuple[int, int]:
        """The first and last column of the cell at this place."""
        first = last = column
        while first > 0 and not self.upright[row, first - 1]:
            first -= 1
        while last < len(self.xs) - 2 and not self.upright[row, last]:
            last += 1
        return first, last

    def top(self, row: int, column: int) -> int:
        """The first row of the cell at this place."""
        while row > 0 and not self.level[row - 1, column]:
            row -= 1
        return row


# Addresses in and out, with the interpreter's lock held: see `calls`.
def _raw(function: Any, result: Any) -> Any:
    return ctypes.PYFUNCTYPE(result)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_object = _raw(pdfium.FPDFPage_GetObject, ctypes.c_void_p)
_type = _raw(pdfium.FPDFPageObj_GetType, ctypes.c_int)
_bounds = _raw(pdfium.FPDFPageObj_GetBounds, ctypes.c_int)
_count = _raw(pdfium.FPDFPath_CountSegments, ctypes.c_int)
_mode = _raw(pdfium.FPDFPath_GetDrawMode, ctypes.c_int)
_matrix = _raw(pdfium.FPDFPageObj_GetMatrix, ctypes.c_int)
_segment = _raw(pdfium.FPDFPath_GetPathSegment, ctypes.c_void_p)
_kind = _raw(pdfium.FPDFPathSegment_GetType, ctypes.c_int)
_point = _raw(pdfium.FPDFPathSegment_GetPoint, ctypes.c_int)
_closes = _raw(pdfium.FPDFPathSegment_GetClose, ctypes.c_int)

_sides = (ctypes.c_float * 4 * _PATHS)()  # where calls write
_slots = [[ctypes.byref(slot, 4 * side) for slot in _sides] for side in range(4)]


def read_rulings(page: Any, frame: Frame) -> tuple[list[Ruling], list[Ruling]]:
    """The level and the upright rulings of a loaded page."""
    count = pdfium.FPDFPage_CountObjects(page)
    if not 0 < count <= _OBJECTS:
        return [], []
    handle = ctypes.cast(page, ctypes.c_void_p)
    objects = list(map(ctypes.c_void_p, map(_object, repeat(handle), range(count))))
    paths = list(compress(objects, map(pdfium.FPDF_PAGEOBJ_PATH.__eq__, map(_type, objects))))
    if not 0 < len(paths) <= _PATHS:
        return [], []
    ctypes.memset(_sides, 0, ctypes.sizeof(_sides[0]) * len(paths))
    deque(map(_bounds, paths, *_slots), 0)
    boxes = np.nan_to_num(np.ctypeslib.as_array(_sides)[: len(paths)].astype(np.float64))
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    lines = [boxes[np.minimum(wide, high) <= _THIN]]
    left = _POINTS
    for place in np.flatnonzero(np.minimum(wide, high) >= _LOW).tolist():
        found, asked = _drawn(paths[place], left)
        left -= asked
        if found:
            lines.append(np.nan_to_num(np.array(found)))
    sides = np.concatenate(lines).T
    a, b, c, d, e, f = frame.shown
    x, y = a * sides[::2] + c * sides[1::2] + e, b * sides[::2] + d * sides[1::2] + f
    (x0, x1), (y0, y1) = np.sort(x, axis=0), np.sort(y, axis=0)
    flat = (y1 - y0 <= _THIN) & (x1 - x0 >= _SHORT)
    steep = (x1 - x0 <= _THIN) & (y1 - y0 >= _SHORT)
    level = np.stack([(y0 + y1) / 2, x0, x1], axis=1)[flat]
    upright = np.stack([(x0 + x1) / 2, y0, y1], axis=1)[steep]
    if not _LEAST <= len(level) + len(upright) <= _PIECES or not len(level) or not len(upright):
        return [], []
    return _joined(level.tolist()), _joined(upright.tolist())


def _drawn(path: ctypes.c_void_p, most: int) -> tuple[list[Side], int]:
    """The straight lines of a path in page space, and how many of its points were asked for.

    None of one that is not drawn, has curves, or more than ``most`` points.
    """
    count = _count(path)
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not 1 < count <= most or not _mode(path, ctypes.byref(fill), ctypes.byref(stroke)):
        return [], 0
    segments = list(map(ctypes.c_void_p, map(_segment, repeat(path), range(count))))
    kinds = list(map(_kind, segments))
    if pdfium.FPDF_SEGMENT_BEZIERTO in kinds or not (fill.value or stroke.value):
        return [], count
    matrix = pdfium.FS_MATRIX()
    _matrix(path, ctypes.byref(matrix))
    a, b, c, d, e, f = (getattr(matrix, name) for name in "abcdef")
    lines: list[Side] = []
    start = before = (0.0, 0.0)
    x, y = ctypes.c_float(), ctypes.c_float()
    to_x, to_y = ctypes.byref(x), ctypes.byref(y)
    for segment, kind in zip(segments, kinds, strict=True):
        _point(segment, to_x, to_y)
        here = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = here
        else:
            lines.append((*before, *here))
        before = here
        if _closes(segment):
            lines.append((*before, *start))
            before = start
    return lines, count


def _joined(rulings: list[list[float]]) -> list[Ruling]:
    """The rulings with those that continue or double each other as one; none if too many are left.

    Rulings at places of less than `_SAME` from the first one are at the same place.
    """
    whole: list[Ruling] = []
    here: list[Ruling] = []
    for ruling in [*starmap(Ruling, sorted(rulings)), Ruling(float("inf"), 0.0, 0.0)]:
        if here and ruling.place - here[0].place > _SAME:
            place = sum(one.place for one in here) / len(here)
            _, low, high = min(here, key=lambda one: one.low)
            for _, begin, end in sorted(here, key=lambda one: one.low):
                if begin > high + _SAME:
                    whole.append(Ruling(place, low, high))
                    low, high = begin, end
                high = max(high, end)
            whole.append(Ruling(place, low, high))
            here = []
        here.append(ruling)
    return whole if len(whole) <= _RULINGS else []


def find_lattices(level: list[Ruling], upright: list[Ruling]) -> list[Lattice]:
    """The lattices of at least two columns and two rows, from top to bottom."""
    if not level or not upright:
        return []
    h, v = np.array(level), np.array(upright)
    touch = (v[:, 0] >= h[:, 1:2] - _SAME) & (v[:, 0] <= h[:, 2:3] + _SAME)
    touch &= (h[:, :1] >= v[:, 1] - _SAME) & (h[:, :1] <= v[:, 2] + _SAME)
    free = np.ones(len(level), bool)
    found: list[Lattice] = []
    for first in range(len(level)):
        if not free[first]:
            continue
        mine = np.zeros(len(level), bool)
        mine[first] = True
        while True:  # until no more rulings are reached
            across = touch[mine].any(axis=0)
            reached = mine | touch[:, across].any(axis=1)
            if (reached == mine).all():
                break
            mine = reached
        free &= ~mine
        lattice = _lattice(h[mine], v[across])
        if lattice is not None:
            found.append(lattice)
    return sorted(found, key=lambda one: (one.ys[0], one.xs[0]))


def _lattice(h: NDArray[np.float64], v: NDArray[np.float64]) -> Lattice | None:
    if len(h) == 0 or len(v) == 0:
        return None
    xs = _places([*v[:, 0], h[:, 1].min(), h[:, 2].max()])
    ys = _places([*h[:, 0], v[:, 1].min(), v[:, 2].max()])
    if len(xs) < 3 or len(ys) < 3:
        return None
    return Lattice(xs, ys, _walls(v, xs, ys), _walls(h, ys, xs).T)


def _places(values: list[float]) -> list[float]:
    places: list[float] = []
    for value in sorted(map(float, values)):
        if not places or value - places[-1] > _SAME:
            places.append(value)
    return places


def _walls(
    rulings: NDArray[np.float64], places: list[float], others: list[float]
) -> NDArray[np.bool_]:
    """(bands of ``others``, inner ``places``): whether a ruling runs past the band's middle."""
    middle = (np.array(others[1:]) + np.array(others[:-1])) / 2
    inner = np.array(places[1:-1])
    near = np.abs(rulings[:, :1] - inner) <= _SAME
    past = (rulings[:, 1:2] < middle) & (rulings[:, 2:3] > middle)
    walls: NDArray[np.bool_] = (near[:, None, :] & past[:, :, None]).any(axis=0)
    return walls
