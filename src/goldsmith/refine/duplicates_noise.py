"""Twins that differ by recognition errors: the same page read twice, or once scanned, once typed.

Word shingles break at every error: at one wrong character in ten hardly any five words stay whole.
Here texts are folded first (case, spaces, marks, ligatures, and what readers take for one another:
rn and m, l and 1 and I, 0 and O). Of their eight-byte shingles one in eight, chosen by its own
hash, is an *anchor* (the sampling of Manber 1994): a shared anchor makes a candidate, also where
four fifths of all anchors broke. A candidate is verified by aligning windows of the longer text
with their places in the other. Errors of reading are spread over the text; where instead whole
words differ and the rest is clean, somebody wrote something else, and the texts are not twins.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.duplicates_shingles import Hashes, distinct

GRAM = 8  # bytes of folded text
SAMPLE = 8  # one gram in so many is an anchor
MINIMUM = 96  # bytes of folded text; shorter ones say too little once characters are wrong
SHARED = 0.06  # of a text's anchors; a candidate has this share in common, and three at least
WINDOW = 256  # bytes of folded text
WINDOWS = 16  # at most, evenly spaced
READABLE = 0.7  # of a window's characters, in order, must stand in the other text
HOPELESS = 0.05  # of the grams; where fewer are in the other text, it is not looked at closely
CLEAN = 0.97  # of the characters right: too few errors to say where they stand
SPREAD_OUT = 4.5
_SMALL = 4096  # bytes; of longer texts one gram in four is looked at
_MARGIN = 24  # bytes around the place where a window should be
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
#: Single characters that readers confuse; ß is read as B or 8.
_CONFUSED = {"1": "l", "i": "l", "|": "l", "j": "l", "0": "o", "q": "g", "9": "g", "5": "s"}
_CONFUSED |= {"8": "b", "ß": "b", "6": "b", "2": "z", "ı": "l"}
#: Pairs that look like one character, after the folding of single ones.
_PAIRS = ((b"rn", b"m"), (b"vv", b"w"), (b"cl", b"d"), (b"nn", b"m"), (b"ll", b"u"))


class Alignment(NamedTuple):
    """How the longer text stands in the other; all figures from 0 to 1.

    ``found``: of its windows, the share that is readable there; ``same``: mean share of characters
    of those windows that are the same, in order, where nothing was lost; ``whole``: the mean
    share of their grams that are.
    """

    found: float
    same: float
    whole: float


def folded(text: str) -> bytes:
    """Return a text without what recognition changes most, as UTF-8 without spaces and marks."""
    if text.isascii():
        data = text.encode("ascii").translate(*_ascii())
    else:
        text = unicodedata.normalize("NFKD", text)
        points = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
        mapped = _plane()[np.minimum(points, 0xFFFF)]
        data = mapped[mapped > 0].astype("<u4").tobytes().decode("utf-32-le").encode("utf-8")
    for pair, single in _PAIRS:
        data = data.replace(pair, single)
    return data


def grams(data: bytes) -> Hashes:
    """Return the hashes of all eight-byte shingles of a folded text, in order."""
    if len(data) < GRAM:
        return np.zeros(0, np.uint64)
    mixed = np.ndarray((len(data) - GRAM + 1,), "<u8", data, strides=(1,)) * _SPREAD
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX
    return mixed


def anchors(data: bytes) -> Hashes:
    """Return the sampled shingles of a folded text, sorted, once each; none of a short text.

    Long texts are sampled more thinly, in steps of two, so that none has more than about 256; what
    the thin sample of one text holds, the denser one of another holds too.
    """
    if len(data) < MINIMUM:
        return np.zeros(0, np.uint64)
    thin = max(0, (len(data) // 1024).bit_length() - 1)
    every = grams(data)
    return distinct(every[every < np.uint64((1 << 64) // (SAMPLE << thin))])


def least_shared(count: int) -> int:
    """Return how many of ``count`` anchors a candidate must share."""
    return max(3, round(SHARED * count))


def alignment(one: bytes, other: bytes) -> Alignment:
    """Align windows of the longer folded text with the shorter one (ties: by content)."""
    from rapidfuzz.distance import LCSseq

    long, short = sorted((one, other), key=lambda data: (-len(data), data))
    if len(short) < MINIMUM:
        return Alignment(float(one == other), float(one == other), float(one == other))
    thin = 1 if len(long) <= _SMALL else 4
    own, starts = _sampled(long, thin)
    theirs, places = _lookup(short, thin)
    at = np.minimum(np.searchsorted(theirs, own), max(len(theirs) - 1, 0))
    hits = np.flatnonzero(theirs[at] == own) if len(theirs) else at[:0]
    if len(hits) <= HOPELESS * len(own):
        return Alignment(0.0, 0.0, 0.0)
    there = starts[hits]
    shifts = places[at[hits]] - there
    count = min(WINDOWS, max(1, len(long) // WINDOW))
    width = min(WINDOW, len(long))
    found = same = whole = 0.0
    for start in np.linspace(0, len(long) - width, count).astype(int).tolist():
        edges = (start, start + width - GRAM + 1)
        first, last = np.searchsorted(there, edges).tolist()
        if first == last:
            continue
        begin = start + int(np.sort(shifts[first:last])[(last - first) // 2])
        near = short[max(0, begin - _MARGIN) : max(0, begin + width + _MARGIN)]
        window = long[start : start + width]
        equal = LCSseq.similarity(window, near)
        if equal < READABLE * width:
            continue
        lost, holes = _lost(window, near) if equal < CLEAN * width else (0, 0)
        sample = np.searchsorted(starts, edges)
        complete = max(0.1, (width - lost - GRAM * holes) / width)
        found, same = found + 1, same + min(1.0, equal / (width - lost))
        whole += min(1.0, (last - first) / int(sample[1] - sample[0]) / complete)
    if not found:
        return Alignment(0.0, 0.0, 0.0)
    return Alignment(found / count, same / found, whole / found)


def twin_similarity(one: bytes, other: bytes, threshold: float) -> float:
    """Return how much of two texts is the same if one is a noisy copy of the other, else 0.

    ``threshold``: the share of the longer text that must be in the shorter one.
    """
    if min(len(one), len(other)) < threshold * max(len(one), len(other)):
        return 0.0
    fit = alignment(one, other)
    if fit.found < threshold or edited(fit):
        return 0.0
    return fit.found * fit.same


def edited(fit: Alignment) -> bool:
    """Say whether the differences are whole words rather than characters here and there.

    When each character is wrong with the same chance, a gram of eight is whole with the eighth
    power of the chance that a character is right; alignment by longest common subsequence flatters
    that chance. Measured, noise stays under the fifth power and replaced words over the fourth.
    """
    return fit.same < CLEAN and fit.whole > fit.same**SPREAD_OUT


def _lost(window: bytes, near: bytes) -> tuple[int, int]:
    """Return how many characters of the window are simply not there, and in how many holes.

    A hole has eight characters or more and at most an eighth as many in their place: a reader lost
    a line or a word. Where other words stand instead, somebody wrote them.
    """
    from rapidfuzz.distance import LCSseq

    lost = holes = 0
    gap = [0, 0, 0, 0]  # where it starts and ends in both texts
    for code in [*LCSseq.opcodes(window, near), None]:
        if code is not None and (code.tag != "equal" or code.src_end - code.src_start < 3):
            gap = [gap[0], code.src_end, gap[2], code.dest_end]
            continue
        length = gap[1] - gap[0]
        beyond = gap[2] == 0 or gap[3] == len(near)  # the margin; nothing stands against it
        if length >= GRAM and (beyond or 8 * (gap[3] - gap[2]) <= length):
            lost, holes = lost + length, holes + 1
        if code is not None:
            gap = [code.src_end, code.src_end, code.dest_end, code.dest_end]
    return lost, holes


def _sampled(data: bytes, thin: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Return one gram in ``thin``, chosen by its hash, and its place, in order of places."""
    every = grams(data)
    chosen = np.flatnonzero(every <= np.uint64((1 << 64) // thin - 1))
    return every[chosen], chosen


@lru_cache(maxsize=256)
def _lookup(data: bytes, thin: int) -> tuple[Hashes, NDArray[np.int64]]:
    """The same in order of the grams."""
    some, places = _sampled(data, thin)
    order = np.argsort(some, kind="stable")
    return some[order], places[order]


@cache
def _ascii() -> tuple[bytes, bytes]:
    table = bytes(
        ord(_CONFUSED.get(chr(value).lower(), chr(value).lower())) if value < 128 else value
        for value in range(256)
    )
    marks = bytes(
        value for value in range(128) if not chr(value).isalnum() and chr(value) not in _CONFUSED
    )
    return table, marks


@cache
def _plane() -> NDArray[np.uint32]:
    """Return what each character of the basic plane is folded to; 0 for what goes."""
    table = np.zeros(1 << 16, np.uint32)
    for point in range(1 << 16):
        letter = chr(point)
        lower = letter.lower() if len(letter.lower()) == 1 else letter
        if letter.isalnum() or letter in _CONFUSED:
            table[point] = ord(_CONFUSED.get(lower, lower))
    table[0xFFFF] = 0xFFFD  # all beyond the plane: one character
    return table
