"""Ids are content hashes: the same input gives the same id on any machine, in any order, for ever.

An id is one letter for its kind, a hyphen, and 20 hexadecimal digits (80 bits) of SHA-256 over the
parts it is made of. Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

Kind = Literal[
    "document", "line", "passage", "chunk", "reject", "example", "answer", "run", "model"
]
LETTERS: dict[Kind, str] = {
    "document": "d",
    "line": "l",
    "passage": "p",
    "chunk": "c",
    "reject": "r",
    "example": "x",
    "answer": "a",
    "run": "u",
    "model": "m",
}
KINDS: dict[str, Kind] = {letter: kind for kind, letter in LETTERS.items()}


def content_id(kind: Kind, *parts: str | int | bytes) -> str:
    """Return the id of the given kind for these parts, for example ``c-0f3a…``."""
    digest = hashlib.sha256(b"".join(map(_framed, parts)))
    return f"{LETTERS[kind]}-{digest.hexdigest()[:20]}"


def content_ids(
    kind: Kind, shared: Sequence[str | int | bytes], rows: Iterable[Sequence[str | int | bytes]]
) -> list[str]:
    """Return `content_id` of (kind, *shared, *row) for each row, without hashing twice."""
    start = hashlib.sha256(b"".join(map(_framed, shared)))
    letter = LETTERS[kind]
    ids = []
    for row in rows:
        digest = start.copy()
        digest.update(b"".join(map(_framed, row)))
        ids.append(f"{letter}-{digest.hexdigest()[:20]}")
    return ids


def _framed(part: str | int | bytes) -> bytes:
    data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def kind_of(identifier: str) -> Kind | None:
    """Return the kind an id says it is, or None when it is not one of our ids."""
    letter, _, rest = identifier.partition("-")
    return KINDS.get(letter) if len(rest) == 20 else None
