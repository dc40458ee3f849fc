"""A toy world for training tests: a tokenizer folder, batches from a rule, and one run of a job.

`main` does a job in a process of its own and may kill that on the way: ``never``, ``step:N`` (when
the batch of step N is asked for) or ``save:N`` (in the N-th checkpoint, after its weights and
before its mark).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from goldsmith.models import Decoder, ModelConfig, save_model
from goldsmith.pipeline.progress import Silent
from goldsmith.project import ModelSettings, TrainSettings
from goldsmith.training import Outcome, checkpoint, pretrain, tune

Numbers = NDArray[np.int64]
VOCABULARY = 24
MODEL = ModelSettings(width=16, layers=2, heads=2, key_value_heads=1, hidden=24)
TRAIN = TrainSettings(
    steps=12,
    batch=4,
    warmup=2,
    learning_rate=1e-2,
    evaluate_every=4,
    checkpoint_every=3,
    tune_steps=10,
    tune_learning_rate=2e-2,
    lora_rank=2,
    threads=1,
)
BIASED = {
    "family": "gpt2",
    "key_value_heads": 2,
    "positions": "learned",
    "norm": "layer",
    "norm_bias": True,
    "qkv_bias": True,
    "output_bias": True,
    "activation": "gelu_tanh",
    "gated": False,
}
"""What makes the base a model with biases."""


@dataclass(frozen=True)
class ToyBatch:
    tokens: Numbers
    targets: Numbers
    segments: Numbers
    positions: Numbers


@dataclass(frozen=True)
class ToyBatches:
    """Sequences that count upwards by a stride: easy to learn, different in every batch."""

    rows: int = 4
    columns: int = 16
    on_step: Callable[[int], None] = lambda step: None

    def batch(self, step: int) -> ToyBatch:
        self.on_step(step)
        return self._make(step)

    def validation(self) -> Iterator[ToyBatch]:
        yield self._make(10_001)
        yield self._make(10_002)

    def _make(self, number: int) -> ToyBatch:
        random = np.random.default_rng([3, number])
        start = random.integers(0, VOCABULARY, (self.rows, 1))
        stride = random.integers(1, 4, (self.rows, 1))
        whole = (start + stride * np.arange(self.columns + 1)) % VOCABULARY
        targets = whole[:, 1:].copy()
        targets[:, :2] = -100
        half = self.columns // 2
        targets[:, half : half + 2] = -100
        segments = np.broadcast_to(np.arange(self.columns) // half, targets.shape)
        positions = np.broadcast_to(np.arange(self.columns) % half, targets.shape)
        return ToyBatch(whole[:, :-1].copy(), targets, segments.copy(), positions.copy())


def make_tokenizer(folder: Path) -> Path:
    from tokenizers import Tokenizer, models

    words = ["<|bos|>", "<|eos|>", "<|pad|>", *(f"w{i}" for i in range(VOCABULARY - 3))]
    folder.mkdir(parents=True, exist_ok=True)
    model = models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<|pad|>")
    Tokenizer(model).save(str(folder / "tokenizer.json"))
    return folder


def run_pretrain(root: Path, batches: ToyBatches, settings: TrainSettings = TRAIN) -> Outcome:
    return pretrain(
        batches,
        MODEL,
        settings,
        tokenizer=make_tokenizer(root / "tokenizer"),
        context=16,
        folder=root / "base",
        checkpoints=root / "checkpoints",
        key="toy",
        seed=5,
        progress=Silent(),
    )


def make_start(root: Path, **traits: Any) -> None:
    """Write the base that is tuned, unless it is there."""
    if (root / "start").is_dir():
        return
    config = ModelConfig(
        vocabulary=VOCABULARY,
        width=16,
        layers=2,
        heads=2,
        head_dim=8,
        hidden=24,
        context=16,
        tied=False,
        **{"key_value_heads": 1, **traits},
    )
    model = Decoder(config, seed=8)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 5.0  # far from the flat start, so that a small adapter has a hold
    save_model(model, root / "start")
    make_tokenizer(root / "start")


def run_tune(root: Path, batches: ToyBatches, settings: TrainSettings = TRAIN) -> Outcome:
    make_start(root)
    return tune(
        batches,
        settings,
        base=root / "start",
        folder=root / "adapter",
        merged=root / "merged",
        checkpoints=root / "checkpoints",
        key="toy",
        seed=5,
        progress=Silent(),
    )


def run_biases(root: Path, batches: ToyBatches, **more: Any) -> Outcome:
    make_start(root, **BIASED)
    return run_tune(root, batches, TRAIN.model_copy(update={"adapter": "bias", **more}))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(job: str, folder: str, kill: str) -> None:
    where, _, number = kill.partition(":")
    batches = ToyBatches()
    if where == "step":
        batches = ToyBatches(on_step=lambda step: die() if step == int(number) else None)
    if where == "save":
        write, calls = checkpoint.write_atomically, []

        def write_or_die(path: Path, data: str | bytes) -> None:
            calls.append(path)
            if len(calls) == int(number):
                die()
            write(path, data)

        checkpoint.write_atomically = write_or_die
    {"pretrain": run_pretrain, "tune": run_tune, "biases": run_biases}[job](Path(folder), batches)
