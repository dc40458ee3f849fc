"""Adapters: few weights that learn beside a frozen base.

LoRA (Hu et al. 2021) learns ``B @ A`` of a small rank beside a weight, scaled by alpha / rank or by
alpha / sqrt(rank) (rsLoRA, Kalajdzievski 2023), with B zero at the start. DoRA (Liu et al. 2024)
learns the length of each output's weights apart from their direction. On a base in NF4 this is
QLoRA (Dettmers et al. 2023). BitFit (Ben Zaken et al. 2022) learns biases alone, prompt
tuning (Lester et al. 2021) virtual tokens alone. Several adapters may lie on one base; the active
ones add up. `adapter_files` reads and writes PEFT's format.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, Prompt, public_name
from goldsmith.training.four_bits import FourBitLinear

TARGETS = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.output",
    "feed_forward.gate",
    "feed_forward.up",
    "feed_forward.down",
)
"""Layers that can have an adapter, by our names."""
Bias = Literal["none", "all", "lora_only"]
DEFAULT = "default"
COMMON = 5000
"""Tokens that a prompt is drawn from: merges number the common ones first."""


@dataclass(frozen=True)
class AdapterSpec:
    """What an adapter is made of."""

    rank: int
    """0: no matrices, biases alone (`BITFIT`)."""
    alpha: float
    kind: Literal["lora", "dora"] = "lora"
    rank_stabilised: bool = False
    dropout: float = 0.0
    """Share of an adapter's input that is dropped in training."""
    targets: tuple[str, ...] = ()
    """Ours (`attention.query`), their last part, or public names (`q_proj`); empty: all linear."""
    bias: Bias = "none"
    """Biases of the base itself that learn too; "lora_only": those of the layers it lies on."""

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.rank_stabilised else self.rank)


BITFIT = AdapterSpec(rank=0, alpha=1.0, bias="all")


@dataclass(frozen=True)
class PromptSpec:
    """How many virtual tokens learn, and what they begin as."""

    tokens: int
    text: str = ""
    """Its tokens' embeddings, over and over; empty: those of tokens that the seed draws."""


class LowRank(nn.Module):
    """One adapter of one layer: down (rank, in), up (out, rank), and DoRA's magnitude (out,)."""

    def __init__(self, base: nn.Module, spec: AdapterSpec, generator: torch.Generator) -> None:
        super().__init__()
        inner, outer = int(base.in_features), int(base.out_features)  # type: ignore[arg-type]
        bound = 1.0 / math.sqrt(inner)
        down = torch.empty(spec.rank, inner).uniform_(-bound, bound, generator=generator)
        self.spec = spec
        self.down = nn.Parameter(down)
        self.up = nn.Parameter(torch.zeros(outer, spec.rank))
        self.magnitude = (
            nn.Parameter(_weight(base).float().norm(dim=1)) if spec.kind == "dora" else None
        )

    def change(self, hidden: Tensor, base: nn.Module, plain: Tensor) -> Tensor:
        """Return what is added to ``plain``, the base's output for ``hidden``."""
        drops = self.spec.dropout > 0.0 and self.training
        dropped = functional.dropout(hidden, self.spec.dropout) if drops else hidden
        # Scaled where it is narrow: rank numbers a token, not the layer's width.
        low = functional.linear(functional.linear(dropped, self.down) * self.spec.scale, self.up)
        if self.magnitude is None:
            return low
        ratio = self.magnitude / self._length(base).to(self.magnitude.dtype)
        if dropped is hidden:
            bias = getattr(base, "bias", None)
            straight = plain if bias is None else plain - bias
        else:
            straight = functional.linear(dropped, _weight(base).to(dropped.dtype))
        return (ratio - 1.0) * straight + ratio * low

    def merged(self, base: nn.Module) -> Tensor:
        """Return the base's weight with this adapter in it, float32."""
        changed = self._changed(base)
        if self.magnitude is not None:
            changed = changed * (self.magnitude.float() / changed.norm(dim=1))[:, None]
        return changed

    def _length(self, base: nn.Module) -> Tensor:
        """Length of each output's weights; no gradient runs through it (as the paper has it)."""
        with torch.no_grad():
            length: Tensor = torch.linalg.vector_norm(self._changed(base), dim=1)
            return length

    def _changed(self, base: nn.Module) -> Tensor:
        return _weight(base).float() + (self.up.float() @ self.down.float()) * self.spec.scale


