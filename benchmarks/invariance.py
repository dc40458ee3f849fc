"""That how a step is computed does not change what it computes: losses and gradients compared.

Float32 decoders of several families and rows of uneven length, some without any target. Compared
with one padded batch in one piece: micro-batches of every size, the same texts packed, activations
recomputed, batches made by one and by two threads, and a run stopped and resumed. Differences of
losses are relative; those of gradients are the largest of any weight over the largest gradient.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import print_result

from goldsmith.models import Decoder, ModelConfig
from goldsmith.pipeline import Silent
from goldsmith.training.batches import IGNORED, in_order, tensors_of
from goldsmith.training.loop import accumulate, fit
from goldsmith.training.precision import Weights
from goldsmith.training.recipe import Plan

VOCABULARY, CONTEXT, ROWS, STEPS = 96, 64, 8, 24
BASE = ModelConfig(
    vocabulary=VOCABULARY,
    width=32,
    layers=3,
    heads=4,
    key_value_heads=2,
    head_dim=8,
    hidden=48,
    context=CONTEXT,
)
SHAPES = {
    "llama": BASE,
    "untied": replace(BASE, tied=not BASE.tied),
    "layer norm": replace(BASE, norm="layer"),
    "alibi": replace(BASE, positions="alibi"),
    "soft cap": replace(BASE, logit_cap=5.0),
}
PLAN = Plan(
    task="invariance",
    steps=STEPS,
    peak_learning_rate=1e-2,
    warmup=2,
    weight_decay=0.1,
    evaluate_every=6,
    checkpoint_every=4,
    threads=1,
    precision="float32",
)


@dataclass(frozen=True)
class Arrays:
    tokens: Any
    targets: Any
    segments: Any
    positions: Any


@dataclass(frozen=True)
class Texts:
    """Random texts of 2 to 64 tokens, one a row; some rows carry no loss at all."""

    seed: int
    stop: int | None = None

    def pieces(self, step: int) -> list[tuple[Any, Any]]:
        random = np.random.default_rng([self.seed, step])
        found = []
        for row in range(ROWS):
            tokens = random.integers(0, VOCABULARY, int(random.integers(3, CONTEXT + 1)))
            targets = tokens[1:].copy()
            targets[random.random(len(targets)) < (1.0 if row == 3 else 0.3)] = IGNORED
            found.append((tokens[:-1], targets))
        return found

    def batch(self, step: int) -> Arrays:
        if step == self.stop:
            raise InterruptedError
        return in_rows([[piece] for piece in self.pieces(step)])

    def packed(self, step: int) -> Arrays:
        rows: list[list[tuple[Any, Any]]] = []
        for piece in self.pieces(step):
            for row in rows:
                if sum(len(t) for t, _ in row) + len(piece[0]) <= CONTEXT:
                    row.append(piece)
                    break
            else:
                rows.append([piece])
        return in_rows(rows)

    def validation(self) -> list[Arrays]:
        return [self.batch(10_000)]


def in_rows(rows: list[list[tuple[Any, Any]]]) -> Arrays:
    shape = (len(rows), CONTEXT)
    made = Arrays(
        np.zeros(shape, np.int64),
        np.full(shape, IGNORED, np.int64),
        np.full(shape, -1, np.int64),
        np.zeros(shape, np.int64),
    )
    for row, pieces in enumerate(rows):
        start = 0
        for number, (tokens, targets) in enumerate(pieces):
            place = slice(start, start + len(tokens))
            made.tokens[row, place], made.targets[row, place] = tokens, targets
            made.segments[row, place] = number
            made.positions[row, place] = np.arange(len(tokens))
            start += len(tokens)
        made.positions[row, start:] = np.arange(CONTEXT - start)
    return made


def one_step(
    model: Decoder, batch: Arrays, rows: int = 0, recompute: bool = False
) -> tuple[float, Any]:
    model.zero_grad()
    model.recompute = recompute
    weights = Weights(model, torch.float32)
    loss, _ = accumulate(model, tensors_of(batch), rows, weights)
    return loss, {name: weight.grad.clone() for name, weight in weights.masters.items()}


class Worst:
    def __init__(self) -> None:
        self.loss: dict[str, float] = {}
        self.gradient: dict[str, float] = {}

    def see(self, what: str, one: tuple[float, Any], other: tuple[float, Any]) -> None:
        loss = abs(one[0] - other[0]) / abs(one[0])
        top = max(float(g.abs().max()) for g in one[1].values())
        gradient = max(float((g - other[1][n]).abs().max()) for n, g in one[1].items()) / top
        self.loss[what] = max(self.loss.get(what, 0.0), loss)
        self.gradient[what] = max(self.gradient.get(what, 0.0), gradient)


def losses_and_weights(model: Decoder, folder: Path) -> tuple[list[float], Any]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    return [row["loss"] for row in rows], {n: w.detach() for n, w in model.named_parameters()}


def main() -> None:
    torch.set_num_threads(1)
    worst = Worst()
    for number, (name, config) in enumerate(SHAPES.items()):
        model, texts = Decoder(config, seed=number), Texts(number)
        for step in range(3):
            plain = one_step(model, texts.batch(step))
            for rows in (1, 2, 3, 5):
                worst.see("micro-batches", plain, one_step(model, texts.batch(step), rows))
            worst.see("packed", plain, one_step(model, texts.packed(step)))
            worst.see("packed", plain, one_step(model, texts.packed(step), rows=2))
            again = one_step(model, texts.batch(step), recompute=True)
            worst.see("recomputed", plain, again)
        with tempfile.TemporaryDirectory() as scratch:
            whole = run(config, texts, Path(scratch) / "whole", PLAN)
            resumed = run(config, texts, Path(scratch) / "resumed", PLAN, stop=7 + number)
            for loaders in (1, 2):
                plan = replace(PLAN, loaders=loaders)
                threads = run(config, texts, Path(scratch) / str(loaders), plan)
                worst.see("loader threads", whole, threads)
            worst.see("resumed", whole, resumed)
        order = [list(in_order(texts, 0, 9, n)) for n in (0, 1, 2)]
        for one, two, three in zip(*order, strict=True):
            assert all(torch.equal(one[k], two[k]) and torch.equal(one[k], three[k]) for k in one)
        print(name, worst.loss, worst.gradient, flush=True)
    figures = {
        "shapes": len(SHAPES),
        "max_loss_diff": max(worst.loss.values()),
        "max_grad_diff": max(worst.gradient.values()),
        "loss_diffs": worst.loss,
        "grad_diffs": worst.gradient,
    }
    print_result("invariance", figures)


def run(
    config: ModelConfig, texts: Texts, folder: Path, plan: Plan, stop: int | None = None
) -> tuple[float, Any]:
    """Train; stop once before step ``stop`` and go on. Sum of losses, and what was learned."""
    if stop is not None:
        try:
            fit(Decoder(config, 1), replace(texts, stop=stop), plan, folder, "key", Silent())
        except InterruptedError:
            pass
        else:
            raise SystemExit("the run was not stopped")
    model = Decoder(config, 1)
    fit(model, texts, plan, folder, "key", Silent())
    losses, weights = losses_and_weights(model, folder)
    return sum(losses), weights


if __name__ == "__main__":
    main()
