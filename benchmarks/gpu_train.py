"""Training on a GPU: QLoRA of an 8B Llama-3 shape beside PEFT, and pretraining of a 1B shape.

- QLoRA: random weights in NF4 with double quantization, rank 32 on all linear layers, 2 rows at
  once, 4 times a step. Ours is `training.fit` with our adapters; the peer is transformers + PEFT +
  bitsandbytes with SDPA, its layers and adapters in bfloat16 without checkpointing and a plain loop
  with fused AdamW (its Trainer would add work); then the same with Liger's kernels and
  torch.compile, where Liger is installed. Tokens a second and peak memory.
- Pretraining: ours alone, bfloat16 with float32 masters; model FLOP utilisation of the 989 TFLOP/s
  that an H100 or H200 is sold with. Work is 6 FLOP a weight and token (no looked-up embedding) and
  the scores below the diagonal.

Each side runs in a process of its own, in turn, round after round; the first steps are not timed.
Needs CUDA (exit code 2 without); ``--tiny`` runs small shapes anywhere.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from gpu_measure import describe, device_or_exit, forget_peak, wait
from harness import environment, print_result
from torch import nn
from train_text import TextBatch

from goldsmith.models import Decoder, ModelConfig
from goldsmith.pipeline import Silent
from goldsmith.training import AdapterSpec, Plan
from goldsmith.training.adapters import attach, hold_in_four_bits
from goldsmith.training.cost import trained_flops
from goldsmith.training.loop import fit

PEAK = 989e12
EIGHT = ModelConfig(128_256, 4096, 32, 32, 8, 128, 14336, 2048, rope_theta=5e5, tied=False)
ONE = ModelConfig(128_256, 2048, 16, 32, 8, 64, 8192, 4096, rope_theta=5e5, tied=True)
TINY = ModelConfig(101, 64, 2, 4, 2, 16, 128, 32)
RANK, ALPHA, ROWS, TIMES = 32, 64.0, 2, 4
PRETRAINED_ROWS, PRETRAINED_TIMES = 4, 8  # rows of 4,096 tokens at once, how often a step
PEERS = ("peft", "peft_liger")


class Counts(argparse.Namespace):
    rounds: int
    warm: int
    steps: int
    tiny: bool
    sides: list[str]
    child: str | None


class Random:
    """Rows of random tokens, each one sequence."""

    def __init__(self, config: ModelConfig, rows: int) -> None:
        self.config, self.rows = config, rows

    def batch(self, step: int) -> TextBatch:
        shape = (self.rows, self.config.context + 1)
        made = np.random.default_rng([5, step]).integers(0, self.config.vocabulary, shape)
        places = np.broadcast_to(np.arange(self.config.context), made[:, 1:].shape).copy()
        segments = np.zeros(made[:, 1:].shape, np.int64)
        return TextBatch(made[:, :-1].copy(), made[:, 1:].copy(), segments, places)

    def validation(self) -> Iterator[TextBatch]:
        return iter(())


class Enough(Exception):  # noqa: N818
    """The timed steps are over; the last one, which writes a checkpoint, need not come."""


class Clock(Silent):
    def __init__(self, steps: int) -> None:
        self.steps, self.times = steps, list[float]()

    def advance(self, amount: int = 1, **figures: float | str) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) > self.steps:
            raise Enough


def random_decoder(config: ModelConfig, device: torch.device) -> Decoder:
    """A decoder whose weights are drawn on the device, which is quicker there."""
    model = Decoder(config, seed=None).to_empty(device=device)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0) if name.endswith("norm.weight") else parameter.normal_(0.0, 0.02)
    return model


def timed_fit(
    model: nn.Module, config: ModelConfig, rows: int, times: int, counts: Counts
) -> float:
    """Return the seconds of a step in our loop."""
    plan = Plan("speed", counts.warm + counts.steps + 1, 1e-4, 2, 0.0, 10**6, 10**6, 1, "bfloat16")
    clock = Clock(counts.warm + counts.steps)
    with tempfile.TemporaryDirectory() as scratch:
        batches = Random(config, rows * times)
        with suppress(Enough):
            fit(model, batches, replace(plan, micro_batch=rows), Path(scratch), "", clock)
    return (clock.times[-1] - clock.times[counts.warm]) / counts.steps


def ours(config: ModelConfig, counts: Counts, device: torch.device) -> float:
    model = random_decoder(config, device)
    hold_in_four_bits(model)
    attach(model, AdapterSpec(RANK, ALPHA), seed=1)
    model.to(device)
    forget_peak(device)
    return timed_fit(model, config, ROWS, TIMES, counts)


def pretraining(config: ModelConfig, counts: Counts, device: torch.device) -> dict[str, float]:
    rows, times = (2, 2) if counts.tiny else (PRETRAINED_ROWS, PRETRAINED_TIMES)
    model = random_decoder(config, device)
    scores = 6.0 * config.layers * config.heads * config.head_dim * config.context
    each = trained_flops(model) + scores
    forget_peak(device)
    seconds = timed_fit(model, config, rows, times, counts)
    rate = rows * times * config.context / seconds
    return {"seconds": seconds, "utilisation": rate * each / PEAK, "tokens_per_second": rate}


def peer(config: ModelConfig, counts: Counts, device: torch.device, liger: bool) -> float:
    """Transformers + PEFT on bitsandbytes' 4-bit layers; ``liger``: its kernels and compile."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    four: Any = import_module("bitsandbytes.nn")
    if liger:
        import_module("liger_kernel.transformers").apply_liger_kernel_to_llama()
    public = LlamaConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.width,
        intermediate_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.key_value_heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=config.tied,
        attn_implementation="sdpa",
        use_cache=False,
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        base = LlamaForCausalLM(public)
    torch.set_default_dtype(before)
    for layer in base.model.layers:
        for name, linear in list(layer.named_modules()):
            if isinstance(linear, nn.Linear):
                shape = (linear.in_features, linear.out_features)
                held = four.Linear4bit(*shape, False, torch.bfloat16, quant_type="nf4")
                weight = linear.weight.detach().cpu()
                held.weight = four.Params4bit(weight, requires_grad=False, quant_type="nf4")
                parent, last = name.rsplit(".", 1)
                setattr(layer.get_submodule(parent), last, held.to(device))
    base.is_loaded_in_4bit = True
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", bias="none")
    model = get_peft_model(base, lora, autocast_adapter_dtype=False).train()
    run = torch.compile(model) if liger else model
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    batches = Random(config, ROWS * TIMES)
    began = 0.0
    forget_peak(device)
    for step in range(counts.warm + counts.steps):
        if step == counts.warm:
            wait(device)
            began = time.perf_counter()
        tokens: Any = torch.as_tensor(batches.batch(step).tokens).to(device)
        for piece in tokens.split(ROWS):
            (run(input_ids=piece, labels=piece).loss / TIMES).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    wait(device)
    return (time.perf_counter() - began) / counts.steps


