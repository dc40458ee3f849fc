"""Texts to what they are compared by: hashed word 5-grams, their MinHash signature, SimHash.

Whole batches of documents go through numpy at once: words are found by a byte table and hashed
eight bytes at a time, so that the cost of a document is that of its words, not of its characters.
MinHash itself (Broder 1997) is rensa's. What is similar to what is decided in
`duplicates_cluster`; shingles that withstand OCR errors are in `duplicates_noise`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

SHINGLE = 5  # words
PERMUTATIONS = 128
SEED = 20_011  # of the permutations; part of the stage's version
BATCH = 1 << 18  # characters hashed at once: what fits the cache
_ROW = struct.Struct(f"={PERMUTATIONS}I")
_LONGEST = 128  # bytes of a word that are looked at; its length counts too
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_WORD = re.compile(r"\w")
#: ASCII in lower case, and what is no part of a word as a space; bytes of others as they are.
_FOLD = bytes(
    value if value >= 128 else ord(chr(value).lower() if _WORD.match(chr(value)) else " ")
    for value in range(256)
)
#: How many low bytes of a 64-bit word count.
_LOW = np.array([(1 << (8 * count)) - 1 for count in range(9)], np.uint64)


@dataclass(frozen=True)
class Shingled:
    """The shingles of several texts: those of text i are ``flat[offsets[i]:offsets[i + 1]]``."""

    flat: Hashes
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sets(self) -> list[Hashes]:
        """Return each text's shingles, sorted, once each."""
        return [
            distinct(self.flat[start:end])
            for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        ]


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide texts into runs of about ``BATCH`` characters, one text at least."""
    start = size = 0
    for at, text in enumerate(texts):
        if size and size + len(text) > BATCH:
            yield texts[start:at]
            start, size = at, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]


def shingled(texts: Sequence[str]) -> Shingled:
    """Hash the word 5-grams of texts (all words, if a text has fewer than five).

    Words are compared in lower case without punctuation; order and repetitions stay.
    """
    words, starts = _words(texts)
    counts = np.diff(starts)
    width = np.minimum(counts, SHINGLE)
    lengths = np.maximum(counts - SHINGLE + 1, np.minimum(counts, 1))
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    mixed = np.zeros(len(words), np.uint64)
    padded = np.concatenate([words, np.zeros(SHINGLE, np.uint64)])
    for place in range(SHINGLE):
        mixed ^= padded[place : place + len(words)]
        mixed *= _SPREAD
        mixed ^= mixed >> np.uint64(29)
    # The first shingles of each text lie inside it; the last four positions would run over.
    inside = np.ones(len(words), bool)
    for back in range(1, SHINGLE):
        late = starts[1:] - back
        inside[late[counts >= back]] = False
    for text in np.flatnonzero((width > 0) & (width < SHINGLE)):
        first = starts[text]
        inside[first] = True
        mixed[first] = _chain(words[first : starts[text + 1]])
    return Shingled(mixed[inside], offsets)


def shingles(text: str) -> Hashes:
    """Return the sorted set of 64-bit hashes of a text's word 5-grams (of all words if fewer)."""
    return distinct(shingled([text]).flat)


def distinct(hashes: Hashes) -> Hashes:
    """Return hashes sorted, once each."""
    ordered = np.sort(hashes)
    return ordered[np.append(ordered[1:] != ordered[:-1], True)] if len(ordered) else ordered


def signatures(one: Shingled) -> NDArray[np.uint32]:
    """Return MinHash signatures (documents, 128)."""
    if not len(one):
        return np.zeros((0, PERMUTATIONS), np.uint32)
    from rensa import RMinHash

    digests: Any = RMinHash.digest_matrix_from_flat_token_hashes(
        one.flat, one.offsets.astype(np.uint64), PERMUTATIONS, SEED
    )
    rows = b"".join(_ROW.pack(*row) for row in digests.to_rows())
    return np.frombuffer(rows, np.uint32).reshape(len(one), PERMUTATIONS)


