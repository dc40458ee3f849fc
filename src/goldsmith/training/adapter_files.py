"""Adapters on disk: PEFT's format, both ways, so that PEFT and servers that read it take them.

A folder holds adapter_config.json and adapter_model.safetensors. What would change the function and
is not built (other kinds, trained biases, ranks or alphas by layer) is refused by name. No weight
can take a prompt up, so a merged model has it in a folder of its own beside the weights.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, load_model, public_name, save_model
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.training.adapters import (
    DEFAULT,
    AdaptedLinear,
    AdapterSpec,
    LowRank,
    PromptSpec,
    attach,
    attach_prompt,
    linears,
    merge,
)

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
PROMPT = "prompt"
"""The folder of the prompt in that of a merged model."""
PROMPT_ROWS = "prompt_embeddings"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_UNUSED = (
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "layer_replication",
    "fan_in_fan_out",
)


def save_adapter(model: Decoder, folder: Path, base: str, name: str = DEFAULT) -> None:
    """Write one adapter as PEFT reads it.

    ``base`` is the base model's name or its path relative to the adapter. A model's prompt is
    written instead where it has one.
    """
    if model.prompt is not None:
        rows = model.prompt.rows.detach().float().contiguous()
        config = {
            "peft_type": "PROMPT_TUNING",
            "num_virtual_tokens": len(rows),
            "token_dim": model.config.width,
            "num_transformer_submodules": 1,
            "num_attention_heads": model.config.heads,
            "num_layers": model.config.layers,
            "prompt_tuning_init": "RANDOM",
        }
        _write(folder, {PROMPT_ROWS: rows}, base, config)
        return
    tensors: dict[str, Tensor] = {}
    specs: list[AdapterSpec] = []
    modules = set()
    for stem, low in _places(model, name):
        specs.append(low.spec)
        modules.add(stem.rsplit(".", 1)[1])
        tensors |= {
            f"{stem}.{part}": tensor.detach().float().contiguous()
            for part, tensor in _parts(low).items()
        }
    spec = specs[0]
    config = {
        "peft_type": "LORA",
        "r": spec.rank,
        "lora_alpha": spec.alpha,
        "lora_dropout": spec.dropout,
        "use_rslora": spec.rank_stabilised,
        "use_dora": spec.kind == "dora",
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": sorted(modules),
    }
    _write(folder, tensors, base, config)


def load_adapter(model: Decoder, folder: Path, name: str = DEFAULT) -> None:
    """Attach an adapter that `save_adapter` or PEFT wrote; it becomes active beside others.

    Raises ModelError naming the file and the tensor or setting where it does not fit the model.
    """
    path = folder / WEIGHTS
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        spec = _spec(config, folder / CONFIG)
        tensors = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: not a LoRA adapter or prompt in PEFT's format ({error}); check the path"
        ) from error
    expected: dict[str, Tensor] = {}
    if isinstance(spec, PromptSpec):
        expected[PROMPT_ROWS] = attach_prompt(model, spec, seed=0).rows
    else:
        attach(model, spec, seed=0, name=name)
        for stem, low in _places(model, name):
            low.eval()  # its dropout is for training, which says so
            expected |= {f"{stem}.{part}": ours for part, ours in _parts(low).items()}
    for word, ours in expected.items():
        tensor = tensors.pop(word, None)
        if tensor is None or tensor.shape != ours.shape:
            raise ModelError(
                f"{path}: tensor '{word}' is missing or has another shape than "
                f"{tuple(ours.shape)}; the adapter belongs to another model"
            )
        with torch.no_grad():
            ours.copy_(tensor)
    if tensors:
        raise ModelError(f"{path}: tensor '{min(tensors)}' has no place in this model")


def save_merged(model: Decoder, folder: Path, tokenizer: Path | None) -> None:
    """Merge, and write a public model folder with the tokenizer's files beside the weights.

    A prompt goes to ``prompt/`` in it; `load_tuned` reads both.
    """
    merge(model)
    prompt, model.prompt = model.prompt, None
    save_model(model, folder)
    model.prompt = prompt
    if prompt is not None:
        save_adapter(model, folder / PROMPT, "..")
    if tokenizer is not None:
        copy_tokenizer(tokenizer, folder)


def load_tuned(folder: Path) -> Decoder:
    """Read a model folder, and the prompt that `save_merged` wrote into it, if there is one."""
    model = load_model(folder)
    if (folder / PROMPT).is_dir():
        load_adapter(model, folder / PROMPT)
    return model.requires_grad_(False)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy a tokenizer's public files, so that a model folder can be served on its own."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _write(folder: Path, tensors: dict[str, Tensor], base: str, config: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config |= {"task_type": "CAUSAL_LM", "base_model_name_or_path": base, "inference_mode": True}
    write_atomically(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")


def _spec(config: dict[str, Any], path: Path) -> AdapterSpec | PromptSpec:
    kind = config["peft_type"]
    if kind == "PROMPT_TUNING":
        return PromptSpec(int(config["num_virtual_tokens"]))
    if kind != "LORA" or config.get("bias", "none") != "none":
        raise ModelError(
            f"{path}: only LoRA and DoRA without biases and prompt tuning are read, not {kind}"
        )
    for word in _UNUSED:
        if config.get(word):
            raise ModelError(f"{path}: '{word}' is not supported; train the adapter without it")
    targets = config["target_modules"]
    if isinstance(targets, str) and targets != "all-linear":
        raise ModelError(f"{path}: target_modules must be a list of names, not '{targets}'")
    return AdapterSpec(
        rank=int(config["r"]),
        alpha=float(config["lora_alpha"]),
        kind="dora" if config.get("use_dora") else "lora",
        rank_stabilised=bool(config.get("use_rslora")),
        dropout=float(config.get("lora_dropout", 0.0)),
        targets=() if isinstance(targets, str) else tuple(t.rsplit(".", 1)[-1] for t in targets),
    )


def _parts(low: LowRank) -> dict[str, nn.Parameter]:
    parts = {"lora_A.weight": low.down, "lora_B.weight": low.up}
    if low.magnitude is not None:
        parts["lora_magnitude_vector"] = low.magnitude
    return parts


def _places(model: Decoder, name: str) -> list[tuple[str, LowRank]]:
    """Every layer's adapter of a name beside its stem in PEFT's file."""
    found = []
    for place in linears(model):
        if isinstance(place.linear, AdaptedLinear) and name in place.linear.adapters:
            low = place.linear.adapters[name]
            assert isinstance(low, LowRank)
            ours = f"layers.{place.index}.{place.target}.weight"
            public = public_name(model.config.family, ours).removesuffix(".weight")
            found.append((f"base_model.model.{public}", low))
    if not found:
        raise ModelError(f"this model has no adapter called '{name}'")
    return found
