"""What other folders hold already: an index on disk that folders share, each with its own part.

A folder takes the next number when it is first compared (`taking_part`), and is compared with the
parts of lower numbers alone: never with its own part, which an earlier run of the same folder
left, nor with folders that came later, whose documents went for ours. So a run's result follows
from its documents and those of the folders before it, however often it was killed or repeated in
between, and of two twins exactly one stays. A part holds what its folder *keeps*: who goes for a
document of another folder goes for one that is in that folder's gold.

`content` is a digest of documents, ranks and texts, not of how they lie on the disk: it goes into
the key of the stage that compares, so that another set of documents before is another run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from goldsmith.errors import UserError
from goldsmith.lake import Lake
from goldsmith.pipeline.artifact import fingerprint, write_atomically
from goldsmith.refine.deduplicate import Deduplicate, entries_of, left_by_cut
from goldsmith.refine.duplicates_index import DuplicateIndex, Entry

_HELD = "held.json"
_TABLES = (*Deduplicate.reads, "clusters")


@dataclass(frozen=True)
class KnownDuplicates:
    """The parts of the folders before, and that of this folder."""

    before: tuple[Path, ...]
    own: Path

    def content(self) -> str:
        """Return a digest of the documents before; empty where there are none."""
        about = [sorted(DuplicateIndex(part).documents().values()) for part in self.before]
        return fingerprint(about) if any(about) else ""

    def keep(self, lake: Lake) -> None:
        """Bring this folder's part to the documents that its lake keeps.

        Killed at any moment, the next call does it.
        """
        key = fingerprint({name: lake.digest(name) for name in _TABLES})
        if _held(self.own) == key:
            return
        (self.own / _HELD).unlink(missing_ok=True)
        DuplicateIndex(self.own).hold(_kept(lake))
        write_atomically(self.own / _HELD, json.dumps(key))


@contextmanager
def taking_part(folder: Path, source: Path) -> Iterator[KnownDuplicates]:
    """Hold the index for the folder of documents ``source``; others wait meanwhile.

    The first time, the folder gets its number. Raises UserError where ``folder`` is no such index,
    cannot be written, or lies among the documents.
    """
    if folder.is_relative_to(source):
        raise UserError(
            f"{folder}: lies among the documents it is compared with; set refine.known_duplicates "
            "to a folder outside of them"
        )
    with _locked(folder):
        name = _name(source)
        parts = _parts(folder)
        own = next((part for part in parts if part.name.partition("-")[2] == name), None)
        if own is None:
            number = 1 + max((int(part.name.partition("-")[0]) for part in parts), default=0)
            own = folder / f"{number:06d}-{name}"
            own.mkdir()
        yield KnownDuplicates(tuple(part for part in parts if part.name < own.name), own)


def forget_known(folder: Path, source: Path, documents: Collection[str]) -> int:
    """Take documents of this folder out of the index; return how many were there."""
    if not folder.is_dir():
        return 0
    with taking_part(folder, source) as known:
        (known.own / _HELD).unlink(missing_ok=True)
        return DuplicateIndex(known.own).remove(documents)


def names_of(folder: Path, documents: Collection[str]) -> dict[str, str]:
    """Return the file name of each of the documents that some folder's part holds."""
    found: dict[str, str] = {}
    for part in _parts(folder) if folder.is_dir() else ():
        for document, (rank, _) in DuplicateIndex(part).documents().items():
            if document in documents:
                found.setdefault(document, rank.name)
    return found


def _kept(lake: Lake) -> Sequence[Entry]:
    tables = {name: lake.read(name) for name in _TABLES}
    gone = set(tables["clusters"].column("member").to_pylist())
    passages = left_by_cut(tables)
    return [one for one in entries_of(passages, tables) if one.rank.document not in gone]


def _held(part: Path) -> str | None:
    try:
        value = json.loads((part / _HELD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _name(source: Path) -> str:
    """A folder of documents, told by its path: the same for any workspace of it."""
    return hashlib.sha256(str(source.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _parts(folder: Path) -> list[Path]:
    """Return the parts in the order of their numbers, which is that of their coming."""
    found = [path for path in folder.iterdir() if path.name[:6].isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: path.name)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _parts(folder) and any(path.name != ".lock" for path in folder.iterdir()):
            raise UserError(
                f"{folder}: is not an index of known duplicates and not empty; "
                "set refine.known_duplicates to another folder"
            )
        file = (folder / ".lock").open("a+")
    except OSError as error:
        raise UserError(
            f"{folder}: cannot hold the index of known duplicates ({error.strerror}); "
            "set refine.known_duplicates to a folder that can be written"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
