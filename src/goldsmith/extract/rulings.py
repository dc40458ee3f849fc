"""The ruling lines of a page, and the lattices they make: what parts the cells of ruled tables.

`read_rulings` takes thin rectangles, strokes and the sides of drawn boxes from the page's paths, in
displayed points. `find_lattices` puts those that touch together: a lattice has places of columns
and rows, and walls between its places, so that merged cells are known. Curves, slanted lines and
paths inside form objects are not looked at; a page with more rulings than a table needs has none.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.extract.characters import Frame

_OBJECTS = 20_000  # of a page that are looked at
_PATHS = 2_000  # of a page; a drawing has more
_POINTS = 4_000  # of all its paths
_RULINGS = 400  # in one direction, once pieces of one line are joined
_THIN = 2.5  # points that a rectangle is thick at the most, to be a line
_SHORT = 5.0  # points that a ruling is long at the least
_SAME = 3.0  # points between two rulings that are one, and between lines that touch


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


def read_rulings(page: Any, frame: Frame) -> tuple[list[Ruling], list[Ruling]]:
    """The level and the upright rulings of a loaded page."""
    count = pdfium.FPDFPage_CountObjects(page)
    if not 0 < count <= _OBJECTS:
        return [], []
    handle = ctypes.cast(page, ctypes.c_void_p)
    objects = [ctypes.c_void_p(one) for one in map(_object, repeat(handle), range(count))]
    types = map(_type, objects)
    paths = [
        one for one, kind in zip(objects, types, strict=True) if kind == pdfium.FPDF_PAGEOBJ_PATH
    ]
    if len(paths) > _PATHS:
        return [], []
    a, b, c, d, e, f = frame.shown
    sides = (ctypes.c_float * 4)()
    slots = [ctypes.byref(sides, 4 * side) for side in range(4)]
    level: list[Ruling] = []
    upright: list[Ruling] = []
    points = 0
    for path in paths:
        if not _bounds(path, *slots):
            continue
        left, bottom, right, top = sides
        lines = [(left, bottom, right, top)]
        if min(right - left, top - bottom) > _THIN:
            lines = _sides(ctypes.cast(path, pdfium.FPDF_PAGEOBJECT), _POINTS - points)
            points += len(lines)
        for x0, y0, x1, y1 in lines:
            u0, u1 = sorted((a * x0 + c * y0 + e, a * x1 + c * y1 + e))
            v0, v1 = sorted((b * x0 + d * y0 + f, b * x1 + d * y1 + f))
            if v1 - v0 <= _THIN and u1 - u0 >= _SHORT:
                level.append(Ruling((v0 + v1) / 2, u0, u1))
            elif u1 - u0 <= _THIN and v1 - v0 >= _SHORT:
                upright.append(Ruling((u0 + u1) / 2, v0, v1))
    return _joined(level), _joined(upright)


def _sides(path: Any, most: int) -> list[tuple[float, float, float, float]]:
    """The straight lines of a path in page space; none of one with curves, or that is not drawn."""
    count = pdfium.FPDFPath_CountSegments(path)
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not 1 < count <= most or not pdfium.FPDFPath_GetDrawMode(path, fill, stroke):
        return []
    if not fill.value and not stroke.value:
        return []
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(path, matrix)
    lines: list[tuple[float, float, float, float]] = []
    start = before = (0.0, 0.0)
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            return []
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        here = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = here
        else:
            lines.append((*before, *here))
        before = here
        if pdfium.FPDFPathSegment_GetClose(segment):
            lines.append((*before, *start))
            before = start
    return lines


def _joined(rulings: list[Ruling]) -> list[Ruling]:
    """The rulings with those that continue or double each other as one; none if too many are left.

    Rulings at places of less than `_SAME` from the first one are at the same place.
    """
    whole: list[Ruling] = []
    here: list[Ruling] = []
    for ruling in [*sorted(rulings), Ruling(float("inf"), 0.0, 0.0)]:
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
