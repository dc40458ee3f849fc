"""What the settings ask for: the plan that the loop follows, and what learns in tuning."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from goldsmith.project import TrainSettings
from goldsmith.training.adapters import BITFIT, AdapterSpec, PromptSpec
from goldsmith.training.optimizers import OptimizerName
from goldsmith.training.schedule import Schedule

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
    schedule: Schedule = "cosine"
    optimizer: OptimizerName = "adamw"
    micro_batch: int = 0
    """Rows that go through the model at once; 0: the whole batch."""
    recompute: bool = False
    """Drop the layers' activations and compute them again: less memory, a third more work."""
    ema: float = 0.0
    """Decay of a running mean of the weights, which is then validated and kept; 0: none."""
    patience: int = 0
    """Validations without a better one after which to stop; 0: never."""
    keep: int = 1
    """Weights of the best steps that are kept on disk."""
    loaders: int = 0
    """Threads that make batches ahead; 0: in the loop. They change no byte."""
    clip: float = 1.0
    """Largest global gradient norm (Pascanu et al. 2013)."""


def plan_of(
    task: str, settings: TrainSettings, steps: int, rate: float, weight_decay: float
) -> Plan:
    """Return the plan that the settings make for one job; most of it bears their own names."""
    said: dict[str, Any] = {"task": task, "steps": steps, "peak_learning_rate": rate}
    alike = {field.name for field in fields(Plan)} & settings.model_dump().keys() - said.keys()
    said |= {name: getattr(settings, name) for name in alike}
    return Plan(**said | {"weight_decay": weight_decay})


def adapter_of(settings: TrainSettings) -> AdapterSpec | PromptSpec:
    """Return what the settings let learn on a frozen base."""
    if settings.adapter == "prompt":
        return PromptSpec(settings.prompt_tokens, settings.prompt_text)
    if settings.adapter == "bias":
        return BITFIT
    return AdapterSpec(
        rank=settings.lora_rank,
        alpha=settings.lora_alpha,
        kind=settings.adapter,
        rank_stabilised=settings.rank_stabilised,
        dropout=settings.lora_dropout,
        targets=settings.lora_targets,
    )
