"""Folders that are either wholly there or not there: tokenizers, shards, models, indexes.

An artifact is built in a temporary sibling folder, given a ``manifest.json`` (the fingerprint of
what it was made from, and the SHA-256 of every file), synced, and renamed into place. Killed at any
moment, the old artifact or the new one is there, never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def fingerprint(*parts: Any) -> str:
    """Return a hex digest of JSON-able parts, equal for equal parts."""
    data = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(data.encode()).hexdigest()[:32]


def is_current(folder: Path, key: str) -> bool:
    """Whether the artifact in ``folder`` was made from what ``key`` stands for."""
    manifest = read_manifest(folder)
    return manifest is not None and manifest.get("fingerprint") == key


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an artifact, or None where there is none that can be read."""
    try:
        value = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def building(folder: Path, key: str, **about: Any) -> Iterator[Path]:
    """Yield an empty folder to fill; on success it becomes ``folder``, on error it vanishes.

    ``about`` is written into the manifest beside the fingerprint and must be JSON-able and free of
    wall-clock time, since manifests are compared between runs.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        files = sorted(path for path in temporary.rglob("*") if path.is_file())
        manifest = {
            "fingerprint": key,
            "files": {path.relative_to(temporary).as_posix(): file_digest(path) for path in files},
            **about,
        }
        write_atomically(temporary / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
        for path in files:
            sync(path)
        replace_folder(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a whole file or nothing: temporary sibling, fsync, rename."""
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("wb") as file:
        file.write(data.encode("utf-8") if isinstance(data, str) else data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_folder(new: Path, old: Path) -> None:
    """Put ``new`` where ``old`` is; a crash between the two renames leaves none, to be rebuilt."""
    if old.exists():
        gone = old.with_name(f".{old.name}.replaced")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(old, gone)
        os.rename(new, old)
        shutil.rmtree(gone, ignore_errors=True)
    else:
        os.rename(new, old)
    sync(old.parent)
