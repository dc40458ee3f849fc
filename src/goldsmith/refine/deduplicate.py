"""The stage that merges what the corpus says twice: whole documents, then single paragraphs.

Documents: equal normalised text is "exact"; near duplicates are found with MinHash over word
5-grams (Broder 1997) and locality-sensitive hashing, and every candidate is checked by its true
Jaccard similarity, so an estimate never merges anything. Each document is compared with documents
that stay, never with merged ones, so chains of similar documents do not collapse into one.

The kept member is the longest, in steps of a quarter; among those of one step the first by name, so
that a copy or a draft does not take the place of what it was made from for a few words more.
Paragraphs of at least 80 characters are merged only when their normalised text is equal; among
equals the longest stays, then the first by document id and order.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.segments import Row, reject_passage

Hashes = NDArray[np.uint64]

SHINGLE = 5  # words
PERMUTATIONS = 128
SEED = 20_011  # of the permutations; part of the stage's version
MINIMUM_CHARACTERS = 80  # of a paragraph that may be merged
_STEP = 1.25  # lengths within such a factor count as equal

_WORD = re.compile(r"\w+")
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Deduplicate:
    """``passages`` that the cut left, of the whole corpus, to ``clusters`` and ``rejects``."""

    settings: RefineSettings
    name: ClassVar[str] = "deduplicate"
    version: ClassVar[int] = 2
    unit: ClassVar[Literal["document", "all"]] = "all"
    reads: ClassVar[tuple[str, ...]] = ("passages", "rejects:cut", "documents")
    writes: ClassVar[tuple[str, ...]] = ("clusters", "rejects")

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        fallen = set(tables["rejects:cut"].column("subject").to_pylist())
        passages = [row for row in tables["passages"].to_pylist() if row["id"] not in fallen]
        passages.sort(key=lambda row: (row["document"], row["order"]))
        by_document: dict[str, list[Row]] = defaultdict(list)
        for passage in passages:
            by_document[passage["document"]].append(passage)
        texts = {
            document: "\n".join(member["text"] for member in members)
            for document, members in by_document.items()
        }
        files = tables["documents"].select(["id", "uri"]).to_pylist()
        names = {row["id"]: row["uri"] for row in reversed(files)}  # the first of several copies
        clusters = merge_documents(texts, self.settings.near_duplicate, names)
        rejects: list[Row] = []
        merged = {row["member"]: row for row in clusters}
        left: list[Row] = []
        for passage in passages:
            cluster = merged.get(passage["document"])
            if cluster is None:
                left.append(passage)
            else:
                rejects += self._rejects(passage, cluster)
        paragraphs = {row["id"]: row for row in left if row["kind"] == "paragraph"}
        for cluster in merge_paragraphs(list(paragraphs.values())):
            clusters.append(cluster)
            rejects += self._rejects(paragraphs[cluster["member"]], cluster)
        return {
            "clusters": pa.Table.from_pylist(clusters, SCHEMAS["clusters"]),
            "rejects": pa.Table.from_pylist(rejects, SCHEMAS["rejects"]),
        }

    def _rejects(self, passage: Row, cluster: Row) -> list[Row]:
        method, similarity = cluster["method"], cluster["similarity"]
        return reject_passage(passage, self.name, method, similarity, cluster["kept"])


def merge_documents(
    texts: Mapping[str, str], threshold: float, names: Mapping[str, str]
) -> list[Row]:
    """Return a ``clusters`` row for each document (id -> text) that another one stands for.

    ``names`` (id -> uri) decide which of about equally long ones stays.
    """

    def rank(document: str) -> tuple[int, str, str]:
        step = math.floor(math.log(max(len(texts[document]), 1), _STEP))
        return -step, names[document], document

    order = sorted(texts, key=rank)
    sets = [shingles(texts[document]) for document in order]
    digests = signatures(sets)
    rows_in_band = _rows_in_band(threshold)
    exact: dict[bytes, int] = {}
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    clusters: list[Row] = []
    for index, document in enumerate(order):
        key = _text_key(texts[document])
        if key in exact:
            clusters.append(_cluster(document, order[exact[key]], "exact", 1.0))
            continue
        places = _places(digests[index], rows_in_band)
        candidates = sorted({other for place in places for other in buckets.get(place, ())})
        best, similarity = -1, 0.0
        for other in candidates:
            value = jaccard(sets[index], sets[other])
            if value >= threshold and value > similarity:
                best, similarity = other, value
        if best >= 0:
            clusters.append(_cluster(document, order[best], "minhash", similarity))
            continue
        exact[key] = index
        for place in places:
            buckets[place].append(index)
    return clusters


def merge_paragraphs(paragraphs: Sequence[Row]) -> list[Row]:
    """Return a ``clusters`` row for each paragraph whose normalised text another one has."""
    twins: dict[bytes, list[Row]] = defaultdict(list)
    for paragraph in paragraphs:
        if len(paragraph["text"]) >= MINIMUM_CHARACTERS:
            twins[_text_key(paragraph["text"])].append(paragraph)
    clusters: list[Row] = []
    for members in twins.values():
        members.sort(key=lambda row: (-len(row["text"]), row["document"], row["order"]))
        clusters += [_cluster(row["id"], members[0]["id"], "exact", 1.0) for row in members[1:]]
    return clusters


def shingles(text: str) -> Hashes:
    """Return the sorted set of 64-bit hashes of a text's word 5-grams (of all its words if fewer).

    Words are compared in lower case without punctuation.
    """
    words = np.array([_word_hash(word) for word in _WORD.findall(text.lower())], np.uint64)
    length = min(SHINGLE, len(words))
    if not length:
        return words
    count = len(words) - length + 1
    mixed = np.zeros(count, np.uint64)
    for offset in range(length):
        mixed = (mixed ^ words[offset : offset + count]) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def signatures(sets: Sequence[Hashes]) -> NDArray[np.uint32]:
    """Return MinHash signatures (documents, 128) of hashed sets."""
    if not sets:
        return np.zeros((0, PERMUTATIONS), np.uint32)
    from rensa import RMinHash

    offsets = np.cumsum([0, *(len(one) for one in sets)]).astype(np.uint64)
    flat = np.concatenate([np.zeros(0, np.uint64), *sets])
    digests: Any = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, PERMUTATIONS, SEED)
    return np.array(digests.to_rows(), np.uint32).reshape(len(sets), PERMUTATIONS)


def jaccard(one: Hashes, other: Hashes) -> float:
    """Return the true Jaccard similarity of two sorted sets; 0 for two empty ones."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    total = len(one) + len(other) - shared
    return shared / total if total else 0.0


def _rows_in_band(threshold: float) -> int:
    """Rows of a band such that at most one true pair in a thousand is missed at the threshold."""
    for rows in (16, 8, 4, 2):
        if (1.0 - threshold**rows) ** (PERMUTATIONS // rows) <= 1e-3:
            return rows
    return 1


def _places(digest: NDArray[np.uint32], rows: int) -> list[tuple[int, bytes]]:
    data = digest.tobytes()
    width = rows * digest.itemsize
    return [(at, data[at : at + width]) for at in range(0, len(data), width)]


def _text_key(text: str) -> bytes:
    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8")).digest()


@lru_cache(maxsize=1 << 18)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest(), "little")


def _cluster(member: str, kept: str, method: str, similarity: float) -> Row:
    return {"member": member, "kept": kept, "method": method, "similarity": similarity}
