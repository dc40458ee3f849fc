"""Pretraining a 15M Llama on this processor: tokens a second of ours and of transformers' Trainer.

288 wide, 6 layers, 6 heads, vocabulary 32,000, 8 rows of 256. Each side trains in a process of its
own, in turn, round after round: ours; Trainer as it comes (float32); Trainer at its best, with
torch.compile and bfloat16 weights. The first steps warm up and are not timed. The bfloat16 matmul
rate is measured in the same rounds; memory is the peak of each process. On a processor without
instructions for bfloat16 that type is a hundred times slower than float32, so there ours, Trainer
at its best and the matmul rate are in float32; ``precision`` says which it was.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from harness import environment, print_result

VOCABULARY, CONTEXT, ROWS, WIDTH, LAYERS, HEADS, HIDDEN = 32_000, 256, 8, 288, 6, 6, 768
SIDES = ("ours", "trainer", "trainer_best")


def tokens(step: int) -> Any:
    return np.random.default_rng([5, step]).integers(0, VOCABULARY, (ROWS, CONTEXT + 1))


def ours(warm: int, steps: int) -> float:
    import torch
    from train_text import TextBatch

    from goldsmith.models import Decoder, ModelConfig
    from goldsmith.pipeline import Silent
    from goldsmith.training.loop import fit
    from goldsmith.training.recipe import Plan

    class Random:
        def batch(self, step: int) -> TextBatch:
            made = tokens(step)
            shape = made[:, 1:].shape
            places = np.broadcast_to(np.arange(CONTEXT), shape).copy()
            segments = np.zeros(shape, np.int64)
            return TextBatch(made[:, :-1].copy(), made[:, 1:].copy(), segments, places)

        def validation(self) -> list[Any]:
            return []

    times: list[float] = []

    class Clock(Silent):
        def advance(self, amount: int = 1, **figures: float | str) -> None:
            times.append(time.perf_counter())

    config = ModelConfig(
        vocabulary=VOCABULARY,
        width=WIDTH,
        layers=LAYERS,
        heads=HEADS,
        key_value_heads=HEADS,
        head_dim=WIDTH // HEADS,
        hidden=HIDDEN,
        context=CONTEXT,
        tied=True,
    )
    plan = Plan(
        task="speed",
        steps=warm + steps + 1,
        peak_learning_rate=3e-4,
        warmup=2,
        weight_decay=0.1,
        evaluate_every=10**6,
        checkpoint_every=10**6,
        threads=torch.get_num_threads(),
        precision="auto",
    )
    with tempfile.TemporaryDirectory() as scratch:
        fit(Decoder(config, 1), Random(), plan, Path(scratch), "", Clock())
    # times[0] is the start; the last step writes a checkpoint, which Trainer here does not.
    return ROWS * CONTEXT * steps / (times[warm + steps] - times[warm])


def trainer(warm: int, steps: int, best: bool) -> float:
    import torch
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from goldsmith.training import compute_precision

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    if best:
        model = model.to(compute_precision("auto"))
    rows = torch.as_tensor(np.concatenate([tokens(s)[:, :-1] for s in range(warm + steps)]))
    data = [{"input_ids": row, "labels": row} for row in rows]
    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=ROWS,
            max_steps=warm + steps,
            learning_rate=3e-4,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            torch_compile=best,
        )
        Trainer(model=model, args=arguments, train_dataset=data, callbacks=[Clock()]).train()
    return ROWS * CONTEXT * steps / (times[warm + steps - 1] - times[warm - 1])


def child(side: str, warm: int, steps: int, threads: int) -> None:
    import torch

    from goldsmith.training import compute_precision, matmul_rate

    torch.set_num_threads(threads)
    rate = ours(warm, steps) if side == "ours" else trainer(warm, steps, side == "trainer_best")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    precision = compute_precision("auto")
    matmul = max(matmul_rate(precision) for _ in range(5))
    row = {"rate": rate, "memory_mb": peak, "matmul": matmul, "precision": str(precision)}
    print(json.dumps(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=4)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of either side")
    parser.add_argument("--sides", nargs="+", default=SIDES)
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.warm, options.steps, options.threads)
    seen: dict[str, list[dict[str, Any]]] = {side: [] for side in options.sides}
    for _ in range(options.rounds):
        for side in options.sides:
            counts = ["--warm", str(options.warm), "--steps", str(options.steps)]
            counts += ["--threads", str(options.threads)]
            done = subprocess.run(
                [sys.executable, __file__, "--child", side, *counts],
                capture_output=True,
                text=True,
                check=True,
                env=environment(),
            )
            row = json.loads(done.stdout.splitlines()[-1])
            seen[side].append(row)
            print(side, row, flush=True)
    middle = {side: median(row["rate"] for row in rows) for side, rows in seen.items()}
    weights = VOCABULARY * WIDTH + LAYERS * (4 * WIDTH * WIDTH + 3 * WIDTH * HIDDEN)
    matmul = median(row["matmul"] for rows in seen.values() for row in rows)
    figures: dict[str, Any] = {f"{side}_tokens_per_second": rate for side, rate in middle.items()}
    figures["share_of_matmul"] = middle["ours"] * 6 * weights / matmul
    figures["matmul_gflops"] = matmul / 1e9
    figures["precision"] = seen["ours"][0]["precision"].removeprefix("torch.")
    for side in options.sides[1:]:
        rates = zip(seen["ours"], seen[side], strict=True)
        ratios = sorted(one["rate"] / other["rate"] for one, other in rates)
        figures[f"ratio_{side}"] = median(ratios)
        figures[f"ratio_{side}_spread"] = [ratios[0], ratios[-1]]
    memory = {s: median(row["memory_mb"] for row in rows) for s, rows in seen.items()}
    figures["memory_mb"] = memory
    if "trainer" in memory:
        figures["memory_ratio"] = memory["ours"] / memory["trainer"]
    print_result("train_cpu", figures)
    return None


if __name__ == "__main__":
    main()
