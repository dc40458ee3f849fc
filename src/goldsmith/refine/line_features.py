"""What the line tagger sees of a document: numbers a line, its words as hashes, its groups.

Everything is computed for a whole document at once, in numpy over its characters and in Arrow's
regular expressions. A line is known by its text, its page, whether it opens a block, and how its
block's type differs from the line's before; no coordinate is used, so that papers labelled by hand
in other tools' layout features and our own ``lines`` give the same numbers. What a page repeats,
which numbers count with the pages and how dense years and initials are around a line is worked out
here; what follows from it is the model's business (`line_model`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

BUCKETS = 4096  # that words are hashed to
EDGE = 4  # lines from the top and the foot of a page where numbers are believed
WORDS = 12  # of a line that are looked at: the first eight and the last four

_PATTERNS = (
    r"^\W{0,3}\d(?: ?\d){0,4}\W{0,3}$",
    r"(?i)^\W{0,3}[ivxl]{1,7}\W{0,3}$",
    r"(?i)\b(page|p\.)\s*\d+\b|^\W*\d+\s*(of|/)\s*\d+\W*$|\bpage \d+ of \d+",
    r"\b(1[89]|20)\d\d[a-z]?\b",
    r"\((1[89]|20)\d\d[a-z]?\)",
    r"(?i)https?:|www\.|doi[:. /]|10\.\d{4}/",
    r"\S@\S+\.\w|(?i)e-?mail",
    r"(?i)©|\(c\) ?(19|20)\d\d|copyright|creative commons|licen[sc]e|all rights reserved",
    r"(?i)\bvol(ume|\.)|\bno\.|\bissue\b|\bissn\b|\barxiv:|\bpreprint\b|\bproceedings\b|\bjournal\b",
    r"(?i)\bpp?\.? ?\d+|\d+ ?[-–—] ?\d+|:\d+[-–]\d+",
    r"\bet al\b|\bEt Al\b|\bET AL\b",
    r"(?i)^.{0,4}(received|accepted|published|revised|submitted|available online)\b",
    r"(?i)correspond|present address|to whom|contributed equally|supported by|grant|funded",
    r"(?i)universit|institut|department|laborator|hospital|faculty|school of",
    r"(?i)^\W{0,2}(fig(ure|\.)|table|scheme|supplementary (fig|tab))",
    r"^\W{0,2}\[\w{1,8}\]|^\[[A-Z]\w+\+?\d\d",
    r"^\d{1,3}\.\s",
    r"^\d{1,3}\s+\pL",
    r"^[*†‡§¶#∗⁎]|^[a-z] ?\pL?[A-Z]",
    r"\b\p{Lu}\.[ ,-]|\b\p{Lu}\.?,|\b\p{Lu}{1,2},",
    r"^\p{Lu}[\pL'’-]+,? (\p{Lu}\.|\p{Lu}{1,3}\b)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(references|bibliography|literature cited|works cited|"
    r"references and notes|reference list|cited literature|literatur|notes and references)\W*$",
    r"(?i)^\W{0,2}(appendix|appendices|annex|supplement|supporting information|additional file|"
    r"figure legends?|author contribution|authors? contribution|competing interest|"
    r"conflicts? of interest|tables?$|figures?$)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(acknowledge?ment|funding|data availab|abbreviation)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(introduction|methods?|results?|discussion|conclusions?|"
    r"background|materials? and methods|abstract|summary|keywords?)\b",
    r"(?i)\b(in|eds?\.|press|publ|springer|elsevier|wiley|thesis|proc\.|conf\.|lett\.|phys\.|"
    r"trans\.|rev\.|sci\.|biol\.|chem\.|med\.|nat\.|acad\.)(\W|$)",
    r"(?i)\b(january|february|march|april|may|june|july|august|september|october|november|"
    r"december|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\b",
    r"[.!?]\W{0,2}$",
    r"[-\x{2010}\x{ad}]$",
    r"[,;:]$",
    r"^\p{Ll}",
    r"^\p{Lu}",
    r"(?i)downloaded|author manuscript|page number not for|for personal use|nih-pa|peer review",
)
_HEADINGS = {"reference": 21, "annex": 22, "section": 24}  # places in _PATTERNS
_SMOOTHED = (3, 4, 9, 10, 15, 16, 19, 20, 25)
_ENDED, _HYPHEN, _LOWER = 27, 28, 30
_OPENINGS = (11, 12, 13, 14, 15, 16, 17, 18, 30, 31)
_SPANS = (2, 6, 20)  # lines to each side that densities are taken over

_BARE = r"^\W{0,3}(?P<n>\d(?: ?\d){0,4})\W{0,3}$"
_LEAD = r"^\W{0,3}(?:(?i)page |p\. ?)?(?P<n>\d{1,5})(?:[^\w.]|\. |$)"
_TRAIL = r"(?:^|[^\w.])(?P<n>\d{1,5})\W{0,3}$"
_ENTRY = r"^\W{0,2}(?P<n>\d{1,3})[\]\.)]?(?:\s|$|\pL)"
_ROMAN = re.compile(r"^\W*([ivxl]{1,7}|[IVXL]{1,7})\W*$")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50}


@dataclass(frozen=True)
class Layout:
    """One document's lines in reading order; every array has one value a line.

    ``page`` counts from any number and never falls; ``opens`` marks the first line of a block;
    ``new_font`` and ``size`` (-1 smaller, 0, 1 larger) compare the type of a line's block with the
    line before.
    """

    texts: Sequence[str]
    page: Integers
    opens: Flags
    new_font: Flags
    size: Integers
    bold: Flags
    italic: Flags


class Features(NamedTuple):
    """``dense`` [lines, n] float32, ``words`` [lines, WORDS] int32 (0 for none), ``groups``
    [lines, 3] int32: lines of one group say the same or stand at the same place of other pages."""

    dense: Floats
    words: NDArray[np.int32]
    groups: NDArray[np.int32]


def line_features(layout: Layout) -> Features:
    """Return what the model reads of one document with at least one line."""
    count = len(layout.texts)
    texts = pa.array(layout.texts, pa.string())
    page = np.asarray(layout.page, np.int64)
    characters = _characters(layout.texts)
    flags = np.stack(
        [_flags(pc.match_substring_regex(texts, pattern)) for pattern in _PATTERNS], axis=1
    )
    place, top, foot = _places(page, characters.length)
    edge = np.minimum(top, foot) < EDGE
    pages = int(page.max() - page.min()) + 1
    repeated = [
        _repeated(key, page, edge, top, foot, pages) for key in (characters.key, characters.short)
    ]
    numbers = _numbers(layout.texts, texts, page, edge, pages)
    entries = _entries(texts, page)
    columns: list[NDArray[Any]] = [
        characters.shares,
        flags,
        place,
        np.stack([layout.opens, layout.new_font, layout.size > 0, layout.size < 0], axis=1),
        np.stack([layout.bold, layout.italic], axis=1),
        _since(layout, page, characters.length),
        *repeated,
        numbers,
        entries,
        _inside(repeated[0], numbers, page),
        *(
            _pieces(start, layout.size, page, flags, entries, characters, place)
            for start in (layout.opens, layout.size != 0)
        ),
        _echoes(characters.words, top, foot, page),
    ]
    for span in _SPANS:
        columns.append(_smooth(flags[:, _SMOOTHED].astype(np.float32), span))
        columns.append(_smooth(characters.shares[:, :4], span))
    columns.append(_headings(flags))
    dense = np.concatenate([np.asarray(c, np.float32).reshape(count, -1) for c in columns], axis=1)
    groups = np.stack(
        [
            np.unique(characters.key, return_inverse=True)[1],
            np.where(top < 6, top, 6),
            np.where(foot < 6, foot, 6),
        ],
        axis=1,
    )
    return Features(dense, characters.words, groups.astype(np.int32))


class _Characters(NamedTuple):
    shares: Floats  # [lines, 12]
    length: Integers  # characters of each line
    key: NDArray[np.uint64]  # of the letters of the line, in lower case
    short: NDArray[np.uint64]  # of its first twelve letters
    words: NDArray[np.int32]  # [lines, WORDS]


@cache
def _classes() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Class of each character of the first plane, and its lower case; digits become "0"."""
    classes = np.zeros(65536, np.uint8)
    lower = np.arange(65536, dtype=np.uint32)
    for code in range(65536):
        character = chr(code)
        if character.isspace():
            classes[code] = 1
        elif character.isdecimal():
            classes[code] = 2
            lower[code] = 48
        elif character.isalpha():
            small = character.lower()
            lower[code] = ord(small[0])
            classes[code] = 4 if character.isupper() else 3
        elif character in ".,;:":
            classes[code] = 5
        elif character in "()[]":
            classes[code] = 6
        else:
            classes[code] = 7
    return classes, lower


