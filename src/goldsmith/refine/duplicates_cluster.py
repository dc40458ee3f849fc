"""Which documents stand for which: candidates from shared keys, verified, one greedy pass.

A `Method` gives keys (bands of a signature, anchors) and a similarity. Documents come best first;
each joins the most similar document that *stays* among those it shares enough keys with, or stays
itself. Compared with merged ones never, so chains of similar documents do not collapse into one.
The result depends on the set of documents and their ranks alone, not on the order they came in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_AHEAD = 1024  # documents


@dataclass(frozen=True)
class Method:
    """A way to find duplicates.

    ``give_keys()`` gives arrays (documents, keys): places of documents and a key each has; keys of
    different arrays are different. A candidate shares ``least(document)`` keys at least.
    ``similarity(one, other)`` is 0 for a pair that this method does not merge. A key that more than
    ``crowd`` documents that stay have in common is not looked at: it tells nothing about which of
    them is meant. At most ``tries`` candidates are verified, those that share most keys first.
    ``prepare`` is told some documents ahead whose similarity may be asked for.
    """

    name: str
    give_keys: Callable[[], Iterable[tuple[Places, Hashes]]]
    similarity: Callable[[int, int], float]
    least: Callable[[int], int] = lambda _: 1
    crowd: int = 1 << 62
    tries: int | None = None
    prepare: Callable[[Sequence[int]], None] = lambda _: None


class Merge(NamedTuple):
    """Places of the member that goes and of the one that stays."""

    member: int
    kept: int
    method: str
    similarity: float


def merges(ranked: Sequence[int], methods: Sequence[Method], settled: int = 0) -> list[Merge]:
    """Return who goes for whom, in the order of ``ranked`` (places of documents, best first).

    The first ``settled`` of them stay whatever is like them: it was decided before.
    A document is merged by the first of the methods that finds it a partner. Time grows with the
    number of candidate pairs; memory with the keys that more than one document has.
    """
    tables = [_buckets(method) for method in methods]
    concerned = set().union(*tables) if tables else set()
    rank = {document: at for at, document in enumerate(ranked) if document in concerned}
    places = list(rank)
    kept_by: list[dict[int, list[int]]] = [defaultdict(list) for _ in methods]
    found: list[Merge] = []
    for at, document in enumerate(places):
        if at % _AHEAD == 0:
            coming = places[at : at + _AHEAD]
            for method, table in zip(methods, tables, strict=True):
                method.prepare([one for one in coming if one in table])
        merge = None
        for method, table, kept in zip(methods, tables, kept_by, strict=True):
            if rank[document] < settled:
                break
            merge = _best(document, method, table.get(document, ()), kept, rank)
            if merge:
                found.append(merge)
                break
        if merge is None:
            for table, kept in zip(tables, kept_by, strict=True):
                for bucket in table.get(document, ()):
                    kept[bucket].append(document)
    return found


def bands(signatures: Sequence[NDArray[np.uint32]], rows: int) -> Iterator[tuple[Places, Hashes]]:
    """Give the keys of each band of ``rows`` columns of MinHash signatures.

    ``signatures``: arrays (documents, permutations), one after the other the documents' places.
    """
    places = np.arange(sum(len(part) for part in signatures))
    width = signatures[0].shape[1] if signatures else 0
    for start in range(0, width - rows + 1, rows):
        keys = []
        for part in signatures:
            key = np.zeros(len(part), np.uint64)
            for column in range(start, start + rows):
                key = (key ^ part[:, column]) * np.uint64(0x9E3779B97F4A7C15)
                key ^= key >> np.uint64(32)
            keys.append(key)
        yield places, np.concatenate(keys)


def rows_in_band(threshold: float, permutations: int) -> int:
    """Rows of a band such that at most one true pair in a thousand is missed at the threshold."""
    for rows in (16, 8, 4, 2):
        if (1.0 - threshold**rows) ** (permutations // rows) <= 1e-3:
            return rows
    return 1


def _best(
    document: int,
    method: Method,
    own: Sequence[int],
    kept: dict[int, list[int]],
    rank: dict[int, int],
) -> Merge | None:
    shared: Counter[int] = Counter()
    for bucket in own:
        others = kept.get(bucket, ())
        if len(others) <= method.crowd:
            shared.update(others)
    least = method.least(document)
    candidates = [other for other, count in shared.items() if count >= least]
    candidates.sort(key=lambda other: (-shared[other], rank[other]))
    best, similarity = -1, 0.0
    for other in candidates[: method.tries]:
        value = method.similarity(document, other)
        if value > similarity or (value == similarity > 0 and rank[other] < rank[best]):
            best, similarity = other, value
    return Merge(document, best, method.name, similarity) if best >= 0 else None


def _buckets(method: Method) -> dict[int, list[int]]:
    """Return, by document, the numbers of the keys that it shares with another."""
    found: dict[int, list[int]] = defaultdict(list)
    number = 0
    for documents, keys in method.give_keys():
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        same = ranked[1:] == ranked[:-1]
        in_run = np.concatenate([same, [False]]) | np.concatenate([[False], same])
        members = np.flatnonzero(in_run[: len(ranked)])
        if not len(members):
            continue
        opens = np.concatenate([[True], ranked[members][1:] != ranked[members][:-1]])
        runs = number + np.cumsum(opens) - 1
        number = int(runs[-1]) + 1
        for document, run in zip(documents[order[members]].tolist(), runs.tolist(), strict=True):
            found[document].append(run)
    return found
