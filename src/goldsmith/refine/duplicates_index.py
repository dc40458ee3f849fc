"""All documents ever seen, on disk, so that tomorrow's folder is compared with everything before.

A segment is a folder that is wholly there or not there (`pipeline.artifact`): texts, sketches,
ranks. Nothing is ever changed in place. Clusters are not stored but found again from all segments,
so they are those of the set of documents, in whatever order and parts the documents came, also
where a newcomer is better than what was kept before. Sketches and texts stay on disk and are
mapped; memory grows with eight bytes a document and the keys that documents share.
"""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import building, fingerprint, read_manifest, sync
from goldsmith.refine import duplicates_noise as noise
from goldsmith.refine.duplicates_shingles import PERMUTATIONS, SEED, SHINGLE
from goldsmith.refine.duplicates_sketch import NAMES, Sketch, find, sketch, text_key

FORMAT = 1
SEGMENT = 4096  # documents
KNOWN = "known"  # the reason of a cluster whose kept document came before


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
    entries: Sequence[Entry],
    threshold: float,
    methods: Collection[str] = NAMES,
    before: Sequence[DuplicateIndex] = (),
) -> list[Cluster]:
    """Return the clusters of documents in memory, in order of rank of the members.

    Documents of the indexes ``before`` stay, all of them, and are members of nothing; what is kept
    for one of them has the reason `KNOWN`, and may have the same id.
    """
    segments = [segment for index in before for segment in index.segments()]
    known = [rank for segment in segments for rank in segment.ranks]
    read = _reader(segments)

    def text(place: int) -> str:
        return read(place) if place < len(known) else entries[place - len(known)].text

    sketches = [segment.sketch for segment in segments]
    own = sketch([entry.text for entry in entries], methods)
    ranks = [*known, *(entry.rank for entry in entries)]
    return _clusters([*sketches, own], ranks, text, threshold, methods, len(known))


class Segment(NamedTuple):
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
        known = {name: key for name, (_, key) in self.documents().items()}
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
        self._sweep()
        for segment in list(self.segments()):
            left = [n for n, rank in enumerate(segment.ranks) if rank.document not in gone]
            if len(left) == len(segment.ranks):
                continue
            removed += len(segment.ranks) - len(left)
            # Killed in between, the rest is there twice, which reading forgives.
            if left:
                self._write([Entry(segment.ranks[n], segment.text(n)) for n in left])
            hidden = segment.folder.with_name(f".{segment.folder.name}.gone")
            os.rename(segment.folder, hidden)  # so that no half of it is ever read
            sync(self.folder)
            shutil.rmtree(hidden)
        return removed

    def clusters(self, threshold: float, methods: Collection[str] = NAMES) -> list[Cluster]:
        """Return the clusters of all documents, in order of rank of the members."""
        segments = list(self.segments())
        ranks = [rank for segment in segments for rank in segment.ranks]
        sketches = [segment.sketch for segment in segments]
        return _clusters(sketches, ranks, _reader(segments), threshold, methods)

    def documents(self) -> dict[str, tuple[Rank, str]]:
        """Return rank and hash of the text of every document."""
        found: dict[str, tuple[Rank, str]] = {}
        for segment in self.segments():
            for rank, key in zip(segment.ranks, segment.keys, strict=True):
                found.setdefault(rank.document, (rank, key))
        return found

    def hold(self, entries: Sequence[Entry]) -> None:
        """Bring the index to these documents, no more and no other.

        Killed at any moment, the same call brings it there.
        """
        wanted = {one.rank.document: (one.rank, text_key(one.text).hex()) for one in entries}
        there = self.documents()
        self.remove([name for name, about in there.items() if wanted.get(name) != about])
        self.add(entries)

    def _sweep(self) -> None:
        """Take away what a killed process left of segments: it may hold what is to be forgotten."""
        for folder in self.folder.glob(".*") if self.folder.is_dir() else ():
            if folder.is_dir():
                shutil.rmtree(folder)

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

    def segments(self) -> Iterator[Segment]:
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
            yield Segment(
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


def _reader(segments: Sequence[Segment]) -> Callable[[int], str]:
    """Give the text at a place, places counting through the segments."""
    starts = np.cumsum([0, *(len(segment.ranks) for segment in segments)]).tolist()

    def text(place: int) -> str:
        at = bisect_right(starts, place) - 1
        return segments[at].text(place - starts[at])

    return text


def _clusters(
    sketches: Sequence[Sketch],
    ranks: Sequence[Rank],
    text: Callable[[int], str],
    threshold: float,
    methods: Collection[str],
    settled: int = 0,
) -> list[Cluster]:
    before = _ranked(ranks, 0, settled)
    ranked = [*before, *_ranked(ranks, settled, len(ranks))]
    return [
        Cluster(
            ranks[merge.member].document,
            ranks[merge.kept].document,
            merge.method,
            merge.similarity,
            KNOWN if merge.kept < settled else ranks[merge.kept].reason(ranks[merge.member]),
        )
        for merge in find(sketches, text, ranked, threshold, methods, len(before))
    ]


def _ranked(ranks: Sequence[Rank], start: int, end: int) -> list[int]:
    """Places of documents, best first; of those with one id the first."""
    first: dict[str, int] = {}
    for place in range(start, end):
        first.setdefault(ranks[place].document, place)
    return sorted(first.values(), key=ranks.__getitem__)
