"""Rows that are parts of one formula, put together again.

Numerators, denominators, limits of sums, matrix rows and high exponents have baselines of their
own, so a page seen row by row tears formulas apart. But they are drawn in the order in which a
formula is read: what is drawn between two parts of a row, close above or below it, belongs there.
So such rows are taken into the row whose drawing they interrupt, and that row is read in the order
of drawing. Rows drawn one after the other (all running text, most tables) are never touched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from goldsmith.extract.rows import Row, is_gapped
from goldsmith.extract.segments import View

_MATHEMATICAL = re.compile(
    r"^(?:cm(?:mi|sy|ex|bsy)|msam|msbm|eufm|euex|rsfs|wasy|lasy|stmary|esint|txsy|pxsy|lm.*math|mtex|mtmi|mtsy)"
    r"|math|euclid|mt.?extra|stix",
    re.IGNORECASE,
)
_NEAR = 0.95  # type sizes between the baselines of a row and of a fraction's half
_LIMIT = 1.2  # the same for marks and for what is set smaller
_FAR = 1.75  # the same for limits and matrices, where the font or the size says mathematics
_SMALLER = 0.86
_BACK = 1.5  # widths of a formula that its drawing may go back in all
_SIGNS = 0.6  # share of the parts in the fonts of formulas that makes a display equation
_DENSE = 0.8  # share of what is drawn between two parts of a formula that stands near it
_LOOK = 4  # rows above and below that are looked at


@lru_cache(maxsize=1024)
def is_mathematical(font: str) -> bool:
    """Whether a font is made for formulas."""
    return _MATHEMATICAL.search(font) is not None


def join_formulas(view: View, rows: list[Row], formal: list[bool]) -> list[Row]:
    """Return the rows with those that are parts of a formula joined to the row they belong to.

    ``rows`` are of one column, from top to bottom; ``formal`` says of each font of the pages
    whether it is mathematical.
    """
    bounds = [
        (min(row.members), max(row.members)) if len(row.members) > 1 else (row.members[0],) * 2
        for row in rows
    ]
    if all(before[1] < after[0] for before, after in pairwise(bounds)):
        return rows
    signs = [any(formal[view.font[member]] for member in row.members) for row in rows]
    if not any(signs):
        return rows
    weight = view.segments.weights
    tiny = [sum([weight[member] for member in row.members]) <= 2 for row in rows]
    widths = [_width(view, row) for row in rows]
    gapped = [is_gapped(view, row) for row in rows]
    widest = sorted(range(len(rows)), key=lambda index: (widths[index], index))
    owner = list(range(len(rows)))
    for one in widest:
        low, high = bounds[one]
        best, least = None, 0.0
        for other in range(max(one - _LOOK, 0), min(one + _LOOK + 1, len(rows))):
            if bounds[other][0] > high or bounds[other][1] < low - 2:
                continue  # drawn before or after
            if other == one or (widths[other], other) < (widths[one], one):
                continue
            away = abs(rows[other].base - rows[one].base) / rows[other].size
            small = rows[one].size < _SMALLER * rows[other].size
            formula = signs[one] or (signs[other] and (small or tiny[one]))
            if not formula and gapped[other]:
                continue  # cells of a table
            if away > (_FAR if formula else _LIMIT if small or tiny[one] else _NEAR):
                continue
            woven = _woven(bounds[one], bounds[other], formula)
            if not woven and not (formula and away <= _LIMIT and _follows(view, rows, one, other)):
                continue
            if not _near_in_drawing(rows, bounds, one, other):
                continue
            if best is None or away < least:
                best, least = other, away
        if best is not None:
            owner[one] = best
    return _merged(view, rows, owner, formal)


def _width(view: View, row: Row) -> float:
    x0, x1 = view.segments.x0s, view.segments.x1s
    return sum(x1[member] - x0[member] for member in row.members)


def _woven(one: tuple[int, int], other: tuple[int, int], formula: bool) -> bool:
    """Whether a row is drawn in the midst of another; rows are their first and last segment.

    In a formula either may begin.
    """
    low, high = other
    if formula:
        return one[0] < high and one[1] > low
    return low < one[0] and one[1] < high


def _follows(view: View, rows: list[Row], one: int, other: int) -> bool:
    """Whether a row is one or two parts drawn right after, and right of, the end of another."""
    x0, x1 = view.segments.x0s, view.segments.x1s
    members, end = rows[one].members, max(rows[other].members)
    near = min(members) <= end + 2 and max(members) <= end + 2 and end < min(members)
    return near and min(x0[member] for member in members) > x1[end] - 0.3 * rows[other].size


def _near_in_drawing(rows: list[Row], bounds: list[tuple[int, int]], one: int, other: int) -> bool:
    """Whether hardly anything but the rows around is drawn between the parts of the two rows."""
    low, high = min(bounds[one][0], bounds[other][0]), max(bounds[one][1], bounds[other][1])
    near = rows[max(min(one, other) - _LOOK, 0) : max(one, other) + _LOOK + 1]
    found = sum(low <= member <= high for row in near for member in row.members)
    return found >= _DENSE * (high - low + 1)


def _merged(view: View, rows: list[Row], owner: list[int], formal: list[bool]) -> list[Row]:
    groups: dict[int, list[int]] = {}
    parts: dict[int, list[int]] = {}
    for index in range(len(rows)):
        root = index
        while owner[root] != root:
            root = owner[root]
        groups.setdefault(root, []).extend(rows[index].members)
        parts.setdefault(root, []).append(index)
    result = []
    for index, row in enumerate(rows):
        if owner[index] == index:
            members = sorted(groups[index])
            drawn = len(members) > len(row.members) and _readable(view, members)
            if drawn:
                signs = sum(formal[view.font[member]] for member in members)
                hint = "equation" if signs > _SIGNS * len(members) else None
                band = row.y0, row.y1, row.base, row.size
                result.append(Row(members, *band, drawn=True, hint=hint))
            else:
                result += [rows[part] for part in parts[index]]
    return result


def _readable(view: View, members: list[int]) -> bool:
    """Whether the order of drawing may be that of reading: it does not go back again and again.

    Some programs draw a formula font by font.
    """
    x0, x1 = view.segments.x0s, view.segments.x1s
    back = sum(max(x1[a] - x0[b], 0.0) for a, b in pairwise(members))
    wide = max(x1[member] for member in members) - min(x0[member] for member in members)
    return back <= _BACK * wide
