"""What the settings ask for: the plan that the loop follows, and what learns in tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goldsmith.project import TrainSettings
from goldsmith.training.adapters import AdapterSpec, PromptSpec
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
    """Return the plan that the settings make for one job."""
    return Plan(
        task=task,
        steps=steps,
        peak_learning_rate=rate,
        warmup=settings.warmup,
        weight_decay=weight_decay,
        evaluate_every=settings.evaluate_every,
        checkpoint_every=settings.checkpoint_every,
        threads=settings.threads,
        precision=settings.precision,
        schedule=settings.schedule,
        optimizer=settings.optimizer,
        micro_batch=settings.micro_batch,
        recompute=settings.recompute,
        ema=settings.ema,
        patience=settings.patience,
        keep=settings.keep,
        loaders=settings.loaders,
    )


def adapter_of(settings: TrainSettings) -> AdapterSpec | PromptSpec:
    """Return what the settings let learn on a frozen base."""
    if settings.adapter == "prompt":
        return PromptSpec(settings.prompt_tokens, settings.prompt_text)
    return AdapterSpec(
        rank=settings.lora_rank,
        alpha=settings.lora_alpha,
        kind=settings.adapter,
        rank_stabilised=settings.rank_stabilised,
        dropout=settings.lora_dropout,
        targets=settings.lora_targets,
    )
