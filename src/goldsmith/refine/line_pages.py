"""What the pages of one document have in common: lines, numbers and places that come back.

A running head is what stands on many pages, in full, cut short or with other words around it; a
page number is a number that counts with the pages. Everything here is worked out from a line's key,
words and numbers and from its rank on its page, for a whole document at once. What of it makes a
line a head, a foot or a number is the model's business (`line_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldsmith.refine.line_text import (
    BARE,
    BUCKETS,
    LEAD,
    LETTERS,
    ROMAN,
    TRAIL,
    Flags,
    Floats,
    Integers,
    number_of,
    roman_number,
)


def marks_of_pages(
    key: NDArray[np.uint64], texts: Sequence[str], page: Integers, pages: int
) -> NDArray[np.uint64]:
    """Give lines of a mark or two that stand on half of the pages one key: stamps and watermarks
    are torn into such pieces. Lines with digits or three letters stay as they are."""
    key = key.copy()
    seen: dict[str, list[int]] = {}
    for index in np.flatnonzero(key < len(texts)).tolist():
        text = texts[index].strip()
        if text and not any(character.isdecimal() for character in text):
            seen.setdefault(text, []).append(index)
    for places in seen.values():
        if 2 * len(np.unique(page[places])) >= max(pages, 6):
            key[places] = places[0]
    return key


def near_edges(key: NDArray[np.uint64], page: Integers, pages: int, reach: int) -> Flags:
    """Lines among the first or last ``reach`` of their page, what stands on half of the pages
    aside, and whatever comes before or after them."""
    _, same = np.unique(key, return_inverse=True)
    found = np.unique(same * (pages + 1) + page - page.min()) // (pages + 1)
    often = (2 * np.bincount(found) >= max(pages, 6))[same]
    starts = np.flatnonzero(np.concatenate([[True], page[1:] != page[:-1]]))
    sizes = np.diff(np.append(starts, len(page)))
    total = np.concatenate([[0], np.cumsum(~often)])
    before = total[:-1] - np.repeat(total[starts], sizes)
    after = np.repeat(total[starts + sizes], sizes) - total[1:]
    return np.asarray(np.minimum(before, after) < reach)


def repeated_lines(
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
    columns: list[NDArray[Any]] = [
        np.log1p(anywhere[same]) / 2,
        np.log1p(edges[same]) / 2,
        (edges[same] - 1) / pages,
        np.log1p(tops[same]) / 2,
        np.log1p(feet[same]) / 2,
    ]
    for step in (-2, -1, 1, 2):
        columns.append(np.isin(code + step, everywhere))
    return np.stack(columns, axis=1).astype(np.float32)


def page_numbers(
    lines: Sequence[str], texts: pa.Array, page: Integers, edge: Flags, pages: int
) -> Floats:
    """How many pages agree with the distance between a line's number and its page's number."""
    bare = number_of(texts, BARE)
    for index in np.flatnonzero(edge & (bare < 0)).tolist():
        bare[index] = roman_number(lines[index])
        if bare[index] < 0 and len(lines[index]) == 1 and "A" <= lines[index] <= "Z":
            bare[index] = LETTERS + ord(lines[index])
    lead, trail = number_of(texts, LEAD), number_of(texts, TRAIL)
    number = page - page.min()
    kinds = [values - number for values in (bare, lead, trail)]
    known = [values >= 0 for values in (bare, lead, trail)]
    width = pages + 1
    pairs = [
        (offset + 10_000)[mask & edge] * width + number[mask & edge]
        for offset, mask in zip(kinds, known, strict=True)
    ]
    columns: list[NDArray[Any]] = []
    offsets, counts = np.unique(np.unique(np.concatenate(pairs)) // width, return_counts=True)
    alone, lone_counts = np.unique(np.unique(pairs[0]) // width, return_counts=True)
    for offset, mask in zip(kinds, known, strict=True):
        support = _look(offset + 10_000, offsets, counts) * mask
        strict = _look(offset + 10_000, alone, lone_counts) * mask
        near = sum(_look(offset + 10_000 + step, offsets, counts) * mask for step in (-2, -1, 1, 2))
        columns += [
            mask,
            np.log1p(support) / 2,
            np.maximum(support - 1, 0) / pages,
            np.log1p(strict) / 2,
            np.log1p(near) / 2,
        ]
    columns += [
        np.full(len(page), counts.max(initial=0) / pages),
        np.full(len(page), lone_counts.max(initial=0) / pages),
        (bare > 0) & (bare <= 2 * pages),
        bare > ROMAN,
        np.log1p(np.maximum(lead, 0)) / 5,
        (lead == number) | (trail == number),
        (lead == number + 1) | (trail == number + 1),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _look(values: Integers, keys: Integers, counts: Integers) -> Integers:
    if not len(keys):
        return np.zeros(len(values), np.int64)
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[at] == values, counts[at], 0)


def inside_furniture(repeated: Floats, numbers: Floats, page: Integers) -> Floats:
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
    above = text - ~furniture - opened
    below: Integers = closed - text
    best = np.maximum.reduceat(support, starts)[owner]
    columns: list[NDArray[Any]] = [
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


def echoes(words: NDArray[np.int32], top: Integers, foot: Integers, page: Integers) -> Floats:
    """Share of a line's words that the first page's top holds: titles and authors run as heads."""
    own = words[(page == page[0]) & (top < 12)]
    known = np.zeros(BUCKETS, np.bool_)
    known[own.ravel()] = True
    known[0] = False
    held = known[words].sum(axis=1)
    size = np.maximum((words > 0).sum(axis=1), 1)
    return np.stack([held / size, (held == size) & (size > 2)], axis=1).astype(np.float32)


def shared_words(words: NDArray[np.int32], page: Integers, edge: Flags, pages: int) -> Floats:
    """On how many pages a line's words stand near the edges, and on how many inside: a head that
    names its section shares most of its words with the other heads, and no whole line."""
    number = page - page.min()
    held = words > 0
    counts = []
    for mask in (edge, ~edge):
        known = held & mask[:, None]
        pairs = words.astype(np.int64) * (pages + 1) + number[:, None]
        found = np.unique(pairs[known]) // (pages + 1)
        counts.append(np.bincount(found, minlength=BUCKETS)[words])
    size = np.maximum(held.sum(axis=1), 1)
    near, inside = (np.maximum(count - 1, 0) for count in counts)
    lowest = np.where(held, near, pages + 1).min(axis=1)
    lowest = np.where(held.any(axis=1), lowest, 0)
    tie = near / (near + inside + 1) * held
    columns: list[NDArray[Any]] = [
        np.log1p(near * held).sum(axis=1) / size / 2,
        lowest / pages,
        np.log1p(lowest) / 2,
        tie.sum(axis=1) / size,
        np.where(held, tie, 1.0).min(axis=1),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def furniture_company(
    key: NDArray[np.uint64],
    furniture: Flags,
    numbered: Flags,
    page: Integers,
    within: Floats,
) -> Floats:
    """How a line stands among the furniture of its page, and how the lines that say the same do.

    Where heads come after the text in the order of the file, the order among them still says which
    is above which: columns are the furniture lines before and after, numbers beside, and the means
    of these and of the line's place over all lines with its key; then what pages of the document
    have before and after their text, in quarters.
    """
    count = len(page)
    starts = np.flatnonzero(np.concatenate([[True], page[1:] != page[:-1]]))
    sizes = np.diff(np.append(starts, count))
    owner = np.repeat(np.arange(len(starts)), sizes)
    total = np.concatenate([[0], np.cumsum(furniture)])
    before = total[:-1] - total[starts][owner]
    after = total[starts + sizes][owner] - total[1:]
    same = page[1:] == page[:-1]
    after_number = np.concatenate([[False], numbered[:-1] & same])
    before_number = np.concatenate([numbered[1:] & same, [False]])
    first, last = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    first[starts] = True
    last[starts + sizes - 1] = True
    own = np.stack(
        [
            np.minimum(before, 8) / 4,
            np.minimum(after, 8) / 4,
            after_number,
            before_number,
            first,
            last,
            within,
        ],
        axis=1,
    ).astype(np.float64)
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.concatenate([[True], key[order][1:] != key[order][:-1]]))
    members = np.diff(np.append(cuts, count))
    means = np.empty_like(own)
    means[order] = np.repeat(
        np.add.reduceat(own[order], cuts, axis=0) / members[:, None], members, axis=0
    )
    parity = np.empty(count)
    odd = (page - page[0]) % 2
    share = np.add.reduceat(odd[order], cuts) / members
    parity[order] = np.repeat(np.abs(2 * share - 1) * (members > 2), members)
    number_before = np.maximum.reduceat(numbered & (within < 0.5), starts)
    number_after = np.maximum.reduceat(numbered & (within >= 0.5), starts)
    habits = np.array(
        [
            furniture[starts].mean(),
            furniture[starts + sizes - 1].mean(),
            number_before.mean(),
            number_after.mean(),
        ]
    )
    habits = np.broadcast_to(np.round(4 * habits) / 4, (count, 4))
    return np.concatenate([own[:, :4], means, parity[:, None], habits], axis=1, dtype=np.float32)


def title_echoes(words: NDArray[np.int32], size: Integers, page: Integers) -> Floats:
    """Share of a line's words that the largest lines of the first page hold, which are its title,
    and the first lines below them, which are its authors."""
    first = int((page == page[0]).sum())
    level = np.cumsum(size[:first])
    big = int(level.argmax())
    end = big + 1
    while end < min(first, big + 6) and size[end] == 0:
        end += 1
    columns = []
    for low, high in ((big, end), (end, min(end + 4, first))):
        known = np.zeros(BUCKETS, np.bool_)
        known[words[low:high].ravel()] = True
        known[0] = False
        held = known[words].sum(axis=1)
        columns.append(held / np.maximum((words > 0).sum(axis=1), 1))
    return np.stack(columns, axis=1).astype(np.float32)
