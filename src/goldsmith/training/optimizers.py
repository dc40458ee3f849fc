"""Optimizers over float32 master weights: AdamW, AdamW with 8-bit moments (paged or not), Muon.

Each is `step(rate)` on the masters' gradients and a flat, named state of tensors that a checkpoint
holds and gives back to the bit. Matrices decay, norms and biases do not (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from goldsmith.training.device import PROCESSOR, wait_for
from goldsmith.training.eight_bits import BLOCK, Packed, pack, unpack

OptimizerName = Literal["adamw", "adamw8bit", "adamw8bit_paged", "muon"]
BETAS = (0.9, 0.95)
EPSILON = 1e-8
SMALLEST = 4096
"""Tensors with fewer elements keep float32 moments: they cost nothing and quantize worst."""
AT_ONCE = 2**22
"""Weights whose 8-bit moments are float32 at once; whole blocks."""
SIGNED = {"first": True, "second": False}
"""The two moments, and whether their codes have signs."""
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""A quintic that lifts every singular value towards one in five rounds (Jordan et al. 2024)."""


class Optimizer(Protocol):
    """Moves weights along their gradients."""

    def step(self, rate: float) -> None:
        """Take one step at a learning rate; weights without a gradient stay."""

    def state(self) -> dict[str, Tensor]:
        """Return everything that a later step depends on, by name."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state` returned, wherever it lies now."""


def make_optimizer(
    name: OptimizerName, weights: Mapping[str, Tensor], weight_decay: float
) -> Optimizer:
    """Return an optimizer of named float32 weights."""
    if name in ("adamw8bit", "adamw8bit_paged"):
        return Adam8bit(weights, weight_decay, paged=name == "adamw8bit_paged")
    if name == "muon":
        return Muon(weights, weight_decay)
    return AdamW(weights, weight_decay)


