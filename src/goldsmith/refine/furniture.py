"""Running heads, footers and page numbers: what a page carries besides its text.

Evidence is of three kinds, and a line needs one of them: the same words (digits aside) at the same
height on several pages; a number that counts with the pages; or, for the line nearest the edge
only, a place set apart from the text together with the words that only furniture has (at the top
of a later page, smaller type will do: a short chapter's head may stand only once). A line counts
as furniture only when every line nearer to the edge does, so that no body text is lost between.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from goldsmith.refine.lines import Line

_ROWS = 4  # from each edge of a page that are looked at
_BAND = 10.0  # points in which the same head may move from page to page
_NUMERAL = r"(?:\d{1,4}|[ivxlcdm]{1,8}|[IVXLCDM]{1,8})"
_BARE = re.compile(
    rf"^[\W_]*(?:(?:page|seite|p\.|pg\.?|s\.)\s*)?(?P<prefix>(?:[A-Z]|\d{{1,3}}|[A-Z][a-z]{{3,12}})\s?[-–]\s?)?"
    rf"(?P<number>{_NUMERAL})[\W_]*$",
    re.IGNORECASE,
)
_OF = re.compile(
    r"^[\W_]*(?:page|seite|p\.|pg\.?|slide|folie)?\s*\d{1,4}\s*(?:of|von|de|/|aus)\s*\d{1,4}[\W_]*$",
    re.IGNORECASE,
)
_PAGE_OF = re.compile(
    r"\b(?:page|seite)\s+\d{1,4}(?:\s*(?:of|von|/)\s*\d{1,4})?\W*$", re.IGNORECASE
)
_FIRST = re.compile(rf"^\W*({_NUMERAL})(?=[\s|·•.–-])")
_LAST = re.compile(rf"(?:^|[\s|·•–-])({_NUMERAL})\W*$")
_WORDS = re.compile(
    r"©|\(c\)\s*(?:19|20)\d\d|copyright|all rights reserved|\bissn\b|\bisbn\b|\bdoi\b|doi\.org|"
    r"\bvol(?:ume|\.)?\s*\d|\bno\.\s*\d|downloaded|www\.|https?://|arxiv:|proceedings of|"
    r"\bpp?\.\s*\d|confidential|draft|preprint|\bversion\s+\d|published (?:by|online)|"
    r"distribution (?:statement|unlimited|restriction)|licensed? (?:to|under)|lizenz",
    re.IGNORECASE,
)
_STAMP = re.compile(r"^\s*arXiv:\s?[\w.\-/]+v\d+\b.{0,60}$")
_NUMBERED_HEAD = re.compile(
    r"^\W*(?:(?P<before>[3-9]\d|\d{3,4})\s+[^a-z\d]{6,60}(?:\W*\[?\w{1,3}\.\s?[IVXLC\d]+\W*)?|"
    r"(?:\W*\[?\w{1,3}\.\s?[IVXLC\d]+\W*)?[^a-z\d]{6,60}\s(?P<after>[3-9]\d|\d{3,4}))\W*$"
)
_MARGIN = 0.06  # of the height of a page: what stands alone in it is no text
_SIDE = 30.0  # points from the left edge, the same for text that runs upwards
_MARGIN_CHARACTERS = 200
_MARGIN_SIZE = 1.6  # type sizes of running text that still may stand there
_SMALLER = 0.92  # of the type size of running text
_HEAD_CHARACTERS = 90
_WORD_OF_FOUR = re.compile(r"[^\W\d_]{4}")
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"(?:(?<=\s)|^)[ivxlc]{1,6}(?=\s|$)")


class Verdict(NamedTuple):
    label: str  # HEADER, FOOTER or PAGE_NUMBER
    confidence: float


@dataclass
class _Row:
    """Lines that stand beside each other; ``top`` is the edge they are counted from."""

    lines: list[Line]
    page: int
    top: bool
    rank: int
    gap: float  # points of white to the next row inwards
    middle: float
    keys: list[str] = field(default_factory=list)


def find_furniture(
    lines: Sequence[Line], heights: Mapping[int, float], body: float
) -> dict[str, Verdict]:
    """Return a verdict for each line (by id) that is furniture.

    ``heights`` are page heights in points, as far as they are known; ``body`` is the type size of
    running text.
    """
    pages: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        # A head above a table may have been taken for its first row.
        if line.paged and not line.replaced and (not line.hint or line.hint.startswith("table")):
            pages[line.page].append(line)
    verdicts = {
        line.id: Verdict("HEADER", 0.9)
        for line in lines
        if line.paged and line.page <= 2 and _STAMP.match(line.text)
    }
    verdicts.update(_upright(pages))
    for line in (line for found in pages.values() for line in found):
        rises = line.height > 2.0 * (line.x1 - line.x0)
        if rises and line.x1 <= _SIDE and _WORDS.search(line.text):
            verdicts[line.id] = Verdict("HEADER", 0.8)
    edges: list[list[_Row]] = []
    for page in sorted(pages):
        edges.extend(_edges(pages[page], page, heights.get(page, 0.0)))
    repeated = _repeated(edges, len(pages))
    counted = _counted(edges, len(pages))
    bands = _bands(edges, repeated, counted, len(pages))
    for rows in edges:
        alone = _alone(rows, heights.get(rows[0].page, 0.0) if rows else 0.0, body or 10.0)
        for row in rows:
            if row.rank < alone:
                label = "HEADER" if row.top else "FOOTER"
                for line in row.lines:
                    bare = _BARE.match(line.text) or _OF.match(line.text)
                    verdicts[line.id] = Verdict("PAGE_NUMBER" if bare else label, 0.75)
                continue
            height = heights.get(row.page, 0.0)
            first = row.page == min(pages)
            found = _judge(row, first, repeated, counted, bands, body, height, len(pages))
            if found is None or (len(found) < len(row.lines)):
                break
            verdicts.update(found)
    return verdicts


def _alone(rows: Sequence[_Row], height: float, body: float) -> int:
    """How many of the outermost rows stand by themselves in the margin, far from the text.

    The evidence of a single page: nothing but furniture is printed there.
    """
    characters = 0
    for row in rows:
        characters += sum(len(line.text) for line in row.lines)
        inside = row.middle < _MARGIN * height if row.top else row.middle > (1 - _MARGIN) * height
        worded = [line for line in row.lines if any(map(str.isalnum, line.text))]
        large = any(line.size > _MARGIN_SIZE * body for line in worded)
        if not height or not inside or large or characters > _MARGIN_CHARACTERS:
            break
        if row.gap > 1.5 * body:
            return row.rank + 1
    return 0


def _upright(pages: Mapping[int, list[Line]]) -> dict[str, Verdict]:
    """Lines that run up the side of several pages with the same words at the same place."""
    places: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for page in sorted(pages):
        for line in pages[page]:
            if line.height > 2.0 * (line.x1 - line.x0) and len(line.text) >= 5:
                places[_key(line.text), round(line.x0 / _BAND)].append(line)
    return {
        line.id: Verdict("HEADER", 0.95)
        for found in places.values()
        if len({line.page for line in found}) >= 3
        for line in found
    }


def _edges(lines: list[Line], page: int, height: float) -> list[list[_Row]]:
    """The outermost rows of a page from its top and from its bottom."""
    ordered = sorted(lines, key=lambda line: ((line.y0 + line.y1) / 2, line.x0, line.order))
    rows: list[list[Line]] = []
    for line in ordered:
        middle = (line.y0 + line.y1) / 2
        if rows and middle < rows[-1][0].y1 and middle - _middle(rows[-1][0]) < 0.5 * line.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    if len(rows) < 2:
        return []
    edges = []
    for top in (True, False):
        side = rows if top else rows[::-1]
        found = []
        for rank, row in enumerate(side[: min(_ROWS, len(rows) - 1)]):
            middle = _middle(row[0])
            if height and not (middle < 0.2 * height if top else middle > 0.8 * height):
                break
            inner = side[rank + 1]
            if top:
                gap = min(line.y0 for line in inner) - max(line.y1 for line in row)
            else:
                gap = min(line.y0 for line in row) - max(line.y1 for line in inner)
            keys = [_key(line.text) for line in row]
            found.append(_Row(row, page, top, rank, gap, middle, keys))
        edges.append(found)
    return edges


def _middle(line: Line) -> float:
    return (line.y0 + line.y1) / 2


def _key(text: str) -> str:
    """The words of a head without what changes from page to page."""
    key = _DIGITS.sub("#", " ".join(text.lower().split()))
    return _ROMAN.sub("#", key)


def _repeated(
    edges: list[list[_Row]], pages: int
) -> dict[tuple[bool, str], list[tuple[int, float]]]:
    """Where each head stands, for the heads that stand on several pages."""
    places: dict[tuple[bool, str], list[tuple[int, float]]] = defaultdict(list)
    for rows in edges:
        for row in rows:
            for key in row.keys:
                if re.search(r"[^\W\d_]{2}", key):
                    places[row.top, key].append((row.page, row.middle))
    least = 2 if pages <= 6 else 3
    return {key: found for key, found in places.items() if len({p for p, _ in found}) >= least}


def _counted(edges: list[list[_Row]], pages: int) -> set[tuple[int, bool, int]]:
    """(page, top, rank) of the rows that hold a number which counts with the pages."""
    found: dict[tuple[bool, str, int], set[tuple[int, int]]] = defaultdict(set)
    for rows in edges:
        for row in rows:
            for line in row.lines:
                for prefix, value in _numbers(line.text):
                    found[row.top, prefix, value - row.page].add((row.page, row.rank))
    counted: set[tuple[int, bool, int]] = set()
    for (top, prefix, _), places in sorted(found.items()):
        numbers = sorted({page for page, _ in places})
        near = sum(b - a <= 2 for a, b in itertools.pairwise(numbers))
        least = 2 if prefix or pages <= 6 else 3
        if len(numbers) >= least and near >= least - 1:
            counted.update((page, top, rank) for page, rank in places)
    return counted


def _numbers(text: str) -> list[tuple[str, int]]:
    bare = _BARE.match(text)
    if bare is not None:
        value = _value(bare.group("number"))
        prefix = re.sub(r"\W", "", bare.group("prefix") or "").lower()
        return [(prefix and f"{prefix}-", value)] if value else []
    found = []
    for pattern in (_FIRST, _LAST):
        match = pattern.search(text)
        if match is not None and (value := _value(match.group(1))):
            found.append(("", value))
    return found


def _value(numeral: str) -> int:
    if numeral.isdecimal():
        return int(numeral)
    digits = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
    values = [digits[letter] for letter in numeral.lower()]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _bands(
    edges: list[list[_Row]],
    repeated: Mapping[tuple[bool, str], list[tuple[int, float]]],
    counted: set[tuple[int, bool, int]],
    pages: int,
) -> set[tuple[bool, int]]:
    """Heights (in whole points) at which the outermost row of many pages is furniture."""
    votes: Counter[tuple[bool, int]] = Counter()
    for rows in edges:
        for row in rows[:1]:
            known = (row.page, row.top, row.rank) in counted
            if known or any((row.top, key) in repeated for key in row.keys):
                votes[row.top, round(row.middle)] += 1
    least = max(3, 0.2 * pages)
    return {place for place, count in votes.items() if count >= least}


def _judge(
    row: _Row,
    first: bool,
    repeated: Mapping[tuple[bool, str], list[tuple[int, float]]],
    counted: set[tuple[int, bool, int]],
    bands: set[tuple[bool, int]],
    body: float,
    height: float,
    pages: int,
) -> dict[str, Verdict] | None:
    """Verdicts for the lines of a row, or None when it is text; ``first``: of the first page."""
    edge = "HEADER" if row.top else "FOOTER"
    band = any((row.top, round(row.middle) + move) in bands for move in (-2, -1, 0, 1, 2))
    counts = (row.page, row.top, row.rank) in counted
    size = body or 10.0
    outer = (not height) or (row.middle < 0.1 * height if row.top else row.middle > 0.9 * height)
    apart = row.gap > 1.2 * size
    short = sum(len(line.text) for line in row.lines) <= 160
    small = all(line.size <= 1.1 * size for line in row.lines)
    found: dict[str, Verdict] = {}
    for line, key in zip(row.lines, row.keys, strict=True):
        same = sum(
            abs(middle - row.middle) <= _BAND and page != row.page
            for page, middle in repeated.get((row.top, key), ())
        )
        bare = _BARE.match(line.text) is not None
        # Titles of slides repeat too; a head in larger type must be on many pages.
        if line.size > 1.15 * size and same < max(3, 0.3 * pages) and not bare:
            same = 0
        if _OF.match(line.text):
            found[line.id] = Verdict("PAGE_NUMBER", 0.97)
        elif bare and counts:
            found[line.id] = Verdict("PAGE_NUMBER", 0.98)
        elif same >= 1:
            found[line.id] = Verdict(edge, 0.99 if same >= 3 else 0.85)
        elif counts and short and (band or apart or row.gap > 0.6 * size):
            found[line.id] = Verdict(edge, 0.9)
        elif band and row.rank == 0 and small and short and row.gap > 0.4 * size:
            found[line.id] = Verdict("PAGE_NUMBER" if bare else edge, 0.8)
        elif bare and row.rank <= 1 and apart and outer and len(row.lines) == 1:
            found[line.id] = Verdict("PAGE_NUMBER", 0.7)
        elif row.top and outer and row.rank <= 1 and _NUMBERED_HEAD.match(line.text):
            found[line.id] = Verdict("HEADER", 0.7)
        elif (
            apart
            and outer
            and small
            and short
            and row.rank <= 1
            and (_WORDS.search(line.text) or _PAGE_OF.search(line.text))
        ):
            found[line.id] = Verdict(edge, 0.7)
        elif row.top and not first and row.rank == 0 and apart and outer and _is_head(line, size):
            found[line.id] = Verdict("HEADER", 0.6)
    return found or None


def _is_head(line: Line, body: float) -> bool:
    """A few words in smaller type than the text, and no sentence: a head that stands only once."""
    text = line.text.strip()
    return (
        line.size <= _SMALLER * body
        and len(text) <= _HEAD_CHARACTERS
        and _WORD_OF_FOUR.search(text) is not None
        and not text[0].islower()
        and text[-1] not in ".:;,!?"
    )
