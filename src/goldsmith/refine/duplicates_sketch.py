"""What is kept of each document to find its duplicates, and the search itself.

A `Sketch` holds fixed-size signatures and sampled anchors, not texts: a text is asked for again
only to verify a candidate. The stage makes one sketch of the corpus; the index keeps one a segment
on disk. `find` gives the same merges for the same documents however they were divided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine import duplicates_noise as noise
from goldsmith.refine.duplicates_cluster import Merge, Method, bands, merges, rows_in_band
from goldsmith.refine.duplicates_shingles import (
    PERMUTATIONS,
    batches,
    jaccard,
    shingled,
    shingles,
    signatures,
    simhashes,
)

Hashes = NDArray[np.uint64]
Keys = tuple[NDArray[np.int64], Hashes]

#: The methods, in the order in which they may merge a document.
NAMES = ("exact", "minhash", "simhash", "noise")
SLICES = 16  # of the keys that are sorted at once
#: Remembered texts, in what they are compared by, of documents that are candidates.
_REMEMBERED = 8192
CROWD = 16  # kept documents that share an anchor; more, and it is a phrase of the language
TRIES = 3  # candidates by noise that are verified


class Sketch(NamedTuple):
    """Of n documents: MinHash (n, 128), SimHash (n), anchors of document i at its offsets."""

    signatures: NDArray[np.uint32]
    simhashes: Hashes
    anchors: Hashes
    offsets: NDArray[np.int64]


def sketch(texts: Sequence[str], methods: Collection[str] = NAMES) -> Sketch:
    """Return what the methods need of each text; the rest stays empty."""
    digests, bits, anchors = [], [], []
    for batch in batches(texts):
        if set(methods) & {"exact", "minhash", "simhash"}:
            one = shingled(batch)
            digests.append(signatures(one))
            if "simhash" in methods:
                bits.append(simhashes(one))
        if "noise" in methods:
            anchors += [noise.anchors(noise.folded(text)) for text in batch]
    return Sketch(
        np.concatenate([np.zeros((0, PERMUTATIONS), np.uint32), *digests]),
        np.concatenate([np.zeros(0, np.uint64), *bits]),
        np.concatenate([np.zeros(0, np.uint64), *anchors]),
        np.cumsum([0, *(len(one) for one in anchors)], dtype=np.int64),
    )


def find(
    sketches: Sequence[Sketch],
    text: Callable[[int], str],
    ranked: Sequence[int],
    threshold: float,
    methods: Collection[str],
    settled: int = 0,
) -> list[Merge]:
    """Return which documents go for which; the first ``settled`` of ``ranked`` go for none.

    ``text(place)`` gives a document's text, places counting through all sketches; ``ranked`` are
    the places, best first; ``threshold`` is the similarity from which two documents are one.
    """
    made = {
        "exact": lambda: _exact(sketches, text),
        "minhash": lambda: _minhash(sketches, text, threshold),
        "simhash": lambda: _simhash(sketches, text, threshold),
        "noise": lambda: _noise(sketches, text, threshold),
    }
    return merges(ranked, [made[name]() for name in NAMES if name in methods], settled)


def text_key(text: str) -> bytes:
    """Return what exact duplicates have in common: the words, whatever their case and spacing."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8", "replace")).digest()


def _exact(sketches: Sequence[Sketch], text: Callable[[int], str]) -> Method:
    key = lru_cache(maxsize=_REMEMBERED)(lambda place: text_key(text(place)))
    digests = [one.signatures for one in sketches]
    # Equal texts have equal signatures; half of one is enough to find those that need a key.
    halves = [part[:, : PERMUTATIONS // 2] for part in digests]
    return Method(
        "exact", lambda: bands(halves, PERMUTATIONS // 2), lambda a, b: float(key(a) == key(b))
    )


def _minhash(sketches: Sequence[Sketch], text: Callable[[int], str], threshold: float) -> Method:
    digests = [one.signatures for one in sketches]
    rows = rows_in_band(threshold, PERMUTATIONS)
    return _jaccard_method("minhash", lambda: bands(digests, rows), text, threshold)


def _simhash(sketches: Sequence[Sketch], text: Callable[[int], str], threshold: float) -> Method:
    every = np.concatenate([np.zeros(0, np.uint64), *(one.simhashes for one in sketches)])

    def keys() -> Iterator[Keys]:
        # Two hashes that differ in six bits at most have two equal bytes of eight (Manku 2007).
        for one, other in combinations(range(8), 2):
            high = every >> np.uint64(8 * one) & np.uint64(255)
            low = every >> np.uint64(8 * other) & np.uint64(255)
            yield np.arange(len(every)), high << np.uint64(8) | low

    return _jaccard_method("simhash", keys, text, threshold)


def _noise(sketches: Sequence[Sketch], text: Callable[[int], str], threshold: float) -> Method:
    sizes = np.concatenate([np.zeros(0, np.int64), *(np.diff(one.offsets) for one in sketches)])

    def keys() -> Iterator[Keys]:
        owners = np.repeat(np.arange(len(sizes)), sizes)
        every = np.concatenate([np.zeros(0, np.uint64), *(one.anchors for one in sketches)])
        step = np.uint64((1 << 64) // noise.SAMPLE // SLICES + 1)
        for number in range(SLICES):
            part = np.flatnonzero(every // step == number)
            yield owners[part], every[part]

    data = lru_cache(maxsize=_REMEMBERED)(lambda place: noise.folded(text(place)))
    return Method(
        "noise",
        keys,
        lambda one, other: noise.twin_similarity(data(one), data(other), threshold),
        lambda place: noise.least_shared(int(sizes[place])),
        CROWD,
        TRIES,
    )


class _Sets:
    """The shingles of documents that are compared, made for many at once; the last ones stay."""

    def __init__(self, text: Callable[[int], str]) -> None:
        self._text = text
        self._made: dict[int, Hashes] = {}

    def prepare(self, places: Sequence[int]) -> None:
        missing = [place for place in places if place not in self._made]
        texts = [self._text(place) for place in missing]
        made = [one for batch in batches(texts) for one in shingled(batch).sets()]
        self._made.update(zip(missing, made, strict=True))
        while len(self._made) > _REMEMBERED:
            del self._made[next(iter(self._made))]

    def __getitem__(self, place: int) -> Hashes:
        found = self._made.get(place)
        return shingles(self._text(place)) if found is None else found


def _jaccard_method(
    name: str, keys: Callable[[], Iterable[Keys]], text: Callable[[int], str], threshold: float
) -> Method:
    sets = _Sets(text)

    def similarity(one: int, other: int) -> float:
        value = jaccard(sets[one], sets[other])
        return value if value >= threshold else 0.0

    return Method(name, keys, similarity, prepare=sets.prepare)
