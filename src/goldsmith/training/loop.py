"""The one loop that pretraining and tuning share: steps, validation, checkpoints, metrics.

Master weights, gradients of the step and optimizer moments are float32. Where the processor
multiplies bfloat16 natively, forward and backward run on a bfloat16 copy that is refreshed after
each step (no autocast, which casts every weight again in every layer). Validation always uses the
master weights, because those are what is published.

The metrics file holds only what a rerun repeats to the bit; seconds go to a file of their own.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from goldsmith.errors import ModelError
from goldsmith.models import Decoder
from goldsmith.pipeline.artifact import fingerprint
from goldsmith.pipeline.progress import Progress
from goldsmith.training.batches import Batch, Batches
from goldsmith.training.checkpoint import Checkpoints, Mark
from goldsmith.training.schedule import learning_rate

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    task: str
    """What the progress line and messages call it."""
    steps: int
    peak_learning_rate: float
    warmup: int
    weight_decay: float
    """Applied to matrices, not to norms and biases (Loshchilov & Hutter 2019)."""
    evaluate_every: int
    checkpoint_every: int
    threads: int
    """0: one for each core."""
    precision: Precision
    clip: float = 1.0
    """Largest global gradient norm (Pascanu et al. 2013)."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    folder: Path
    steps: int
    tokens: int
    """Target tokens trained on, repeats counted."""
    best_step: int
    """The step whose weights were kept; the last one where nothing was held out."""
    validation_loss: float | None
    """Nats a token at the best step, on the held-out batches."""


def fit(
    model: Decoder,
    batches: Batches,
    plan: Plan,
    checkpoints: Path,
    key: str,
    progress: Progress,
) -> Mark:
    """Train the parameters that require gradients; leave the best ones in ``model``.

    Resumes from ``checkpoints`` where they carry the same key. Raises ModelError naming the step
    where a loss or gradient is not finite; the last good checkpoint stays.
    """
    with _threads(plan.threads) as threads:
        compute_dtype = compute_precision(plan.precision)
        run_key = fingerprint(key, repr(plan), str(compute_dtype), threads, torch.__version__)
        store = Checkpoints(checkpoints, run_key)
        return _Run(model, batches, plan, store, compute_dtype, progress).run()


def compute_precision(precision: Precision) -> torch.dtype:
    """Return the dtype of forward and backward; "auto" asks what the processor has."""
    if precision == "auto":
        has = torch.cpu.get_capabilities()
        return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def validation_loss(model: Decoder, batches: Batches) -> float | None:
    """Return nats a target token over the held-out batches, or None where there are none."""
    total, count = 0.0, 0
    with torch.no_grad():
        for batch in batches.validation():
            loss, tokens = _loss(model, batch)
            total, count = total + float(loss), count + tokens
    return total / count if count else None