def _powers(count: int) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        steps = np.full(max(count, 1), np.uint64(0x100000001B3), np.uint64)
        steps[0] = 1
        return np.cumprod(steps)


def _characters(texts: Sequence[str]) -> _Characters:
    """Counts of kinds of characters, and hashes of each line's letters and words."""
    joined = "\n".join(text.replace("\n", " ") for text in texts) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    table, lowered = _classes()
    codes = np.where(codes < 65536, codes, 0xFFFD)
    kinds, lower = table[codes], lowered[codes].astype(np.uint64)
    ends = np.flatnonzero(codes == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    length = ends - starts
    owner = np.repeat(np.arange(len(ends)), length + 1)
    sums = np.zeros((len(ends), 8), np.float32)
    for kind in range(1, 8):
        total = np.concatenate([[0], np.cumsum(kinds == kind)])
        sums[:, kind] = total[ends] - total[starts]
    sums[:, 1] = np.maximum(sums[:, 1], 0)
    size = np.maximum(length, 1)[:, None]
    shares = np.concatenate(
        [
            sums[:, 2:3] / size,
            sums[:, 4:5] / size,
            sums[:, 5:6] / size,
            np.minimum(length, 160)[:, None] / 80.0,
            sums[:, 3:4] / size,
            sums[:, 6:8] / size,
            np.log1p(sums[:, 1:3]),
            (length < 6)[:, None],
            (length < 25)[:, None],
            sums[:, 4:5] > 0.6 * np.maximum(sums[:, 3:4] + sums[:, 4:5], 1),
        ],
        axis=1,
    ).astype(np.float32)
    letters = np.flatnonzero((kinds == 3) | (kinds == 4))
    of = owner[letters]
    first = np.searchsorted(of, np.arange(len(ends)))
    last = np.searchsorted(of, np.arange(len(ends)), "right")
    at = np.arange(len(letters)) - first[of]
    powers = _powers(int(at.max(initial=0)) + 1)
    with np.errstate(over="ignore"):
        terms = lower[letters] * powers[at]
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        key = total[last] - total[first]
        short = total[np.minimum(first + 12, last)] - total[first]
    lone = last - first < 3  # nothing to recognise: each line its own
    key = np.where(lone, np.arange(len(ends)).astype(np.uint64), key)
    short = np.where(lone, np.arange(len(ends)).astype(np.uint64), short)
    return _Characters(shares, length, key, short, _words(kinds, lower, owner, len(ends)))


def _words(
    kinds: NDArray[np.uint8], lower: NDArray[np.uint64], owner: Integers, count: int
) -> NDArray[np.int32]:
    """Buckets of each line's first eight and last four words."""
    inside = (kinds >= 2) & (kinds <= 4)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.view(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    words = np.zeros((count, WORDS), np.int32)
    if not len(starts):
        return words
    flat = np.flatnonzero(inside)
    sizes = ends - starts
    at = np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    with np.errstate(over="ignore"):
        terms = (lower[flat] + np.uint64(7)) * _powers(int(at.max()) + 1)[at]
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        upto = np.cumsum(sizes)
        hashed = (total[upto] - total[upto - sizes]) * np.uint64(0x9E3779B97F4A7C15)
    buckets = (hashed >> np.uint64(40)) % np.uint64(BUCKETS - 1) + np.uint64(1)
    of = owner[starts]
    first = np.searchsorted(of, np.arange(count))
    last = np.searchsorted(of, np.arange(count), "right")
    rank, back = np.arange(len(of)) - first[of], last[of] - 1 - np.arange(len(of))
    head = rank < WORDS - 4
    words[of[head], rank[head]] = buckets[head]
    tail = ~head & (back < 4)
    words[of[tail], WORDS - 1 - back[tail]] = buckets[tail]
    return words


def _places(page: Integers, length: Integers) -> tuple[Floats, Integers, Integers]:
    """Where each line stands, and its rank from the top and from the foot of its page."""
    count = len(page)
    starts = np.flatnonzero(np.concatenate([[True], page[1:] != page[:-1]]))
    ends = np.concatenate([starts[1:], [count]])
    sizes = ends - starts
    index = np.arange(count)
    top = index - np.repeat(starts, sizes)
    foot = np.repeat(ends, sizes) - 1 - index
    upto = np.cumsum(length + 1)
    before = upto - length - 1
    opened = np.repeat(before[starts], sizes)
    closed = np.repeat(upto[ends - 1], sizes)
    within = (before - opened) / np.maximum(closed - opened, 1)
    number = (page - page[0]).astype(np.float64)
    whole = max(number[-1], 1.0)
    ranks = [top == rank for rank in range(5)] + [foot == rank for rank in range(5)]
    place = [
        within,
        before / upto[-1],
        np.log1p(top) / 3,
        np.log1p(foot) / 3,
        np.log1p((closed - upto) / 80.0),
        np.log1p(np.repeat(sizes, sizes)) / 3,
        number == 0,
        number == 1,
        number == number[-1],
        number / whole,
        np.full(count, np.log1p(whole) / 3),
        page % 2 == page[0] % 2,
        *ranks,
    ]
    return np.stack(place, axis=1).astype(np.float32), top, foot


def _since(layout: Layout, page: Integers, length: Integers) -> Floats:
    """Steps of type size summed down the page, and lines since and until type or block changes."""
    count = len(page)
    starts = np.concatenate([[True], page[1:] != page[:-1]])
    owner = np.cumsum(starts) - 1
    level = np.cumsum(layout.size)
    level = level - level[np.flatnonzero(starts)][owner]
    # Against the level that most of the page's characters have.
    steps = np.clip(level, -8, 8) + 8
    weights = np.zeros((owner[-1] + 1, 17))
    np.add.at(weights, (owner, steps), length)
    columns = [
        np.clip(level, -3, 3),
        np.clip(np.cumsum(layout.size), -4, 4),
        np.clip(steps - weights.argmax(axis=1)[owner], -3, 3),
    ]
    for change in (layout.opens, layout.new_font | (layout.size != 0), layout.size < 0):
        mark = change | starts
        index = np.arange(count)
        last = np.maximum.accumulate(np.where(mark, index, 0))
        after = np.concatenate([mark[1:], [True]])
        until = np.minimum.accumulate(np.where(after, index, count)[::-1])[::-1]
        columns += [np.log1p(index - last), np.log1p(until - index)]
    return np.stack(columns, axis=1).astype(np.float32) / 2


def _repeated(
    key: NDArray[np.uint64], page: Integers, edge: Flags, top: Integers, foot: Integers, pages: int
) -> Floats:
    """On how many pages a key stands, anywhere and near the edges, and on which near ones."""
    _, same = np.unique(key, return_inverse=True)
    width = pages + 5
    code = same * width + (page - page.min()) + 2

    def spread(mask: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = np.unique(code[mask])
        return found, np.bincount(found // width, minlength=int(same.max()) + 1)

    everywhere, anywhere = spread(np.ones(len(key), np.bool_))
    _, edges = spread(edge)
    _, tops = spread(top < 2)
    _, feet = spread(foot < 2)
    columns = [
        np.log1p(anywhere[same]) / 2,
        np.log1p(edges[same]) / 2,
        (edges[same] - 1) / pages,
        np.log1p(tops[same]) / 2,
        np.log1p(feet[same]) / 2,
    ]
    for step in (-2, -1, 1, 2):
        columns.append(np.isin(code + step, everywhere))
    return np.stack(columns, axis=1).astype(np.float32)


def _number(texts: pa.Array, pattern: str) -> Integers:
    """The number that the pattern finds in each line, -1 for none."""
    found = pc.extract_regex(texts, pattern)
    digits = pc.replace_substring(pc.struct_field(found, "n"), " ", "")
    values = pc.cast(digits, pa.int64())
    return np.array(pc.fill_null(values, -1).to_numpy(zero_copy_only=False), np.int64)


def _roman(text: str) -> int:
    total = 0
    values = [_VALUES[letter] for letter in text.lower()]
    for value, after in zip(values, [*values[1:], 0], strict=True):
        total += -value if value < after else value
    return total


def _numbers(
    lines: Sequence[str], texts: pa.Array, page: Integers, edge: Flags, pages: int
) -> Floats:
    """How many pages agree with the distance between a line's number and its page's number."""
    bare = _number(texts, _BARE)
    for index in np.flatnonzero(edge & (bare < 0)):
        if len(lines[index]) < 12 and (found := _ROMAN.match(lines[index])):
            bare[index] = 100_000 + _roman(found.group(1))
    lead, trail = _number(texts, _LEAD), _number(texts, _TRAIL)
    number = page - page.min()
    kinds = [values - number for values in (bare, lead, trail)]
    known = [values >= 0 for values in (bare, lead, trail)]
    width = pages + 1
    pairs = [
        (offset + 10_000)[mask & edge] * width + number[mask & edge]
        for offset, mask in zip(kinds, known, strict=True)
    ]
    columns: list[NDArray[Any]] = []
    pooled = np.unique(np.concatenate(pairs)) // width
    offsets, counts = np.unique(pooled, return_counts=True)
    alone = np.unique(pairs[0]) // width
    bare_offsets, bare_counts = np.unique(alone, return_counts=True)
    for offset, mask in zip(kinds, known, strict=True):
        support = _look(offset + 10_000, offsets, counts) * mask
        strict = _look(offset + 10_000, bare_offsets, bare_counts) * mask
        near = sum(_look(offset + 10_000 + step, offsets, counts) * mask for step in (-2, -1, 1, 2))
        columns += [
            mask,
            np.log1p(support) / 2,
            np.maximum(support - 1, 0) / pages,
            np.log1p(strict) / 2,
            np.log1p(near) / 2,
        ]
    best = counts.max() if len(counts) else 0
    most = bare_counts.max() if len(bare_counts) else 0
    ones = np.ones(len(page))
    columns += [ones * best / pages, ones * most / pages]
    values = np.where(lead >= 0, lead, 0)
    columns += [
        (bare > 0) & (bare <= 2 * pages),
        bare > 100_000,
        np.log1p(values) / 5,
        (lead == number) | (trail == number),
        (lead == number + 1) | (trail == number + 1),
    ]
    # Pages whose number stands at the edge already: a second such line is hardly another.
    return np.stack(columns, axis=1).astype(np.float32)


def _look(values: Integers, keys: Integers, counts: Integers) -> Integers:
    if not len(keys):
        return np.zeros(len(values), np.int64)
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[at] == values, counts[at], 0)


def _entries(texts: pa.Array, page: Integers) -> Floats:
    """Whether the number that opens a line follows one shortly before, as entries and notes do."""
    values = _number(texts, _ENTRY)
    count = len(values)
    follows = np.zeros((count, 2), np.float32)
    numbered = np.flatnonzero(values >= 0)
    for back in range(1, 8):
        here, before = numbered[back:], numbered[:-back] if back else numbered
        step = values[here] == values[before] + 1
        near = step & (here - before < 15)
        follows[here[near], 0] = 1.0
        follows[before[near], 1] = 1.0
    other = np.zeros(count, np.float32)
    for back in range(1, 30):  # notes count on over pages
        here, before = numbered[back:], numbered[:-back]
        step = (values[here] == values[before] + 1) & (page[here] - page[before] <= 3)
        other[here[step & (page[here] > page[before])]] = 1.0
    columns = [
        follows,
        other[:, None],
        (np.log1p(np.maximum(values, 0)) / 3)[:, None],
        _smooth(follows, 6),
        _smooth(follows, 20),
    ]
    return np.concatenate(columns, axis=1)


def _inside(repeated: Floats, numbers: Floats, page: Integers) -> Floats:
    """Lines of text between each line and the edges of its page, furniture aside, and whether the
    page has a line whose number counts better with the pages."""
    support = numbers[:, 3]
    furniture = (repeated[:, 1] > 0.65) | (support > 0.65)
    starts = np.flatnonzero(np.concatenate([[True], page[1:] != page[:-1]]))
    sizes = np.diff(np.append(starts, len(page)))
    owner = np.repeat(np.arange(len(starts)), sizes)
    text = np.cumsum(~furniture)
    opened = np.concatenate([[0], text])[starts][owner]
    closed = text[starts + sizes - 1][owner]
    above, below = text - ~furniture - opened, closed - text
    best = np.maximum.reduceat(support, starts)[owner]
    columns = [
        np.log1p(above) / 2,
        np.log1p(below) / 2,
        above == 0,
        below == 0,
        furniture,
        best,
        best - support,
        np.add.reduceat(furniture, starts, dtype=np.int64)[owner] / 4,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _pieces(
    opens: Flags,
    size: Integers,
    page: Integers,
    flags: Flags,
    entries: Floats,
    characters: _Characters,
    place: Floats,
) -> Floats:
    """What the whole piece around a line is: how long, how it opens, what it stands between.

    A piece is a block, or a run of lines in one size of type; a note breaks into a sentence.
    """
    count = len(page)
    mark = opens | np.concatenate([[True], page[1:] != page[:-1]])
    starts = np.flatnonzero(mark)
    sizes = np.diff(np.append(starts, count))
    owner = np.repeat(np.arange(len(starts)), sizes)
    ends = starts + sizes - 1
    before, after = np.maximum(starts - 1, 0), np.minimum(ends + 1, count - 1)
    same = (starts > 0) & (page[before] == page[starts])
    going = (ends + 1 < count) & (page[after] == page[ends])
    total = np.add.reduceat(characters.length, starts)
    piece = np.stack(
        [
            np.log1p(sizes) / 2,
            np.log1p(total) / 4,
            size[starts],
            np.where(going, size[after], 0),
            same,
            going,
            flags[before, _ENDED],
            flags[before, _HYPHEN],
            flags[after, _LOWER],
            flags[ends, _ENDED],
            *(flags[starts, number] for number in _OPENINGS),
            entries[starts, 0],
            entries[starts, 2],
            place[starts, 0],
            place[ends, 0],
            place[ends, 3],
            np.add.reduceat(characters.shares[:, 0], starts) / sizes,
            np.add.reduceat(characters.shares[:, 4], starts) / sizes,
            np.add.reduceat(flags[:, 3], starts, dtype=np.int64) / sizes,
        ],
        axis=1,
    )
    inner = np.log1p(np.arange(count) - starts[owner])[:, None] / 2
    return np.concatenate([piece[owner], inner], axis=1).astype(np.float32)


def _echoes(words: NDArray[np.int32], top: Integers, foot: Integers, page: Integers) -> Floats:
    """Share of a line's words that the first page's first ten lines hold: titles and authors run
    on as heads."""
    first = (page == page[0]) & (top < 12)
    own = words[first]
    known = np.zeros(BUCKETS, np.bool_)
    known[own.ravel()] = True
    known[0] = False
    held = known[words].sum(axis=1)
    size = np.maximum((words > 0).sum(axis=1), 1)
    return np.stack([held / size, (held == size) & (size > 2)], axis=1).astype(np.float32)


def _smooth(values: NDArray[Any], span: int) -> Floats:
    """Mean over the lines at most ``span`` away, [lines, n]."""
    count = len(values)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    index = np.arange(count)
    low, high = np.maximum(index - span, 0), np.minimum(index + span + 1, count)
    return np.asarray((total[high] - total[low]) / (high - low)[:, None], np.float32)


def _headings(flags: Flags) -> Floats:
    """Lines since and until headings that open a section of entries, an annex, or the text."""
    count = len(flags)
    index = np.arange(count)
    columns: list[NDArray[Any]] = []
    for place in _HEADINGS.values():
        mark = flags[:, place]
        last = np.maximum.accumulate(np.where(mark, index, -1))
        until = np.minimum.accumulate(np.where(mark, index, count)[::-1])[::-1]
        columns += [
            last >= 0,
            np.where(last >= 0, np.log1p(index - last), 8.0) / 4,
            until < count,
            np.where(until < count, np.log1p(until - index), 8.0) / 4,
        ]
    return np.stack(columns, axis=1).astype(np.float32)


def _flags(values: pa.Array) -> Flags:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.bool_)
