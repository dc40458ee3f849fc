"""What a model wrote, kept as it came: killed at any moment, nothing that was paid for is lost.

One JSON object a line: the key of the question, the document it is about, the reply. Each is on the
disk before the next is asked; half a line at the end counts for nothing and is cut off. So the
examples follow from the file, and a run again gives the same, whatever the server says by then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldsmith.datasets import Writer
from goldsmith.pipeline.artifact import fingerprint, write_atomically


def remembering(writer: Writer, path: Path, name: str, documents: Mapping[str, str]) -> Writer:
    """Return a writer that asks ``writer`` only what ``path`` does not answer, and keeps it there.

    ``name`` says which model it is: another is asked anew. ``documents`` gives the document of each
    text that is asked about.
    """
    known = {row["key"]: row["reply"] for row in _rows(path)}

    def write(messages: Sequence[Mapping[str, str]]) -> str:
        key = fingerprint(name, [dict(message) for message in messages])
        if key not in known:
            known[key] = writer(messages)
            about = documents[messages[-1]["content"]]
            _append(path, {"key": key, "document": about, "reply": known[key]})
        return str(known[key])

    return write


def forget_replies(path: Path, documents: Collection[str]) -> int:
    """Drop what was written about documents; return how many replies that were."""
    if not path.is_file():
        return 0
    rows = _rows(path)
    left = [row for row in rows if row["document"] not in documents]
    write_atomically(path, "".join(map(_line, left)))
    return len(rows) - len(left)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines; cut off half a one that a killed process left."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _append(path: Path, row: Mapping[str, str]) -> None:
    with path.open("ab") as file:
        file.write(_line(row).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"
