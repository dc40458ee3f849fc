"""Low-rank adapters (LoRA, Hu et al. 2021) on every linear layer of attention and feed-forward.

The base stays frozen; each layer learns ``B @ A`` of a small rank beside its weight, scaled by
alpha / rank, with B zero at the start so that training begins at the base. On disk an adapter is
PEFT's format, so PEFT and servers that read it take it as it is. No dropout: with a corpus read a
few times over, early stopping on held-out loss does that work without making steps random.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, Family, public_name, save_model
from goldsmith.pipeline.artifact import write_atomically

TARGETS = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.output",
    "feed_forward.gate",
    "feed_forward.up",
    "feed_forward.down",
)
"""Layers that get an adapter, by our names."""

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)


class LoraLinear(nn.Module):
    """x (..., in) -> base(x) + scale * x A^T B^T (..., out); the base does not learn."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float, generator: torch.Generator):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        bound = 1.0 / math.sqrt(base.in_features)
        down = torch.empty(rank, base.in_features).uniform_(-bound, bound, generator=generator)
        self.down = nn.Parameter(down)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, hidden: Tensor) -> Tensor:
        low = functional.linear(hidden, self.down)
        result: Tensor = self.base(hidden) + functional.linear(low, self.up) * self.scale
        return result

    def merged(self) -> nn.Linear:
        """Return the base with the adapter added in (the base is changed)."""
        with torch.no_grad():
            change = (self.up.float() @ self.down.float()) * self.scale
            self.base.weight += change.to(self.base.weight.dtype)
        return self.base


def attach(model: Decoder, rank: int, alpha: float, seed: int) -> None:
    """Freeze the model and put a fresh adapter on every target layer."""
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for layer in model.layers:
        for target in TARGETS:
            parent, name = _parent(layer, target)
            setattr(parent, name, LoraLinear(getattr(parent, name), rank, alpha, generator))


def merge(model: Decoder) -> None:
    """Add the adapters into the weights and leave a plain model."""
    for layer in model.layers:
        for target in TARGETS:
            parent, name = _parent(layer, target)
            linear = getattr(parent, name)
            if isinstance(linear, LoraLinear):
                setattr(parent, name, linear.merged())


def save_adapter(model: Decoder, folder: Path, rank: int, alpha: float, base: str) -> None:
    """Write adapter_config.json and adapter_model.safetensors as PEFT reads them.

    ``base`` is the base model's name or its path relative to the adapter.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for index, layer in enumerate(model.layers):
        for target in TARGETS:
            parent, name = _parent(layer, target)
            linear = getattr(parent, name)
            stem = _peft_stem(model.config.family, index, target)
            tensors[f"{stem}.lora_A.weight"] = linear.down.detach().contiguous()
            tensors[f"{stem}.lora_B.weight"] = linear.up.detach().contiguous()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": sorted(
            _peft_stem(model.config.family, 0, t).rsplit(".", 1)[1] for t in TARGETS
        ),
    }
    write_atomically(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")


def load_adapter(model: Decoder, folder: Path) -> None:
    """Attach an adapter that `save_adapter` (or PEFT, for the same layers) wrote.

    Raises ModelError naming the file and the tensor where it does not fit the model.
    """
    path = folder / WEIGHTS
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        tensors = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: not a LoRA adapter in PEFT's format ({error}); check the path"
        ) from error
    attach(model, rank, alpha, seed=0)
    for index, layer in enumerate(model.layers):
        for target in TARGETS:
            parent, name = _parent(layer, target)
            linear = getattr(parent, name)
            stem = _peft_stem(model.config.family, index, target)
            for part, ours in (("lora_A", linear.down), ("lora_B", linear.up)):
                tensor = tensors.pop(f"{stem}.{part}.weight", None)
                if tensor is None or tensor.shape != ours.shape:
                    raise ModelError(
                        f"{path}: tensor '{stem}.{part}.weight' is missing or has another shape "
                        f"than {tuple(ours.shape)}; the adapter belongs to another model"
                    )
                with torch.no_grad():
                    ours.copy_(tensor)
    if tensors:
        raise ModelError(f"{path}: tensor '{min(tensors)}' has no place in this model")


def save_merged(model: Decoder, folder: Path, tokenizer: Path | None) -> None:
    """Merge, and write a public model folder with the tokenizer's files beside the weights."""
    merge(model)
    save_model(model, folder)
    if tokenizer is not None:
        copy_tokenizer(tokenizer, folder)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy a tokenizer's public files, so that a model folder can be served on its own."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _peft_stem(family: Family, index: int, target: str) -> str:
    weight = public_name(family, f"layers.{index}.{target}.weight")
    return "base_model.model." + weight.removesuffix(".weight")


def _parent(layer: nn.Module, target: str) -> tuple[nn.Module, str]:
    """Return the module that holds ``target`` and the attribute's name."""
    path, name = target.rsplit(".", 1)
    return layer.get_submodule(path), name