class AdaptedLinear(nn.Module):
    """x (..., in) -> base(x) + what the active adapters add (..., out); the base does not learn."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.adapters = nn.ModuleDict()
        self.active: tuple[str, ...] = ()
        self.original: Tensor | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        plain: Tensor = self.base(hidden)
        result = plain
        if self.original is None:
            for name in self.active:
                result = result + self.adapter(name).change(hidden, self.base, plain)
        return result

    @torch.no_grad()
    def merge(self) -> None:
        """Put the active adapters into the base's weight; the one before is kept aside."""
        if self.original is not None:
            return
        if isinstance(self.base, FourBitLinear):
            self.base = self.base.plain()
        weight = _weight(self.base)
        self.original = weight.detach().clone()
        changed = weight.float()
        for name in self.active:
            # Each adds its own change to the base, as when they stand beside it.
            changed = changed + (self.adapter(name).merged(self.base) - self.original.float())
        weight.copy_(changed.to(weight.dtype))

    @torch.no_grad()
    def unmerge(self) -> None:
        """Give the base its weight back, to the bit."""
        if self.original is not None:
            _weight(self.base).copy_(self.original)
            self.original = None

    def adapter(self, name: str) -> LowRank:
        found = self.adapters[name]
        assert isinstance(found, LowRank)
        return found


@dataclass(frozen=True)
class Linear:
    """A layer that can have an adapter, and where it stands in its model."""

    index: int
    """Of the block, from 0."""
    target: str
    parent: nn.Module
    linear: nn.Module

    def put(self, linear: nn.Module) -> None:
        """Let another one stand there."""
        setattr(self.parent, self.target.rsplit(".", 1)[1], linear)


def linears(model: Decoder, targets: Sequence[str] = TARGETS) -> Iterator[Linear]:
    """Yield the layers that ``targets`` name, block by block; a block may lack some of them."""
    for index, block in enumerate(model.layers):
        for target in targets:
            path, name = target.rsplit(".", 1)
            parent = block.get_submodule(path)
            linear = getattr(parent, name, None)
            if isinstance(linear, nn.Linear | FourBitLinear | AdaptedLinear):
                yield Linear(index, target, parent, linear)


def attach(model: Decoder, spec: AdapterSpec, seed: int, name: str = DEFAULT) -> None:
    """Freeze the model and put one more, active adapter on every target layer.

    Biases are the model's own: all its adapters see them learn, and unmerging does not undo them.
    Raises ModelError where no layer has a name that the spec gives, the model has no biases to
    train or an adapter that trains them, or it has a prompt.
    """
    if model.prompt is not None:
        raise ModelError("this model has a prompt; it takes no adapter beside")
    others = (layer.adapter(other).spec for layer in adapted(model) for other in layer.adapters)
    if spec.bias != "none" and any(other.bias != "none" for other in others):
        raise ModelError("this model has an adapter that trains its biases; it takes no second one")
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for place in linears(model, _chosen(model, spec)):
        linear = place.linear
        if not isinstance(linear, AdaptedLinear):
            linear = AdaptedLinear(linear)
            place.put(linear)
        linear.adapters[name] = LowRank(linear.base, spec, generator)
        linear.active = (*linear.active, name)
    for bias in biases(model, spec.bias, name).values():
        bias.requires_grad_(True)


def activate(model: nn.Module, names: Sequence[str]) -> None:
    """Let exactly these adapters count, wherever a layer has them; merged ones are taken out."""
    for linear in adapted(model):
        linear.unmerge()
        linear.active = tuple(name for name in names if name in linear.adapters)


def adapted(model: nn.Module) -> Iterator[AdaptedLinear]:
    """Yield the layers that have adapters, in the model's order."""
    return (module for module in model.modules() if isinstance(module, AdaptedLinear))


