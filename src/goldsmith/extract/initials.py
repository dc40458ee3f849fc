"""Dropped initials: a large letter beside the first lines of a paragraph begins the first of them.

By its baseline such a letter is of the last line beside it ("Opressure" for "Over ... pressure").
`place_initials` takes it out of the row it is in and puts it before the word it begins, joined to
it only if the two abut and the page says no space; else it is a row of its own. The lines
beside it are of one paragraph: they remember the letter's edge as theirs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from goldsmith.extract.rows import Row
from goldsmith.extract.segments import View

_LARGE = 1.8  # times the typical size of the pages' text
_MOST = 20  # of a column; letters of a map or a poster are no initials
_LETTERS = 2  # at the most: an initial with its quotation mark
_CAPITAL = 0.72  # of the size that a capital is high
_ABUTS = 0.3  # type sizes between an initial and the rest of its word
_LEVEL = 0.4  # type sizes that a large letter may be off the baseline of its row
_NEAR = 1.5  # type sizes between an initial and the lines beside it


def find_initials(view: View, formal: list[bool]) -> frozenset[int]:
    """The segments that may be dropped initials: few letters, much larger than the rest.

    ``formal`` says of each font whether it is made for formulas; such letters are operators.
    """
    s = view.segments
    typical = float(np.partition(s.size, len(s.size) // 2)[len(s.size) // 2])
    large = np.flatnonzero((s.weight <= _LETTERS) & (s.size > _LARGE * typical))
    return frozenset(
        one
        for one in large.tolist()
        if not formal[view.font[one]] and _text(view, one)[-1:].isalpha()
    )


def place_initials(view: View, rows: list[Row], initials: frozenset[int]) -> list[Row]:
    """The rows of one column, from top to bottom, with its initials before the words they begin."""
    if not initials:
        return rows
    found = [one for row in rows for one in row.members if one in initials]
    for one in found if len(found) <= _MOST else ():
        (holder,) = (row for row in rows if one in row.members)
        rows = _placed(view, rows, holder, one)
    return rows


def _placed(view: View, rows: list[Row], holder: Row, one: int) -> list[Row]:
    beside = [row for row in rows if _is_beside(view, row, one)]
    if len(beside) < 2:
        return _apart(view, rows, holder, one)
    first = min(beside, key=lambda row: row.base)
    s = view.segments
    edge = s.x0s[one]
    after = min(_others(first, one), key=s.x0s.__getitem__)
    abuts = s.x0s[after] - s.x1s[one] <= _ABUTS * first.size and view.after[after] != 1
    result: list[Row] = []
    for row in rows:
        here = _others(row, one)
        if row is first:
            alone = [] if abuts else [replace(row, members=[one], size=s.sizes[one])]
            result += [*alone, replace(row, members=[one, *here] if abuts else here, edge=edge)]
            result[-1].begun = abuts
        elif here:
            kept = replace(row, members=here) if row is holder else row
            result.append(replace(kept, edge=edge) if row in beside else kept)
    return result


def _apart(view: View, rows: list[Row], holder: Row, one: int) -> list[Row]:
    """The rows, with a large letter that is on none of the baselines in a row of its own."""
    s = view.segments
    others = _others(holder, one)
    if not others or abs(s.bases[one] - holder.base) < _LEVEL * holder.size:
        return rows
    alone = replace(holder, members=[one], base=s.bases[one], size=s.sizes[one])
    kept = replace(holder, members=others)
    parts = [alone, kept] if alone.base < holder.base else [kept, alone]
    return [part for row in rows for part in (parts if row is holder else [row])]


def _is_beside(view: View, row: Row, one: int) -> bool:
    """Whether a row begins right of an initial, between its top and its foot."""
    s = view.segments
    foot, size = s.bases[one], row.size
    if not foot - _CAPITAL * s.sizes[one] < row.base - 0.3 * size < foot:
        return False
    others = _others(row, one)
    if not others or s.sizes[one] < _LARGE * size:
        return False
    gap = min(s.x0s[other] for other in others) - s.x1s[one]
    return -0.2 * size <= gap <= _NEAR * size


def _others(row: Row, one: int) -> list[int]:
    return [member for member in row.members if member != one]


def _text(view: View, segment: int) -> str:
    return view.text[view.at[view.start[segment]] : view.to[view.end[segment] - 1]]
