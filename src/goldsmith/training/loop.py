"""The one loop of every kind of training: steps, validation, checkpoints, metrics.

Masters, gradients of a step and moments are float32; where the processor multiplies bfloat16
natively, forward and backward run on bfloat16 weights (see `precision`; no autocast, which casts
every weight again in every layer). A step's loss is the sum over all its targets divided by their
number, however many micro-batches it took.

The metrics file holds only what a rerun repeats to the bit; rates go to the progress line alone.
"""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, forget_room
from goldsmith.pipeline import pages_kept
from goldsmith.pipeline.artifact import fingerprint
from goldsmith.pipeline.progress import Progress
from goldsmith.training.batches import Batches, in_order, micro_batches, tensors_of
from goldsmith.training.checkpoint import Checkpoints, Kept, Mark
from goldsmith.training.cost import matmul_rate, trained_flops
from goldsmith.training.device import PROCESSOR, device_name, device_of, held_bytes, placed
from goldsmith.training.objectives import Arrays, Objective, causal
from goldsmith.training.optimizers import clip, make_optimizer
from goldsmith.training.precision import Weights
from goldsmith.training.recipe import Plan, Precision
from goldsmith.training.schedule import learning_rate


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
    model: nn.Module,
    batches: Batches,
    plan: Plan,
    checkpoints: Path,
    key: str,
    progress: Progress,
    objective: Objective = causal,
) -> Mark:
    """Train the parameters that require gradients; leave the best ones in ``model``.

    Resumes from ``checkpoints`` where they carry the same key. On SIGTERM the step is finished, a
    checkpoint written, and SystemExit(143) raised. Raises ModelError naming the step where a loss
    or gradient is not finite; the last good checkpoint stays and the batch is written beside it.
    """
    with _threads(plan.threads) as threads, pages_kept(), _terminated() as stop:
        device = device_of(model)
        dtype = compute_precision(plan.precision, device)
        run_on = (device_name(device), threads, torch.__version__)
        run_key = fingerprint(key, repr(plan), str(dtype), *run_on)
        store = Checkpoints(checkpoints, run_key)
        try:
            return _Run(model, batches, plan, store, dtype, progress, objective, stop).run()
        finally:
            forget_room()


def compute_precision(precision: Precision, device: torch.device = PROCESSOR) -> torch.dtype:
    """Return the dtype of forward and backward; "auto" asks what the device has."""
    if precision == "auto" and device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if precision == "auto":
        has = torch.cpu.get_capabilities()
        return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def validation_loss(
    model: nn.Module, batches: Batches, objective: Objective = causal
) -> float | None:
    """Return nats a target token over the held-out batches, or None where there are none."""
    total, count = 0.0, 0
    training = model.training
    model.eval()
    with torch.no_grad():
        for batch in batches.validation():
            loss, tokens = objective(model, placed(tensors_of(batch), device_of(model)))
            total, count = total + float(loss), count + tokens
    model.train(training)
    return total / count if count else None


def accumulate(
    model: nn.Module, arrays: Arrays, rows: int, weights: Weights, objective: Objective = causal
) -> tuple[float, int]:
    """Leave a step's mean gradient on the masters; return its mean loss and count of targets.

    ``rows`` go through the model at once. Summed losses are differentiated and divided by the
    count of the whole step at the end, so pieces with few targets weigh as little as they should.
    """
    total, count = 0.0, 0
    device = device_of(model)
    for piece in micro_batches(arrays, rows):
        loss, targets = objective(model, placed(piece, device))
        if targets:
            loss.backward()  # type: ignore[no-untyped-call]
        total, count = total + loss.item(), count + targets
    # A batch without targets has loss 0 and moves nothing but the optimizer's averages.
    gradients = [w.grad for w in weights.masters.values() if w.grad is not None]
    if count > 1 and gradients:
        torch._foreach_div_(gradients, float(count))
    return total / max(1, count), count


