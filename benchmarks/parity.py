"""Does the model we save compute the same in transformers? Prints the largest logit difference.

With ``--workspace DIR`` the model is DIR/models/merged, as a run left it. Where there is none, a
small decoder is trained here for a few steps, so that no weight is at its start value. The last
line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import AutoModelForCausalLM

from goldsmith.models import load_model
from goldsmith.pipeline.progress import Silent
from goldsmith.project import ModelSettings, TrainSettings
from goldsmith.training import pretrain

ROWS, COLUMNS, SEED = 4, 128, 0


@dataclass(frozen=True)
class CountingBatch:
    tokens: Tensor
    targets: Tensor
    segments: Tensor
    positions: Tensor


class CountingBatches:
    """Rows that count upwards by a stride: something a few steps can learn."""

    def batch(self, step: int) -> CountingBatch:
        generator = torch.Generator().manual_seed(step)
        start = torch.randint(0, 256, (8, 1), generator=generator)
        stride = torch.randint(1, 5, (8, 1), generator=generator)
        rows = (start + stride * torch.arange(65)) % 256
        zeros = torch.zeros(8, 64, dtype=torch.int64)
        return CountingBatch(rows[:, :-1], rows[:, 1:], zeros, torch.arange(64).expand(8, 64))

    def validation(self) -> Iterator[CountingBatch]:
        yield self.batch(100_000)


def small_model(root: Path) -> Path:
    """Train a small decoder and return its folder."""
    words = {f"w{number}": number for number in range(256)}
    (root / "tokenizer").mkdir()
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.save(str(root / "tokenizer" / "tokenizer.json"))
    pretrain(
        CountingBatches(),
        ModelSettings(width=64, layers=3, heads=4, key_value_heads=2, hidden=160),
        TrainSettings(steps=60, batch=8, evaluate_every=60),
        tokenizer=root / "tokenizer",
        context=256,
        folder=root / "model",
        checkpoints=root / "checkpoints",
        key="parity",
        seed=SEED,
        progress=Silent(),
    )
    return root / "model"


def max_logit_diff(folder: Path) -> dict[str, float]:
    """Compare logits (rows, columns, vocabulary) in float32 on random tokens."""
    ours = load_model(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    columns = min(COLUMNS, ours.config.context)
    generator = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(0, ours.config.vocabulary, (ROWS, columns), generator=generator)
    with torch.inference_mode():
        mine, other = ours(tokens), theirs(tokens).logits
    return {
        "max_logit_diff": float((mine - other).abs().max()),
        "max_logit": float(other.abs().max()),
        "logits": mine.numel(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, help="compare DIR/models/merged")
    workspace: Path | None = parser.parse_args().workspace
    with tempfile.TemporaryDirectory() as temporary:
        folder = workspace / "models" / "merged" if workspace else None
        if folder is None or not folder.is_dir():
            folder = small_model(Path(temporary))
        figures = max_logit_diff(folder)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "torch": torch.__version__}
    print(json.dumps({"name": "parity", "figures": figures, "machine": machine}))


if __name__ == "__main__":
    main()
