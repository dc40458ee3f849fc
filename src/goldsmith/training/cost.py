"""What training will cost before it runs, and what the machine could do at best.

A matrix of n weights costs a trained token 6 n multiplications and additions (2 forward, 4 back; 4
where it is frozen). Memory is counted by its parts; time is work over the matmul rate that was
measured here, times a stated utilisation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from goldsmith.models import Decoder, ModelConfig, rows_at_once
from goldsmith.training.adapters import AdapterSpec, PromptSpec, adapter_size
from goldsmith.training.device import PROCESSOR, wait_for
from goldsmith.training.optimizers import AT_ONCE
from goldsmith.training.recipe import Plan

UTILISATION = 0.3
"""Share of the matmul rate that training small models reaches (`benchmarks/train_cpu.py`)."""
MOMENTS = {"adamw": 8, "adamw8bit": 2, "adamw8bit_paged": 2, "muon": 4}
"""Bytes of an optimizer's state for each weight that it moves."""
VISITING = 32
"""Bytes of a weight's moments, and of what is made of them, while they are on the device."""
_SIDES = {"cpu": 512, "cuda": 8192}
_TIMES = 5


@dataclass(frozen=True)
class Estimate:
    """What one job needs. Bytes, FLOP, seconds; ``cost`` in the currency of the hourly price."""

    parameters: int
    trained: int
    tokens: int
    memory: dict[str, int]
    """Of the device that trains, by its parts."""
    host_memory: int
    """Pinned beside that device: optimizer states that are paged to the host."""
    flops: float
    seconds: float
    cost: float

    @property
    def total_memory(self) -> int:
        return sum(self.memory.values())


def estimate(
    config: ModelConfig,
    plan: Plan,
    rows: int,
    *,
    dtype: torch.dtype,
    rate: float,
    device: torch.device = PROCESSOR,
    adapter: AdapterSpec | PromptSpec | None = None,
    price: float = 0.0,
) -> Estimate:
    """Estimate a job of ``rows`` full rows a step.

    rate: FLOP a second that ``device`` multiplies at best (`matmul_rate`). adapter: what alone
    learns (None: all weights do). price: of an hour. On a processor paged states are no saving:
    the host's memory is the device's.
    """
    model = Decoder(config, seed=None)
    parameters = learning = sum(p.numel() for p in model.parameters())
    if adapter is not None:
        learning = adapter_size(model, adapter)
    size = torch.empty((), dtype=dtype).element_size()
    split = size < 4
    at_once = min(rows, plan.micro_batch or rows) * config.context
    inside = 8 * config.width + 4 * config.hidden + 2 * config.heads * config.head_dim
    stored = config.width if plan.recompute else inside
    states = learning * MOMENTS[plan.optimizer]
    paged = plan.optimizer == "adamw8bit_paged" and device != PROCESSOR
    memory = {
        "weights": parameters * (4 + (size if split else 0)),
        "gradients": learning * 4,
        "optimizer": min(learning, AT_ONCE) * VISITING if paged else states,
        "average and best": learning * 4 * (1 + bool(plan.ema)),
        "activations": at_once
        * size
        * (stored * config.layers + (inside if plan.recompute else 0)),
        "one block of logits": min(at_once, rows_at_once(config.vocabulary, size))
        * config.vocabulary
        * size,
    }
    tokens = plan.steps * rows * config.context
    each = 6.0 * parameters if adapter is None else 4.0 * parameters + 2 * learning
    each += 6 * config.layers * config.heads * config.head_dim * config.context
    if plan.recompute:
        each = each * 4 / 3
    flops = float(tokens) * each
    seconds = flops / (rate * UTILISATION)
    cost = price * seconds / 3600
    host = states if paged else 0
    return Estimate(parameters, learning, tokens, memory, host, flops, seconds, cost)


def trained_flops(model: nn.Module) -> float:
    """Return floating-point operations a trained token costs in matrices, 6 (frozen: 4) a weight.

    An embedding that is only looked up costs nothing; one that is also the output matrix does.
    """
    looked_up = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    output = getattr(model, "output_weight", None)
    looked_up -= {id(output)}
    return float(
        sum(
            (6 if p.requires_grad else 4) * p.numel()
            for p in model.parameters()
            if p.ndim == 2 and id(p) not in looked_up
        )
    )


def matmul_rate(dtype: torch.dtype, device: torch.device = PROCESSOR) -> float:
    """Measure how many FLOP a second a device multiplies square matrices at (20 ms or so)."""
    side = _SIDES[device.type]
    left = torch.ones(side, side, dtype=dtype, device=device)
    wait_for(device)
    seconds = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        left @ left
        wait_for(device)
        seconds.append(time.perf_counter() - began)
    return 2.0 * side**3 / median(seconds)
