"""The byte ledger: kept + removed + merged = input, for every document, in characters.

Input is every character of every raw line. A character is kept when a gold chunk's span covers it,
removed when a reject does, merged when that reject names the twin that stays. The account is taken
per character, not only in sums: one that is covered twice, or not at all, is an error even where
the totals agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldsmith.errors import LedgerError
from goldsmith.lake.tables import Lake


@dataclass(frozen=True)
class Account:
    """One file's characters. ``lost`` belong to nothing, ``twice`` to two; both must be 0."""

    document: str
    uri: str
    input: int
    kept: int
    removed: int
    merged: int
    lost: int
    twice: int

    @property
    def balanced(self) -> bool:
        total = self.kept + self.removed + self.merged
        return not self.lost and not self.twice and total == self.input


@dataclass(frozen=True)
class Ledger:
    """The accounts of all files, failed and duplicate ones included (with nothing to account)."""

    accounts: tuple[Account, ...]

    @property
    def balanced(self) -> bool:
        return all(account.balanced for account in self.accounts)

    def total(self, column: str) -> int:
        return sum(int(getattr(account, column)) for account in self.accounts)

    def require_balance(self) -> None:
        """Raise LedgerError naming the first file that does not balance."""
        for account in self.accounts:
            if not account.balanced:
                raise LedgerError(
                    f"{account.uri}: the ledger does not balance: input {account.input} characters,"
                    f" kept {account.kept}, removed {account.removed}, merged {account.merged}"
                    f" ({account.lost} unaccounted for, {account.twice} counted twice);"
                    f" run `goldsmith why {account.document}` and report this"
                )


def take_stock(lake: Lake) -> Ledger:
    """Account for every character of every document in the lake."""
    lines = by_document(lake.read("lines", ["document", "order", "id", "text"]))
    rejects = by_document(lake.read("rejects"))
    chunks = by_document(lake.read("chunks", ["document", "order", "spans"]))
    nothing = pa.table({})
    accounts = []
    inputs: dict[str, int] = {}  # the first of several copies comes first in key order
    for file in lake.read("documents").to_pylist():
        name = file["id"]
        if file["status"] == "duplicate":  # not read: all it would have given is in the first
            size = inputs[name]
            accounts.append(Account(name, file["uri"], size, 0, 0, size, 0, 0))
            continue
        rows = (tables.get(name, nothing) for tables in (lines, rejects, chunks))
        account = account_for(name, file["uri"], *rows)
        inputs[name] = account.input
        accounts.append(account)
    return Ledger(tuple(accounts))


def account_for(
    document: str, uri: str, lines: pa.Table, rejects: pa.Table, chunks: pa.Table
) -> Account:
    """Take one document's account from its rows."""
    if not lines.num_rows:
        return Account(document, uri, 0, 0, 0, 0, 0, 0)
    lengths = pc.utf8_length(lines["text"]).to_numpy().astype(np.int64)
    bases = np.concatenate([[0], np.cumsum(lengths)])
    place = dict(zip(lines["id"].to_pylist(), bases[:-1].tolist(), strict=True))
    size = int(bases[-1])
    spans = pc.list_flatten(chunks["spans"]) if chunks.num_rows else None
    kept = np.zeros(size, bool)
    if spans is not None and len(spans):
        kept = _coverage(size, place, *(pc.struct_field(spans, n) for n in _RANGE)) > 0
    removed = merged = np.zeros(size, np.int32)
    if rejects.num_rows:
        twin = pc.is_valid(rejects["merged_into"])
        gone, joined = rejects.filter(pc.invert(twin)), rejects.filter(twin)
        removed = _coverage(size, place, *(gone[name] for name in _RANGE))
        merged = _coverage(size, place, *(joined[name] for name in _RANGE))
    cover = kept.astype(np.int32) + removed + merged
    return Account(
        document,
        uri,
        input=size,
        kept=int(kept.sum()),
        removed=int((removed > 0).sum()),
        merged=int((merged > 0).sum()),
        lost=int((cover == 0).sum()),
        twice=int((cover > 1).sum()),
    )


_RANGE = ("line", "start", "end")


def _coverage(
    size: int, place: dict[str, int], line: pa.Array, start: pa.Array, end: pa.Array
) -> np.ndarray:
    """How many ranges cover each character: (size,) int32."""
    base = np.fromiter((place[name] for name in line.to_pylist()), np.int64, len(line))
    steps = np.zeros(size + 1, np.int32)
    np.add.at(steps, base + start.to_numpy(zero_copy_only=False), 1)
    np.add.at(steps, base + end.to_numpy(zero_copy_only=False), -1)
    return np.cumsum(steps[:-1], dtype=np.int32)


def by_document(table: pa.Table) -> dict[str, pa.Table]:
    """Return the rows of each document of a table that is in order of documents."""
    return dict(_runs(table))


def _runs(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split a table that is in order of documents into one table a document."""
    if not table.num_rows:
        return
    encoded = table["document"].combine_chunks().dictionary_encode()
    indices, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    starts = np.flatnonzero(np.diff(indices, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(indices)], strict=True):
        yield names[indices[start]], table.slice(int(start), int(end - start))
