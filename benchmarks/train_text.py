"""Batches of characters for training benchmarks: windows of Shakespeare, or of our own prose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import DATA, ROOT

from goldsmith.training.batches import IGNORED

SHAKESPEARE = Path("corpus") / "tinyshakespeare.txt"


@dataclass(frozen=True)
class TextBatch:
    tokens: Any
    targets: Any
    segments: Any
    positions: Any


def text(data: Path | None) -> bytes:
    """Return tinyshakespeare where the data folder has it, else this project's documentation."""
    path = (data or DATA) / SHAKESPEARE
    if path.is_file():
        return path.read_bytes()
    return b"\n".join(p.read_bytes() for p in sorted((ROOT / "docs").rglob("*.md")))


class TextBatches:
    """Random windows of the first nine tenths; the last tenth, in order, is held out.

    Tokens are bytes, or with ``characters`` numbers of the bytes that occur.
    """

    def __init__(
        self, data: Path | None, context: int, rows: int, held: int = 8, characters: bool = False
    ) -> None:
        stream = np.frombuffer(text(data), np.uint8).astype(np.int64)
        if characters:
            stream = np.unique(stream, return_inverse=True)[1].astype(np.int64)
        border = int(0.9 * len(stream))
        self.vocabulary = int(stream.max()) + 1
        self.train, self.held = stream[:border], stream[border:]
        self.context, self.rows, self.batches = context, rows, held

    def batch(self, step: int) -> TextBatch:
        random = np.random.default_rng([7, step])
        starts = random.integers(0, len(self.train) - self.context - 1, self.rows)
        return self._make(self.train, starts)

    def validation(self) -> list[TextBatch]:
        size = self.context * self.rows
        count = min(self.batches, (len(self.held) - 1) // size) if self.batches else 0
        every = (len(self.held) - self.context - 1) // max(1, count * self.rows)
        return [
            self._make(self.held, (number * self.rows + np.arange(self.rows)) * every)
            for number in range(count)
        ]

    def _make(self, stream: Any, starts: Any) -> TextBatch:
        places = starts[:, None] + np.arange(self.context + 1)
        windows = stream[places]
        shape = (len(starts), self.context)
        positions = np.broadcast_to(np.arange(self.context), shape).copy()
        targets = windows[:, 1:].copy()
        assert IGNORED not in targets
        return TextBatch(windows[:, :-1].copy(), targets, np.zeros(shape, np.int64), positions)
