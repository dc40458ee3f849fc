"""nanoGPT's recipe for a processor on tinyshakespeare: its model as written down, and ours.

The recipe: GPT-2 of 4 layers, 4 heads, 128 wide over characters, 12 rows of 64, 2,000 steps, AdamW
(0.9, 0.99), decay 0.1, clip 1, cosine from 1e-3 to 1e-4 after 100 steps, no dropout, no compile.
Here it stands in plain float32 torch and trains in turn with ours: the same size, batches and
schedule in our loop, but half the steps at three times the rate (``--our-steps 2000`` for as many).
Figures: held-out loss over the same windows of the last tenth, and the ratio of training times.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from harness import environment, print_result
from torch import Tensor, nn
from torch.nn import functional
from train_text import TextBatches

LAYERS, HEADS, WIDTH, CONTEXT, ROWS = 4, 4, 128, 64, 12
PEAK, LEAST, WARMUP = 1e-3, 1e-4, 100
HELD = 100
"""Held-out batches of `ROWS` windows."""


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.inner = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.outer = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, length, _ = x.shape
        parts = self.inner(self.first(x)).split(WIDTH, dim=2)
        shape = (rows, length, HEADS, WIDTH // HEADS)
        query, key, value = (part.view(shape).transpose(1, 2) for part in parts)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.outer(seen.transpose(1, 2).reshape(rows, length, WIDTH))
        added: Tensor = self.down(functional.gelu(self.up(self.second(x))))
        return x + added


class Recipe(nn.Module):
    """GPT-2 without biases, output tied to the embedding."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                small = name.endswith(("outer.weight", "down.weight"))
                nn.init.normal_(weight, 0.0, 0.02 / (math.sqrt(2 * LAYERS) if small else 1.0))

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.token(tokens) + self.place(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.token.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def recipe(batches: TextBatches, steps: int) -> tuple[float, float]:
    torch.manual_seed(1337)
    model = Recipe(batches.vocabulary)
    matrices = [w for w in model.parameters() if w.ndim > 1]
    others = [w for w in model.parameters() if w.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99))
    began = time.perf_counter()
    for step in range(steps):
        done = min(1.0, max(0.0, (step - WARMUP) / (steps - WARMUP)))
        rate = LEAST + 0.5 * (1 + math.cos(math.pi * done)) * (PEAK - LEAST)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / (WARMUP + 1))
        batch = batches.batch(step)
        loss = model(torch.as_tensor(batch.tokens), torch.as_tensor(batch.targets))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - began
    with torch.no_grad():
        losses = [
            float(model(torch.as_tensor(b.tokens), torch.as_tensor(b.targets)))
            for b in batches.validation()
        ]
    return sum(losses) / len(losses), seconds


def ours(batches: TextBatches, steps: int, rate: float, optimizer: Any) -> tuple[float, float]:
    from goldsmith.models import Decoder, ModelConfig
    from goldsmith.pipeline import Silent
    from goldsmith.training.loop import fit, validation_loss
    from goldsmith.training.recipe import Plan

    config = ModelConfig(
        vocabulary=batches.vocabulary,
        width=WIDTH,
        layers=LAYERS,
        heads=HEADS,
        key_value_heads=HEADS,
        head_dim=WIDTH // HEADS,
        hidden=352,
        context=CONTEXT,
    )
    plan = Plan(
        task="shakespeare",
        steps=steps,
        peak_learning_rate=rate,
        warmup=WARMUP,
        weight_decay=0.1,
        evaluate_every=10**6,
        checkpoint_every=10**6,
        threads=0,
        precision="auto",
        optimizer=optimizer,
    )
    model = Decoder(config, seed=1337)
    held, batches.batches = batches.batches, 0
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        fit(model, batches, plan, Path(scratch), "", Silent())
        seconds = time.perf_counter() - began
    batches.batches = held
    return float(validation_loss(model, batches) or math.nan), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=2000, help="of the recipe")
    parser.add_argument("--our-steps", type=int, default=1000, help="of our loop")
    parser.add_argument("--rate", type=float, default=3e-3, help="our peak learning rate")
    parser.add_argument("--optimizer", default="adamw")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("recipe", "ours"))
    options = parser.parse_args()
    mine = options.our_steps
    torch.set_num_threads(os.cpu_count() or 1)
    if options.side:
        batches = TextBatches(options.data, CONTEXT, ROWS, HELD, characters=True)
        done = (
            recipe(batches, options.steps)
            if options.side == "recipe"
            else ours(batches, mine, options.rate, options.optimizer)
        )
        print(*done)
        return
    seen: dict[str, list[tuple[float, float]]] = {"recipe": [], "ours": []}
    for _ in range(options.rounds):
        for side, rows in seen.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
            output = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True, env=environment()
            ).stdout
            loss, seconds = map(float, output.splitlines()[-1].split())
            rows.append((loss, seconds))
            print(side, loss, seconds, flush=True)
    pairs = list(zip(seen["ours"], seen["recipe"], strict=True))
    ratios = sorted(a[1] / b[1] for a, b in pairs)
    figures = {
        "validation_loss": median(loss for loss, _ in seen["ours"]),
        "recipe_validation_loss": median(loss for loss, _ in seen["recipe"]),
        "time_ratio": median(ratios),
        "time_ratio_spread": [ratios[0], ratios[-1]],
        "steps": {"recipe": options.steps, "ours": mine},
    }
    print_result("shakespeare", figures)


if __name__ == "__main__":
    main()
