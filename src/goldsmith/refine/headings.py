"""Levels of headings and the path of headings above a passage.

What the format says wins, then numbering ("2.1" lies one below "2"), then type: larger type stands
higher. A document's title takes the first level and moves the others down; so does a heading that
is larger than the numbered ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from goldsmith.refine.lines import Line
from goldsmith.refine.structure import NUMBERED

_DEEPEST = 6


class Levels:
    """Gives the headings of one document their levels and follows their path in order."""

    def __init__(self, headings: Sequence[Line], titled: bool = False) -> None:
        """``headings`` are the first lines of the document's headings, in order.

        ``titled``: besides them there is a title, which stands above them all.
        """
        plain = [line for line in headings if not line.level]
        # A size that only one heading has (a cover, a label in a figure) makes no level of its own.
        counts = Counter(_size(line) for line in plain)
        self._sizes = [size for size, count in counts.items() if count > 1]
        numbered = [line for line in plain if _depth(line)]
        least = min((_depth(line) for line in numbered), default=0)
        largest = max((_size(line) for line in numbered if _depth(line) == least), default=0.0)
        titles = [line for line in plain if not _depth(line) and _size(line) > largest]
        self._base = 1 if titled or (numbered and titles) else 0
        self._highest = 2 if titled else 1
        self._stack: list[tuple[int, str]] = []

    def of(self, line: Line) -> int:
        """Return the level, 1 to 6, of the heading that starts with this line."""
        if line.level:
            return min(line.level, _DEEPEST)
        depth = _depth(line)
        if depth:
            return min(self._base + depth, _DEEPEST)
        return min(self._highest + sum(size > _size(line) for size in self._sizes), _DEEPEST)

    def path(self, level: int, text: str) -> list[str]:
        """Return the path that holds for the next passage, a heading when ``level`` is not 0."""
        if level:
            while self._stack and self._stack[-1][0] >= level:
                self._stack.pop()
            self._stack.append((level, text))
        return [text for _, text in self._stack]


def _size(line: Line) -> float:
    """Type size in points to a half; bold type counts a little more than plain."""
    return round(line.size * 2) / 2 + (0.25 if line.bold else 0.0)


def _depth(line: Line) -> int:
    """Depth of a decimal number before the heading, 0 without one."""
    found = NUMBERED.match(line.text)
    number = found.group("number") if found else None
    return number.count(".") + 1 if number else 0