def merge(model: Decoder) -> None:
    """Add the active adapters into the weights and leave a plain model."""
    for place in linears(model):
        if isinstance(place.linear, AdaptedLinear):
            place.linear.merge()
            place.put(place.linear.base)
        elif isinstance(place.linear, FourBitLinear):
            place.put(place.linear.plain())


def hold_in_four_bits(model: Decoder) -> None:
    """Replace the layers that can have adapters by frozen ones in NF4 (QLoRA's base)."""
    model.requires_grad_(False)
    for place in linears(model):
        if isinstance(place.linear, nn.Linear):
            place.put(FourBitLinear(place.linear))


def train_biases(model: nn.Module) -> int:
    """Let only biases learn (BitFit); return how many numbers. Raises ModelError without any."""
    model.requires_grad_(False)
    return sum(bias.requires_grad_(True).numel() for bias in biases(model).values())


def biases(model: nn.Module, which: Bias = "all", name: str = DEFAULT) -> dict[str, nn.Parameter]:
    """Return the biases that learn with an adapter, by their names in a model without any.

    Raises ModelError where all are to learn and there are none.
    """
    found = {n: p for n, p in model.named_parameters() if n.endswith("bias") and which != "none"}
    if which == "lora_only":
        layers = {n for n, m in model.named_modules() if name in getattr(m, "adapters", ())}
        found = {n: p for n, p in found.items() if n.removesuffix(".base.bias") in layers}
    elif which == "all" and not found:
        raise ModelError("this model has no biases to train; use LoRA (train.adapter = 'lora')")
    return {n.replace(".base.", "."): p for n, p in found.items()}


@torch.no_grad()
def attach_prompt(model: Decoder, spec: PromptSpec, seed: int, ids: Sequence[int] = ()) -> Prompt:
    """Freeze the model and put virtual tokens before every sequence; they alone learn.

    They begin as the embeddings of ``ids``, over and over, or of tokens drawn from the first
    `COMMON`. Raises ModelError where there is an adapter already or no room for a prompt.
    """
    config = model.config
    if model.prompt is not None or any(adapted(model)):
        raise ModelError("this model has a prompt or an adapter already; it takes no prompt beside")
    if spec.tokens >= config.context:
        raise ModelError(
            f"{spec.tokens} virtual tokens leave nothing of a context of {config.context}; "
            "lower train.prompt_tokens"
        )
    model.requires_grad_(False)
    if ids:
        chosen = torch.tensor([ids[place % len(ids)] for place in range(spec.tokens)])
    else:
        generator = torch.Generator().manual_seed(seed)
        most = min(COMMON, config.vocabulary)
        chosen = torch.randint(most, (spec.tokens,), generator=generator)
    table = model.embedding.weight
    rows = table[chosen.to(table.device)].float() * config.embedding_scale
    prompt = model.prompt = Prompt(rows)
    return prompt


def adapter_size(model: Decoder, spec: AdapterSpec | PromptSpec) -> int:
    """Return how many numbers an adapter would learn on this model."""
    if isinstance(spec, PromptSpec):
        return spec.tokens * model.config.width
    total = sum(p.numel() for p in biases(model).values()) if spec.bias == "all" else 0
    for place in linears(model, _chosen(model, spec)):
        assert isinstance(place.linear, nn.Linear | FourBitLinear)
        total += spec.rank * (place.linear.in_features + place.linear.out_features)
        total += place.linear.out_features if spec.kind == "dora" else 0
        if spec.bias == "lora_only" and place.linear.bias is not None:
            total += place.linear.out_features
    return total


def _chosen(model: Decoder, spec: AdapterSpec) -> list[str]:
    if not spec.rank:
        return []
    names = spec.targets
    here = [place.target for place in linears(model) if place.index == 0]
    found = []
    for target in here:
        weight = public_name(model.config, f"layers.0.{target}.weight")
        known = (target, target.rsplit(".", 1)[1], weight.split(".")[-2])
        if not names or any(name in known for name in names):
            found.append(target)
    if not found:
        raise ModelError(
            f"no layer to adapt is called {' or '.join(names)}; this model has {', '.join(here)}"
        )
    return found


def _weight(base: nn.Module) -> Tensor:
    weight = base.weight
    assert isinstance(weight, Tensor)
    return weight
