"""The curves of running jobs for TensorBoard, read off the metrics files that the loop writes.

The metrics file is the record and repeats to the bit; TensorBoard's files carry times, so they lie
apart and can be thrown away. A board listens to the progress of a job and copies the rows that are
new since it last looked. One that starts again writes every row again and purges the older ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from goldsmith.errors import MissingExtraError
from goldsmith.pipeline.progress import Progress, Unit

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Board:
    """A progress listener that passes everything on and keeps TensorBoard's files up to date.

    ``checkpoints`` holds a folder for each job, ``folder`` gets one of the same name with its
    curves. Raises MissingExtraError where TensorBoard is not installed.
    """

    def __init__(self, inner: Progress, checkpoints: Path, folder: Path) -> None:
        try:
            from torch.utils import tensorboard
        except ImportError as error:
            raise MissingExtraError("writing curves for TensorBoard", "tensorboard") from error
        self._make = tensorboard.SummaryWriter
        self._inner, self._checkpoints, self._folder = inner, checkpoints, folder
        self._read: dict[Path, int] = {}
        self._writers: dict[Path, SummaryWriter] = {}

    def start(self, task: str, total: int | None, unit: str, done: int = 0) -> None:
        self._inner.start(task, total, unit, done)

    def advance(self, amount: int = 1, **figures: float | str) -> None:
        self._inner.advance(amount, **figures)
        self.update()

    def finish(self, message: str = "") -> None:
        self.update()
        self._inner.finish(message)

    def hold(self, units: Sequence[Unit]) -> None:
        self._inner.hold(units)

    def update(self) -> None:
        """Copy the rows that came since the last call."""
        for path in sorted(self._checkpoints.glob("*/metrics.jsonl")):
            seen = self._read.get(path, 0)
            if path.stat().st_size > seen:
                with path.open("rb") as file:
                    file.seek(seen)
                    new = file.read()
                whole = new[: new.rfind(b"\n") + 1]
                self._write(path, [json.loads(line) for line in whole.splitlines()])
                self._read[path] = seen + len(whole)

    def close(self) -> None:
        """Write what is left and close the files."""
        self.update()
        for writer in self._writers.values():
            writer.close()

    def _write(self, path: Path, rows: Sequence[dict[str, float | None]]) -> None:
        for row in rows:
            step = int(row["step"] or 0)
            if path not in self._writers:
                # Steps of an earlier board in this folder, this one and later ones, are void.
                folder = str(self._folder / path.parent.name)
                self._writers[path] = self._make(folder, purge_step=step)
            for name, value in row.items():
                if name != "step" and value is not None:
                    self._writers[path].add_scalar(name, value, step)
        if path in self._writers:
            self._writers[path].flush()
