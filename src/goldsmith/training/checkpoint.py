"""The state of a run on disk: always one whole checkpoint, never half of one, never a pickle.

``state.json`` names the files that belong together and is replaced last, by a rename; a file it
does not name is left over from a kill and is removed. Weights and optimizer moments are
safetensors. The metrics file is cut back to the length it had at the checkpoint, so rows after it
are written once more and once only. A batch that broke a run lies in a folder beside, for a person.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from goldsmith.pipeline.artifact import sync, write_atomically

STATE = "state.json"
METRICS = "metrics.jsonl"
OFFENDING = "offending"


@dataclass(frozen=True)
class Kept:
    """Weights worth keeping: those after ``step``, of this validation loss (nats a token)."""

    loss: float
    step: int

    @property
    def file(self) -> str:
        return f"best-{self.step:08d}.safetensors"


@dataclass(frozen=True)
class Mark:
    """Where a run stands: what ``state.json`` holds."""

    key: str
    """Fingerprint of everything the run depends on; another key starts anew."""
    step: int
    """Steps done."""
    tokens: int
    """Target tokens trained on so far."""
    metrics_bytes: int
    kept: tuple[Kept, ...] = ()
    """The best weights so far, best first; empty before the first validation."""

    @property
    def state_file(self) -> str:
        return f"state-{self.step:08d}.safetensors"

    @property
    def best_step(self) -> int:
        """Step of the lowest validation loss; 0 where nothing was held out."""
        return self.kept[0].step if self.kept else 0

    @property
    def best_loss(self) -> float | None:
        return self.kept[0].loss if self.kept else None


class Checkpoints:
    """The checkpoint folder of one run."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self.metrics = folder / METRICS

    def resume(self) -> tuple[Mark, dict[str, Tensor]] | None:
        """Return the last checkpoint of this run, or None after clearing the folder.

        A folder of another run (another key) or with a damaged file is cleared: what it holds can
        be made again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            found = json.loads((self.folder / STATE).read_text("utf-8"))
            kept = tuple(Kept(**row) for row in found.pop("kept"))
            mark = Mark(**found, kept=kept)
            if mark.key == self.key and self.metrics.stat().st_size >= mark.metrics_bytes:
                tensors = load_file(self.folder / mark.state_file)
                for best in mark.kept:
                    load_file(self.folder / best.file)
                os.truncate(self.metrics, mark.metrics_bytes)
                return mark, tensors
        except (OSError, ValueError, TypeError, KeyError, SafetensorError):
            pass  # No checkpoint, or a damaged one: both mean to start anew.
        self._remove_except(())
        return None

    def save(
        self, mark: Mark, state: Mapping[str, Tensor], new: Mapping[int, Mapping[str, Tensor]]
    ) -> None:
        """Put a checkpoint down; ``new`` holds the kept weights, by step, not yet on disk."""
        self._write(mark.state_file, state)
        for best in mark.kept:
            if best.step in new:
                self._write(best.file, new[best.step])
        sync(self.metrics)
        write_atomically(self.folder / STATE, json.dumps(asdict(mark), indent=1, sort_keys=True))
        self._remove_except((STATE, METRICS, mark.state_file, *(best.file for best in mark.kept)))

    def best(self, mark: Mark) -> dict[str, Tensor]:
        """Return the weights of the best step."""
        tensors: dict[str, Tensor] = load_file(self.folder / mark.kept[0].file)
        return tensors

    def write_offending(self, step: int, arrays: Mapping[str, Tensor]) -> Path:
        """Write the batch of a step that broke the run; return its path."""
        path = self.folder / OFFENDING / f"batch-{step:08d}.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_file({k: t.contiguous() for k, t in arrays.items()}, path)
        return path

    def _write(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        temporary = self.folder / f".{name}.writing"
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, temporary)
        sync(temporary)
        os.replace(temporary, self.folder / name)

    def _remove_except(self, names: tuple[str, ...]) -> None:
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path.name not in names:
                path.unlink()