class _Run:
    """The changing state of one run."""

    def __init__(
        self,
        model: Decoder,
        batches: Batches,
        plan: Plan,
        store: Checkpoints,
        compute_dtype: torch.dtype,
        progress: Progress,
    ) -> None:
        self.model, self.batches, self.plan = model, batches, plan
        self.store, self.progress = store, progress
        self.compute = (
            model if compute_dtype == torch.float32 else copy.deepcopy(model).to(compute_dtype)
        )
        self.masters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.workers = {n: p for n, p in self.compute.named_parameters() if p.requires_grad}
        matrices = [p for p in self.masters.values() if p.ndim >= 2]
        others = [p for p in self.masters.values() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": plan.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=plan.peak_learning_rate,
            betas=(0.9, 0.95),
            fused=True,
        )
        self.saved = Mark(store.key, 0, 0, 0, 0, None)
        self.tokens = 0
        self.best_step = 0
        self.best_loss: float | None = None
        self.new_best: dict[str, Tensor] | None = None

    def run(self) -> Mark:
        plan = self.plan
        resumed = self.store.resume()
        if resumed is not None:
            self._restore(*resumed)
        self.progress.start(plan.task, plan.steps, "step")
        self.progress.advance(self.saved.step)
        began, before = time.perf_counter(), self.tokens
        with self.store.metrics.open("a", encoding="utf-8") as metrics:
            for step in range(self.saved.step + 1, plan.steps + 1):
                row: dict[str, float | None] = {"step": step, **self._step(step)}
                last = step == plan.steps
                if last or step % plan.evaluate_every == 0:
                    row["validation_loss"] = self._evaluate(step)
                metrics.write(json.dumps(row) + "\n")
                if last or step % plan.checkpoint_every == 0:
                    metrics.flush()
                    self._save(step)
                losses = {k: v for k, v in row.items() if k.endswith("loss") and v is not None}
                rate = (self.tokens - before) / (time.perf_counter() - began)
                self.progress.advance(1, **losses, tokens_per_second=rate)
        if self.best_step:
            _assign(self.masters, self.store.best(self.saved))
        self.progress.finish()
        return self.saved

    def _step(self, step: int) -> dict[str, float]:
        """Take one step (from 1) and return its metrics."""
        plan = self.plan
        total, count = _loss(self.compute, self.batches.batch(step - 1))
        # A batch without targets has loss 0 and moves nothing but the optimizer's averages.
        loss = total / max(1, count)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.compute is not self.model:
            for name, worker in self.workers.items():
                if worker.grad is not None:
                    self.masters[name].grad = worker.grad.float()
                    worker.grad = None
        norm = float(nn.utils.clip_grad_norm_(self.masters.values(), plan.clip))
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise ModelError(
                f"{plan.task}: step {step} has loss {value} and gradient norm {norm}; the "
                f"checkpoint of step {self.saved.step} is kept; lower the learning rate and run "
                "again"
            )
        rate = learning_rate(step - 1, plan.steps, plan.peak_learning_rate, plan.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._refresh()
        self.tokens += count
        return {
            "loss": value,
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens": self.tokens,
        }

    def _evaluate(self, step: int) -> float | None:
        loss = validation_loss(self.model, self.batches)
        if loss is not None and (self.best_loss is None or loss < self.best_loss):
            self.best_loss, self.best_step = loss, step
            self.new_best = {n: p.detach().clone() for n, p in self.masters.items()}
        return loss

    def _save(self, step: int) -> None:
        state: dict[str, Tensor] = {}
        for name, master in self.masters.items():
            state[f"weight.{name}"] = master
            for kind, value in self.optimizer.state[master].items():
                state[f"{kind}.{name}"] = value
        written = self.store.metrics.stat().st_size
        mark = Mark(self.store.key, step, self.tokens, written, self.best_step, self.best_loss)
        self.store.save(mark, state, self.new_best)
        self.saved, self.new_best = mark, None

    def _restore(self, mark: Mark, state: dict[str, Tensor]) -> None:
        _assign(self.masters, {n: state[f"weight.{n}"] for n in self.masters})
        for name, master in self.masters.items():
            kinds = ("step", "exp_avg", "exp_avg_sq")
            self.optimizer.state[master] = {kind: state[f"{kind}.{name}"] for kind in kinds}
        self._refresh()
        self.saved = mark
        self.tokens, self.best_step, self.best_loss = mark.tokens, mark.best_step, mark.best_loss

    def _refresh(self) -> None:
        """Bring the computing copy up to the masters."""
        if self.compute is not self.model:
            _assign(self.workers, self.masters)


def _loss(model: Decoder, batch: Batch) -> tuple[Tensor, int]:
    return model.loss(
        torch.as_tensor(batch.tokens),
        torch.as_tensor(batch.targets),
        positions=torch.as_tensor(batch.positions),
        segments=torch.as_tensor(batch.segments),
    )


def _assign(target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])


@contextmanager
def _threads(wanted: int) -> Iterator[int]:
    """Use ``wanted`` threads (0: one for each core) inside, and what there was after."""
    before = torch.get_num_threads()
    count = wanted or os.cpu_count() or 1
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)