class AdamW:
    """Decoupled weight decay (Loshchilov & Hutter 2019), torch's fused kernel.

    The kernel is called without `torch.optim.Optimizer`, which loads the compiler: 100 MB.
    """

    def __init__(self, weights: Mapping[str, Tensor], weight_decay: float) -> None:
        self.weights = dict(weights)
        self.weight_decay = weight_decay
        self.moments: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        learning = {n: w for n, w in self.weights.items() if w.grad is not None}
        for name, weight in learning.items():
            if f"step.{name}" not in self.moments:
                self.moments[f"step.{name}"] = torch.zeros((), device=weight.device)
                self.moments[f"exp_avg.{name}"] = torch.zeros_like(weight)
                self.moments[f"exp_avg_sq.{name}"] = torch.zeros_like(weight)
        self._move({n: w for n, w in learning.items() if w.ndim >= 2}, rate, self.weight_decay)
        self._move({n: w for n, w in learning.items() if w.ndim < 2}, rate, 0.0)

    def _move(self, weights: dict[str, Tensor], rate: float, weight_decay: float) -> None:
        if not weights:
            return
        kinds = ("exp_avg", "exp_avg_sq", "step")
        first, second, steps = ([self.moments[f"{k}.{n}"] for n in weights] for k in kinds)
        adamw(
            list(weights.values()),
            [w.grad for w in weights.values() if w.grad is not None],
            first,
            second,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        return dict(self.moments)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for key, moment in state.items():
            weight = self.weights.get(key.partition(".")[2])
            if weight is not None:
                self.moments[key] = moment.to(weight.device)


class Adam8bit:
    """AdamW whose moments are held in blocks of 256 bytes and a scale (Dettmers et al. 2022).

    Two bytes a weight instead of eight; `AT_ONCE` weights at a time have their moments in float32.
    ``paged``: between steps the moments lie in the host's memory, pinned for a CUDA device, and
    come to the device run by run. The arithmetic is the same, to the bit.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], weight_decay: float, paged: bool = False
    ) -> None:
        self.weights = dict(weights)
        self.weight_decay = weight_decay
        self.device = next((w.device for w in self.weights.values()), PROCESSOR)
        self.home = PROCESSOR if paged else self.device
        self.steps = 0
        self.moments: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self.steps += 1
        size = rate / (1.0 - BETAS[0] ** self.steps)
        scale = math.sqrt(1.0 - BETAS[1] ** self.steps)
        for name, weight in self.weights.items():
            if weight.grad is None:
                continue
            if weight.ndim >= 2:
                weight.mul_(1.0 - rate * self.weight_decay)
            runs = torch.split(weight.view(-1), AT_ONCE)
            slopes = torch.split(weight.grad.reshape(-1), AT_ONCE)
            first_runs, second_runs = (self._runs(kind, name, weight.numel()) for kind in SIGNED)
            for run, slope, *homes in zip(runs, slopes, first_runs, second_runs, strict=True):
                gradient = slope.float()
                first, second = (home.wide(self.device) for home in homes)
                first.lerp_(gradient, 1.0 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1.0 - BETAS[1])
                run.addcdiv_(first, (second.sqrt() / scale).add_(EPSILON), value=-size)
                homes[0].keep(first)
                homes[1].keep(second)

    def state(self) -> dict[str, Tensor]:
        wait_for(self.device)  # what is on its way to the host must have come
        return {"steps": torch.tensor(self.steps), **self.moments}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.steps = int(state["steps"])
        self.moments = {name: self._held(t) for name, t in state.items() if name != "steps"}

    def _runs(self, kind: str, name: str, count: int) -> list[_Run]:
        """The runs of one moment where they are kept; zeros at first."""
        layout = {".codes": (count, torch.uint8), ".scales": (-(-count // BLOCK), torch.float32)}
        if count < SMALLEST:
            layout = {"": (count, torch.float32)}
        held = []
        for part, (size, dtype) in layout.items():
            key = f"{kind}{part}.{name}"
            if key not in self.moments:
                self.moments[key] = self._held(torch.zeros(size, dtype=dtype))
            held.append(self.moments[key])
        values = torch.split(held[0], AT_ONCE)
        scales = torch.split(held[1], AT_ONCE // BLOCK) if len(held) > 1 else [None] * len(values)
        return [_Run(*pair, SIGNED[kind]) for pair in zip(values, scales, strict=True)]

    def _held(self, tensor: Tensor) -> Tensor:
        there = tensor.to(self.home, copy=True)
        return there if self.home == self.device else there.pin_memory()


class _Run(NamedTuple):
    """A run of one moment where it is kept: codes and scales, or float32 values without scales."""

    values: Tensor
    scales: Tensor | None
    signed: bool

    def wide(self, device: torch.device) -> Tensor:
        """Return it as float32 on a device; what is float32 there already is returned as it is."""
        values = self.values.to(device, non_blocking=True)
        if self.scales is None:
            return values
        scales = self.scales.to(device, non_blocking=True)
        return unpack(Packed(values, scales, values.shape, self.signed))

    def keep(self, moment: Tensor) -> None:
        """Write a new moment over it."""
        if self.scales is None:
            self.values.copy_(moment, non_blocking=True)
            return
        packed = pack(moment, self.signed)
        self.values.copy_(packed.codes, non_blocking=True)
        self.scales.copy_(packed.scales, non_blocking=True)


class Muon:
    """Momentum made orthogonal, for the matrices inside layers; AdamW for all else.

    Jordan et al. 2024, with the scale of Liu et al. 2025 (0.2 sqrt(longer side)), under which a
    learning rate and a decay that suit AdamW suit it too. The rounds run in bfloat16, as published.
    """

    def __init__(self, weights: Mapping[str, Tensor], weight_decay: float) -> None:
        inside = {n for n, w in weights.items() if w.ndim == 2 and "layers." in n}
        self.matrices = {n: w for n, w in weights.items() if n in inside}
        self.rest = AdamW({n: w for n, w in weights.items() if n not in inside}, weight_decay)
        self.weight_decay = weight_decay
        self.momentum: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for name, weight in self.matrices.items():
            if weight.grad is None:
                continue
            momentum = self.momentum.setdefault(name, torch.zeros_like(weight))
            momentum.lerp_(weight.grad, 1.0 - MOMENTUM)
            direction = orthogonal(weight.grad.lerp(momentum, MOMENTUM))
            weight.mul_(1.0 - rate * self.weight_decay)
            weight.add_(
                direction.to(weight.dtype), alpha=-rate * 0.2 * math.sqrt(max(weight.shape))
            )
        self.rest.step(rate)

    def state(self) -> dict[str, Tensor]:
        return {f"momentum.{n}": m for n, m in self.momentum.items()} | self.rest.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.momentum = {}
        for name, matrix in self.matrices.items():
            if f"momentum.{name}" in state:
                self.momentum[name] = state[f"momentum.{name}"].to(matrix.device)
        self.rest.restore(state)


def orthogonal(matrix: Tensor, rounds: int = 5, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Return nearly U V^T of ``matrix`` = U S V^T by Newton-Schulz, in ``dtype``."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def clip(weights: Iterable[Tensor], largest: float) -> float:
    """Scale gradients to a global norm of ``largest`` at the most; return the norm before."""
    return float(torch.nn.utils.clip_grad_norm_(list(weights), largest))