def simhashes(one: Shingled) -> Hashes:
    """Return the 64-bit SimHash (Charikar 2002; all shingles weigh the same) of each text."""
    found = np.zeros(len(one), np.uint64)
    for text, (start, end) in enumerate(zip(one.offsets[:-1], one.offsets[1:], strict=True)):
        mixed = (one.flat[start:end] ^ (one.flat[start:end] >> np.uint64(32))) * _MIX
        ones = np.unpackbits(mixed.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        bits = 2 * ones.sum(axis=0, dtype=np.int64) > end - start
        found[text] = np.packbits(bits, bitorder="little").view("<u8")[0]
    return found


def jaccard(one: Hashes, other: Hashes) -> float:
    """Return the true Jaccard similarity of two sorted sets; 0 for two empty ones."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    total = len(one) + len(other) - shared
    return shared / total if total else 0.0


def _words(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of all words, and where each text's words start (one more than texts)."""
    parts = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([0, *(len(part) + 1 for part in parts)])
    joined = bytearray(b" ".join([*parts, b" " * 9]).translate(_FOLD))
    data = np.frombuffer(joined, np.uint8)
    if not all(text.isascii() for text in texts):
        _fold_beyond_ascii(data)
    solid = data != 32
    edges = np.flatnonzero(solid[1:] != solid[:-1]) + 1
    if solid[0]:
        edges = np.concatenate([np.zeros(1, edges.dtype), edges])
    begin, end = edges[0::2], edges[1::2]
    length = end - begin
    eights = np.ndarray((len(data) - 7,), "<u8", joined, strides=(1,))
    mixed = length.astype(np.uint64) * _MIX
    mixed = _stirred(mixed, eights[begin] & _LOW[np.minimum(length, 8)])
    rest = np.flatnonzero(length > 8)
    for at in range(8, _LONGEST, 8):
        if not len(rest):
            break
        block = eights[begin[rest] + at] & _LOW[np.minimum(length[rest] - at, 8)]
        mixed[rest] = _stirred(mixed[rest], block)
        rest = rest[length[rest] > at + 8]
    return mixed, np.searchsorted(begin, ends).astype(np.int64)


def _fold_beyond_ascii(data: NDArray[np.uint8]) -> None:
    """Fold characters of two and three bytes in place; those of four are all parts of words.

    A capital whose small letter has another number of bytes stays (there are about thirty).
    """
    lead = np.flatnonzero(data >= 0xC0)
    for size, first, after in ((2, 0xC0, 0xE0), (3, 0xE0, 0xF0)):
        at = lead[(data[lead] >= first) & (data[lead] < after)]
        tail = [data[at + place].astype(np.uint32) & 0x3F for place in range(1, size)]
        point = data[at].astype(np.uint32) & (0x1F if size == 2 else 0x0F)
        for bits in tail:
            point = point << 6 | bits
        folded: NDArray[Any] = _plane()[point]
        mark = folded == 32
        for place in range(size):
            data[at[mark] + place] = 32
        low, high = (0x80, 0x800) if size == 2 else (0x800, 0x10000)
        other = (folded != point) & (folded >= low) & (folded < high)
        at, folded = at[other], folded[other]
        for place in range(size):
            low_bits = folded >> np.uint32(6 * (size - 1 - place))
            data[at + place] = low_bits & 0x3F | 0x80 if place else low_bits | first


@cache
def _plane() -> NDArray[Any]:
    """Return what each character of the basic plane is folded to: lower case, or a space."""
    table = np.arange(1 << 16, dtype="<u4")
    for point in range(1 << 16):
        lower = chr(point).lower()
        if not _WORD.match(chr(point)):
            table[point] = 32
        elif len(lower) == 1:
            table[point] = ord(lower)
    return table


def _stirred(mixed: Hashes, block: Hashes) -> Hashes:
    mixed = (mixed ^ block) * _SPREAD
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _chain(words: Hashes) -> np.uint64:
    mixed = np.zeros(1, np.uint64)
    for word in words:
        mixed = (mixed ^ word) * _SPREAD
        mixed ^= mixed >> np.uint64(29)
    value: np.uint64 = mixed[0]
    return value
