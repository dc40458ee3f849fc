"""All documents ever seen, on disk, so that tomorrow's folder is compared with everything before.

A segment is a folder that is wholly there or not there (`pipeline.artifact`): texts, sketches,
ranks. Nothing is ever changed in place. Clusters are not stored but found again from all segments,
so they are those of the set of documents, in whatever order and parts the documents came, also
where a newcomer is better than what was kept before. Sketches and texts stay on disk and are
mapped; memory grows with eight bytes a document and the keys that documents share.
"""

from __future__ import annotations

import json
import shutil
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import building, fingerprint, read_manifest
from goldsmith.refine import duplicates_noise as noise
from goldsmith.refine.duplicates_shingles import PERMUTATIONS, SEED, SHINGLE
from goldsmith.refine.duplicates_sketch import NAMES, Sketch, find, sketch, text_key

FORMAT = 1
SEGMENT = 4096  # documents


class Rank(NamedTuple):
    """Who stays: the smaller one, field by field."""

    recognised: bool  # most pages were read by OCR
    step: int  # minus the length, in steps of a quarter
    damage: int  # gibberish, in steps of a twentieth
    name: str
    document: str

    def reason(self, other: Rank) -> str:
        """Say why this one stays rather than the other: a word of MERGE_REASONS."""
        words = ("born digital", "longest", "cleanest", "first", "first")
        fields = zip(words, self, other, strict=True)
        return next((word for word, one, two in fields if one != two), "first")


class Entry(NamedTuple):
    """A document as it goes into the index."""

    rank: Rank
    text: str


class Cluster(NamedTuple):
    """A member that another document stands for."""

    member: str
    kept: str
    method: str
    similarity: float
    reason: str


def clusters_of(
    entries: Sequence[Entry], threshold: float, methods: Collection[str] = NAMES
) -> list[Cluster]:
    """Return the clusters of documents in memory, in order of rank of the members."""
    texts = [entry.text for entry in entries]
    ranks = [entry.rank for entry in entries]
    return _clusters([sketch(texts, methods)], ranks, texts.__getitem__, threshold, methods)


class _Segment(NamedTuple):
    """A segment as it lies on disk: arrays are mapped, texts are read one by one."""

    folder: Path
    ranks: list[Rank]
    keys: list[str]  # hexadecimal, of each text
    sketch: Sketch
    places: NDArray[np.int64]  # bytes: where each text starts, and the end

    def text(self, number: int) -> str:
        with (self.folder / "texts").open("rb") as file:
            file.seek(int(self.places[number]))
            data = file.read(int(self.places[number + 1] - self.places[number]))
        return data.decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class DuplicateIndex:
    """The index in ``folder``, which is made when the first documents are added.

    One process writes at a time.
    """

    folder: Path

    def add(self, entries: Sequence[Entry]) -> int:
        """Add documents; return how many were not there before.

        Killed at any moment, whole segments are there; adding the same documents again adds what is
        missing. Raises UserError for an id that stands for another text already.
        """
        known = {
            rank.document: key
            for segment in self._segments()
            for rank, key in zip(segment.ranks, segment.keys, strict=True)
        }
        fresh = []
        for entry in sorted(entries, key=lambda one: one.rank.document):
            name, key = entry.rank.document, text_key(entry.text).hex()
            if name not in known:
                fresh.append(entry)
            if known.setdefault(name, key) != key:
                raise UserError(
                    f"{self.folder}: document {name} is there with another text; remove it first"
                )
        for start in range(0, len(fresh), SEGMENT):
            self._write(fresh[start : start + SEGMENT])
        return len(fresh)

    def remove(self, documents: Collection[str]) -> int:
        """Forget documents, texts and all; return how many were there."""
        gone = set(documents)
        removed = 0
        for segment in self._segments():
            left = [n for n, rank in enumerate(segment.ranks) if rank.document not in gone]
            if len(left) == len(segment.ranks):
                continue
            removed += len(segment.ranks) - len(left)
            # Killed in between, the rest is there twice, which reading forgives.
            if left:
                self._write([Entry(segment.ranks[n], segment.text(n)) for n in left])
            shutil.rmtree(segment.folder)
        return removed

    def clusters(self, threshold: float, methods: Collection[str] = NAMES) -> list[Cluster]:
        """Return the clusters of all documents, in order of rank of the members."""
        segments = list(self._segments())
        ranks = [rank for segment in segments for rank in segment.ranks]
        starts = np.cumsum([0, *(len(segment.ranks) for segment in segments)]).tolist()

        def text(place: int) -> str:
            at = bisect_right(starts, place) - 1
            return segments[at].text(place - starts[at])

        sketches = [segment.sketch for segment in segments]
        return _clusters(sketches, ranks, text, threshold, methods)

    def _write(self, entries: Sequence[Entry]) -> None:
        about = [[list(entry.rank), text_key(entry.text).hex()] for entry in entries]
        name = fingerprint(FORMAT, about)
        texts = [entry.text.encode("utf-8", "surrogatepass") for entry in entries]
        made = sketch([entry.text for entry in entries])
        with building(self.folder / name, name, made_with=_MADE_WITH) as folder:
            (folder / "about.json").write_text(json.dumps(about), "utf-8")
            (folder / "texts").write_bytes(b"".join(texts))
            np.save(folder / "places.npy", np.cumsum([0, *map(len, texts)], dtype=np.int64))
            for field in Sketch._fields:
                np.save(folder / f"{field}.npy", getattr(made, field))

    def _segments(self) -> Iterator[_Segment]:
        """Give the whole segments by name; a document that is in two counts in the first."""
        if not self.folder.is_dir():
            return
        for folder in sorted(self.folder.iterdir()):
            manifest = None if folder.name.startswith(".") else read_manifest(folder)
            if manifest is None:
                continue
            if manifest.get("made_with") != _MADE_WITH:
                raise UserError(
                    f"{folder}: made by another version of the index; delete {self.folder} and "
                    "add the documents again"
                )
            about = json.loads((folder / "about.json").read_text("utf-8"))
            arrays = [_mapped(folder / f"{field}.npy") for field in Sketch._fields]
            yield _Segment(
                folder,
                [Rank(*rank) for rank, _ in about],
                [key for _, key in about],
                Sketch(*arrays),
                _mapped(folder / "places.npy"),
            )


_MADE_WITH = {
    "format": FORMAT,
    "permutations": PERMUTATIONS,
    "seed": SEED,
    "shingle": SHINGLE,
    "gram": noise.GRAM,
    "sample": noise.SAMPLE,
}


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    if not array.size:
        return array  # nothing can be mapped
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _clusters(
    sketches: Sequence[Sketch],
    ranks: Sequence[Rank],
    text: Callable[[int], str],
    threshold: float,
    methods: Collection[str],
) -> list[Cluster]:
    first: dict[str, int] = {}
    for place, rank in enumerate(ranks):
        first.setdefault(rank.document, place)
    ranked = sorted(first.values(), key=ranks.__getitem__)
    return [
        Cluster(
            ranks[merge.member].document,
            ranks[merge.kept].document,
            merge.method,
            merge.similarity,
            ranks[merge.kept].reason(ranks[merge.member]),
        )
        for merge in find(sketches, text, ranked, threshold, methods)
    ]
