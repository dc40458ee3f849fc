"""What other cuts would move, told from stored scores before anything is moved."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pyarrow as pa

from goldsmith.project import RefineSettings
from goldsmith.refine.cut import decisions_for


class Moved(NamedTuple):
    """The passages of one document that one rule moves."""

    document: str
    way: str  # "out" of gold, or "back" into it
    rule: str  # the rule that cuts them now, or that cut them before
    passages: int
    characters: int


class Moves(NamedTuple):
    """All that would move; characters are those of passages, before de-duplication."""

    rows: list[Moved]
    passages: int  # of the corpus
    kept_before: int  # passages
    kept_after: int

    def total(self, way: str) -> tuple[int, int]:
        """Return (passages, characters) that go a way."""
        rows = [row for row in self.rows if row.way == way]
        return sum(row.passages for row in rows), sum(row.characters for row in rows)


def moves(
    passages: pa.Table, scores: pa.Table, rejects: pa.Table, settings: RefineSettings
) -> Moves:
    """Compare the decisions of these settings with the stored ones; change nothing.

    ``rejects`` are the rows that the stage `Cut` owns.
    """
    columns = (rejects[name].to_pylist() for name in ("subject", "rule"))
    before: dict[str, str] = dict(zip(*columns, strict=True))
    count: Counter[tuple[str, str, str]] = Counter()
    characters: Counter[tuple[str, str, str]] = Counter()
    total = gone = 0
    for passage, decision in decisions_for(passages, scores, settings):
        total += 1
        gone += decision is not None
        was = before.get(passage["id"])
        if (decision is None) == (was is None):
            continue
        way = ("back", was) if decision is None else ("out", decision.rule)
        key = (passage["document"], way[0], str(way[1]))
        count[key] += 1
        characters[key] += len(passage["text"])
    rows = [Moved(*key, count[key], characters[key]) for key in sorted(count)]
    return Moves(rows, total, total - len(before), total - gone)
