"""What the line tagger sees of a document: numbers a line, its words as hashes, its groups.

Everything is computed for a whole document at once, in numpy over its characters and in Arrow's
regular expressions. A line is known by its text, its page, whether it opens a block, and how its
block's type differs from the line's before; no coordinate is used, so that papers labelled by hand
in other tools' layout features and our own ``lines`` give the same numbers. What a page repeats,
which numbers count with the pages and how dense years and initials are around a line is worked out
here; what follows from it is the model's business (`line_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldsmith.refine.line_lexicon import edge_tokens
from goldsmith.refine.line_pages import (
    echoes,
    furniture_company,
    inside_furniture,
    marks_of_pages,
    near_edges,
    page_numbers,
    repeated_lines,
    shared_words,
    title_echoes,
)
from goldsmith.refine.line_text import (
    ENTRY,
    Characters,
    Flags,
    Floats,
    Integers,
    match_patterns,
    number_of,
    read_characters,
)

EDGE = 4  # lines from the top and the foot of a page where numbers are believed

_HEADINGS = {"reference": 21, "annex": 22, "section": 24}  # places in _PATTERNS
_SMOOTHED = (3, 4, 9, 10, 15, 16, 19, 20, 25)
_ENDED, _HYPHEN, _LOWER = 27, 28, 30
_OPENINGS = (11, 12, 13, 14, 15, 16, 17, 18, 30, 31)
_AGREED = 0.65  # what two pages that agree on a number's distance give
_SPANS = (2, 6, 20)  # lines to each side that densities are taken over


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
    [lines, 3] int32: lines of one group say the same or stand at the same place of other pages.
    ``tokens`` [lines, TOKENS] uint32 are what `line_lexicon` may know."""

    dense: Floats
    words: NDArray[np.int32]
    groups: NDArray[np.int32]
    tokens: NDArray[np.uint32]


def line_features(layout: Layout) -> Features:
    """Return what the model reads of one document with at least one line."""
    count = len(layout.texts)
    texts = pa.array(layout.texts, pa.string())
    page = np.asarray(layout.page, np.int64)
    characters = read_characters(layout.texts)
    flags = match_patterns(texts)
    place, top, foot = _places(page, characters.length)
    pages = int(page.max() - page.min()) + 1
    characters = characters._replace(key=marks_of_pages(characters.key, layout.texts, page, pages))
    edge = near_edges(characters.key, page, pages, EDGE)
    repeated = [
        repeated_lines(key, page, edge, top, foot, pages)
        for key in (characters.key, characters.short)
    ]
    numbers = page_numbers(layout.texts, texts, page, edge, pages)
    entries = _entries(texts, page)
    inside = inside_furniture(repeated[0], numbers, page)
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
        inside,
        *(
            _pieces(start, layout.size, page, flags, entries, characters, place)
            for start in (layout.opens, layout.size != 0)
        ),
        echoes(characters.words, top, foot, page),
    ]
    for span in _SPANS:
        columns.append(_smooth(flags[:, _SMOOTHED].astype(np.float32), span))
        columns.append(_smooth(characters.shares[:, :4], span))
    columns.append(_headings(flags))
    numbered = (numbers[:, 3] > _AGREED) & edge
    furniture = (inside[:, 4] > 0) & edge
    columns.append(shared_words(characters.words, page, edge, pages))
    columns.append(furniture_company(characters.key, furniture, numbered, page, place[:, 0]))
    columns.append(title_echoes(characters.words, layout.size, page))
    dense = np.concatenate([np.asarray(c, np.float32).reshape(count, -1) for c in columns], axis=1)
    groups = np.stack(
        [
            np.unique(characters.key, return_inverse=True)[1],
            np.where(top < 6, top, 6),
            np.where(foot < 6, foot, 6),
        ],
        axis=1,
    )
    tokens = edge_tokens(characters, top, foot)
    return Features(dense, characters.words, groups.astype(np.int32), tokens)


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
    return np.asarray(np.stack(columns, axis=1) / 2, np.float32)


def _entries(texts: pa.Array, page: Integers) -> Floats:
    """Whether the number that opens a line follows one shortly before, as entries and notes do."""
    values = number_of(texts, ENTRY)
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
    columns: list[NDArray[Any]] = [
        follows,
        other[:, None],
        (np.log1p(np.maximum(values, 0)) / 3)[:, None],
        _smooth(follows, 6),
        _smooth(follows, 20),
    ]
    return np.concatenate(columns, axis=1)


def _pieces(
    opens: Flags,
    size: Integers,
    page: Integers,
    flags: Flags,
    entries: Floats,
    characters: Characters,
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
