"""The state of a run on disk: always one whole checkpoint, never half of one, never a pickle.

``state.json`` names the files that belong together and is replaced last, by a rename; a file it
does not name is left over from a kill and is removed. Weights and optimizer moments are
safetensors. The metrics file is cut back to the length it had at the checkpoint, so rows after it
are written once more and once only.
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
    best_step: int
    """Step of the lowest validation loss so far; 0 before the first validation."""
    best_loss: float | None

    @property
    def state_file(self) -> str:
        return f"state-{self.step:08d}.safetensors"

    @property
    def best_file(self) -> str:
        return f"best-{self.best_step:08d}.safetensors"


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
            mark = Mark(**json.loads((self.folder / STATE).read_text("utf-8")))
            if mark.key == self.key and self.metrics.stat().st_size >= mark.metrics_bytes:
                tensors = load_file(self.folder / mark.state_file)
                if mark.best_step:
                    load_file(self.folder / mark.best_file)
                os.truncate(self.metrics, mark.metrics_bytes)
                return mark, tensors
        except (OSError, ValueError, TypeError, SafetensorError):
            pass  # No checkpoint, or a damaged one: both mean to start anew.
        self._remove_except(())
        return None

    def save(
        self, mark: Mark, state: Mapping[str, Tensor], best: Mapping[str, Tensor] | None
    ) -> None:
        """Put a checkpoint down; ``best`` only where it changed since the last one."""
        self._write(mark.state_file, state)
        if best is not None:
            self._write(mark.best_file, best)
        sync(self.metrics)
        write_atomically(self.folder / STATE, json.dumps(asdict(mark), indent=1, sort_keys=True))
        self._remove_except((STATE, METRICS, mark.state_file, mark.best_file))

    def best(self, mark: Mark) -> dict[str, Tensor]:
        """Return the weights of the best step."""
        tensors: dict[str, Tensor] = load_file(self.folder / mark.best_file)
        return tensors

    def _write(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        temporary = self.folder / f".{name}.writing"
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, temporary)
        sync(temporary)
        os.replace(temporary, self.folder / name)

    def _remove_except(self, names: tuple[str, ...]) -> None:
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path.name not in names:
                path.unlink()