@dataclass
class _Run:
    """The changing state of one run."""

    model: nn.Module
    batches: Batches
    plan: Plan
    store: Checkpoints
    dtype: torch.dtype
    progress: Progress
    objective: Objective
    stop: threading.Event

    def __post_init__(self) -> None:
        plan = self.plan
        self.weights = Weights(self.model, self.dtype)
        self.masters = self.weights.masters
        self.optimizer = make_optimizer(plan.optimizer, self.masters, plan.weight_decay)
        self.mean = {n: w.detach().clone() for n, w in self.masters.items()} if plan.ema else None
        self.saved = Mark(self.store.key, 0, 0, 0)
        self.tokens = 0
        self.kept: tuple[Kept, ...] = ()
        self.new: dict[int, dict[str, Tensor]] = {}

    def run(self) -> Mark:
        plan = self.plan
        resumed = self.store.resume()
        if resumed is not None:
            self._restore(*resumed)
        self.progress.start(plan.task, plan.steps, "step")
        self.progress.advance(self.saved.step)
        if isinstance(self.model, Decoder):
            self.model.recompute = plan.recompute
        self.model.train()
        speed = _Speed(self.model, self.dtype, self.tokens)
        ahead = in_order(self.batches, self.saved.step, plan.steps, plan.loaders)
        with self.store.metrics.open("a", encoding="utf-8") as metrics:
            for step in range(self.saved.step + 1, plan.steps + 1):
                if self._stalled(step - 1):
                    break
                row: dict[str, float | None] = {"step": step, **self._step(step, next(ahead))}
                last = step == plan.steps
                if last or step % plan.evaluate_every == 0:
                    row["validation_loss"] = self._evaluate(step)
                metrics.write(json.dumps(row) + "\n")
                stopping = self.stop.is_set()
                if last or stopping or step % plan.checkpoint_every == 0 or self._stalled(step):
                    metrics.flush()
                    self._save(step)
                losses = {k: v for k, v in row.items() if k.endswith("loss") and v is not None}
                self.progress.advance(1, **losses, **speed.figures(self.tokens))
                if stopping and not last:
                    self.progress.finish(f"stopped at step {step}; run again to go on")
                    raise SystemExit(128 + signal.SIGTERM)
        self.weights.finish(self.store.best(self.saved) if self.saved.kept else self.mean)
        early = self.saved.step < plan.steps
        self.progress.finish(f"best at step {self.saved.kept[0].step}" if early else "")
        return self.saved

    def _step(self, step: int, arrays: Arrays) -> dict[str, float]:
        """Take one step (from 1) and return its metrics."""
        plan = self.plan
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(step)  # what is dropped depends on the step alone
            loss, count = accumulate(
                self.model, arrays, plan.micro_batch, self.weights, self.objective
            )
        norm = clip(self.masters.values(), plan.clip)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            path = self.store.write_offending(step, arrays)
            raise ModelError(
                f"{plan.task}: step {step} has loss {loss} and gradient norm {norm}; the "
                f"checkpoint of step {self.saved.step} is kept and the batch is in {path}; lower "
                "the learning rate and run again"
            )
        rate = learning_rate(
            step - 1, plan.steps, plan.peak_learning_rate, plan.warmup, plan.schedule
        )
        self.optimizer.step(rate)
        self.weights.drop_gradients()
        self.weights.refresh()
        if self.mean is not None:
            with torch.no_grad():
                for name, mean in self.mean.items():
                    mean.lerp_(self.masters[name], 1.0 - plan.ema)
        self.tokens += count
        return {"loss": loss, "learning_rate": rate, "gradient_norm": norm, "tokens": self.tokens}

    def _evaluate(self, step: int) -> float | None:
        with self.weights.published(self.mean):
            loss = validation_loss(self.model, self.batches, self.objective)
        if loss is None or not math.isfinite(loss):
            return None
        # Among equal losses the earlier step is better.
        kept = sorted((*self.kept, Kept(loss, step)), key=lambda k: (k.loss, k.step))
        self.kept = tuple(kept[: self.plan.keep])
        if any(best.step == step for best in self.kept):
            source = self.mean or self.masters
            self.new[step] = {n: w.detach().clone() for n, w in source.items()}
        wanted = {best.step for best in self.kept}
        self.new = {at: weights for at, weights in self.new.items() if at in wanted}
        return loss

    def _stalled(self, step: int) -> bool:
        """Whether the validations up to ``step`` brought nothing better for too long."""
        patience = self.plan.patience * self.plan.evaluate_every
        return bool(patience and self.kept and step - self.kept[0].step >= patience)

    def _save(self, step: int) -> None:
        state = {f"weight.{name}": master for name, master in self.masters.items()}
        state |= {f"mean.{name}": mean for name, mean in (self.mean or {}).items()}
        state |= {f"optimizer.{name}": value for name, value in self.optimizer.state().items()}
        written = self.store.metrics.stat().st_size
        mark = Mark(self.store.key, step, self.tokens, written, self.kept)
        self.store.save(mark, state, self.new)
        self.saved, self.new = mark, {}

    def _restore(self, mark: Mark, state: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, master in self.masters.items():
                master.copy_(state[f"weight.{name}"])
            for name, mean in (self.mean or {}).items():
                mean.copy_(state[f"mean.{name}"])
        head = "optimizer."
        moments = {n.removeprefix(head): t for n, t in state.items() if n.startswith(head)}
        self.optimizer.restore(moments)
        self.weights.refresh()
        self.saved, self.tokens, self.kept = mark, mark.tokens, mark.kept


class _Speed:
    """How fast a run goes, as shares of what the machine can do."""

    def __init__(self, model: nn.Module, dtype: torch.dtype, tokens: int) -> None:
        self.device = device_of(model)
        self.peak = matmul_rate(dtype, self.device)
        self.work = trained_flops(model)
        self.before, self.began = tokens, time.perf_counter()

    def figures(self, tokens: int) -> dict[str, float]:
        """Target tokens a second, model FLOP utilisation, gigabytes held."""
        rate = (tokens - self.before) / (time.perf_counter() - self.began)
        return {
            "tokens_per_second": rate,
            "utilisation": rate * self.work / self.peak,
            "memory_gb": held_bytes(self.device) / 2**30,
        }


@contextmanager
def _terminated() -> Iterator[threading.Event]:
    """Give an event that SIGTERM sets; only a main thread can listen to signals."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


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