def child(side: str, counts: Counts, device: torch.device) -> None:
    config = TINY if counts.tiny else EIGHT
    if side == "pretraining":
        row = pretraining(TINY if counts.tiny else ONE, counts, device)
    else:
        run = ours if side == "ours" else partial(peer, liger=side == "peft_liger")
        seconds = run(config, counts, device)
        tokens = ROWS * TIMES * config.context
        row = {"seconds": seconds, "tokens_per_second": tokens / seconds}
    used = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    print(json.dumps(row | {"memory_mb": used / 2**20}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--sides", nargs="+", default=("ours", *PEERS, "pretraining"))
    parser.add_argument("--child")
    options = parser.parse_args(namespace=Counts())
    device = device_or_exit("gpu_train", options.tiny)
    if options.child:
        return child(options.child, options, device)
    liger = find_spec("liger_kernel") is not None and device.type == "cuda"
    sides = [side for side in options.sides if side != "peft_liger" or liger]
    seen: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    command = [sys.executable, __file__, "--warm", str(options.warm), "--steps", str(options.steps)]
    command += ["--tiny"] if options.tiny else []
    for _ in range(options.rounds):
        for side in sides:
            asked = [*command, "--child", side]
            done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, env=environment())
            if done.returncode:
                raise SystemExit(f"gpu_train: {side} failed with exit code {done.returncode}")
            seen[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(side, seen[side][-1], flush=True)
    figures: dict[str, Any] = {"tiny": options.tiny, **describe(device)}
    for side, rows in seen.items():
        figures[side] = {name: median(row[name] for row in rows) for name in rows[0]}
    for side in PEERS:
        if side in seen and "ours" in seen:
            pairs = zip(seen["ours"], seen[side], strict=True)
            ratios = sorted(b["seconds"] / a["seconds"] for a, b in pairs)
            figures[f"ratio_{side}"] = median(ratios)
            figures[f"ratio_{side}_spread"] = [ratios[0], ratios[-1]]
    figures["liger_installed"] = liger
    print_result("gpu_train", figures)
    return None


if __name__ == "__main__":
    main()
