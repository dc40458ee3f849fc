"""Documents that are left alone until a person says otherwise, and why.

A document is quarantined when it met a limit of time or memory, killed its worker twice, or made a
stage fail. The file is written whole after each change; the rows that stand for the document in the
lake are the stage's or the caller's to make. Entries know the stage and the key of what they failed
with: when settings or the document change, it is tried again by itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from goldsmith.errors import GoldsmithError
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.pipeline.pool import Cause


@dataclass(frozen=True)
class Quarantined:
    """``key`` stands for the stage, its settings and the document's rows it failed with."""

    document: str
    stage: str
    cause: Cause
    detail: str  # one line
    key: str


class StageFailedError(GoldsmithError):
    """A stage failed on documents for which it has no rows of failure; they are quarantined now."""

    def __init__(self, stage: str, failed: Mapping[str, Quarantined]) -> None:
        self.stage = stage
        self.failed = dict(failed)
        first = next(iter(failed.values()))
        more = f" and {len(failed) - 1} others" if len(failed) > 1 else ""
        super().__init__(
            f"{first.document}{more}: stage '{stage}' failed ({first.cause}: {first.detail}); "
            "run the same command again to go on without, or see `goldsmith status`"
        )


def read_quarantine(path: Path) -> dict[str, Quarantined]:
    """Return the quarantined documents by id; none where the file is missing.

    Raises GoldsmithError when the file is damaged.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))
        return {row["document"]: Quarantined(**row) for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GoldsmithError(
            f"{path}: cannot be read ({error}); delete it, and every document is tried again"
        ) from error


def release(path: Path) -> list[str]:
    """Let every quarantined document be tried once more; return their ids.

    Their entries lose their key and stay until the stage has tried them, so that nothing is lost
    when the process is killed in between.
    """
    entries = read_quarantine(path)
    if entries:
        write_quarantine(path, {name: replace(one, key="") for name, one in entries.items()})
    return sorted(entries)


def keep_only(path: Path, documents: Collection[str]) -> None:
    """Drop the entries of documents that are not there any more."""
    entries = read_quarantine(path)
    kept = {name: one for name, one in entries.items() if name in documents}
    if kept != entries:
        write_quarantine(path, kept)


def write_quarantine(path: Path, entries: Mapping[str, Quarantined]) -> None:
    """Replace the file."""
    rows = [asdict(entries[document]) for document in sorted(entries)]
    write_atomically(path, json.dumps(rows, indent=1))
