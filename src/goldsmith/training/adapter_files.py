"""Adapters on disk: PEFT's format, both ways, so that PEFT and servers that read it take them.

A folder holds adapter_config.json and adapter_model.safetensors. What would change the function and
is not built (other kinds, ranks or alphas by layer) is refused by name. PEFT has no BitFit: it is
written as a LoRA with all biases whose one matrix is zero, and every LoRA that is zero beside its
biases is read as BitFit. No weight can take a prompt up, so a merged model has it in a folder of
its own beside the weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, load_model, places, save_model
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.training.adapters import (
    BITFIT,
    DEFAULT,
    AdaptedLinear,
    AdapterSpec,
    Bias,
    LowRank,
    PromptSpec,
    attach,
    attach_prompt,
    biases,
    linears,
    merge,
)

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
PROMPT = "prompt"
"""The folder of the prompt in that of a merged model."""
PROMPT_ROWS = "prompt_embeddings"
_HEAD = "base_model.model."
"""What PEFT puts before the public names of a model's tensors."""
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
    written instead where it has one, its biases where nothing else learns.
    """
    held = _parameters(model, name)
    tensors = {word: torch.cat(parts).detach().float() for word, parts in held.items()}
    config: dict[str, Any]
    if model.prompt is not None:
        config = {
            "peft_type": "PROMPT_TUNING",
            "num_virtual_tokens": len(model.prompt.rows),
            "token_dim": model.config.width,
            "num_transformer_submodules": 1,
            "num_attention_heads": model.config.heads,
            "num_layers": model.config.layers,
            "prompt_tuning_init": "RANDOM",
        }
    else:
        spec = _learned(model, name)
        (output,) = places(model.config, frozenset({"layers.0.attention.output.weight"}))
        if not spec.rank:
            stem = _HEAD + output.public.removesuffix(".weight")
            inner, outer = model.config.heads * model.config.head_dim, model.config.width
            tensors[f"{stem}.lora_A.weight"] = torch.zeros(1, inner)
            tensors[f"{stem}.lora_B.weight"] = torch.zeros(outer, 1)
        stems = sorted({word.partition(".lora_")[0] for word in tensors if ".lora_" in word})
        for stem in stems:
            if f"{stem}.bias" in tensors:  # PEFT finds it in the layer that it wraps
                tensors[f"{stem}.base_layer.bias"] = tensors.pop(f"{stem}.bias")
        short = sorted({stem.rsplit(".", 1)[1] for stem in stems})
        config = {
            "peft_type": "LORA",
            "r": spec.rank or 1,
            "lora_alpha": spec.alpha,
            "lora_dropout": spec.dropout,
            "use_rslora": spec.rank_stabilised,
            "use_dora": spec.kind == "dora",
            "bias": spec.bias,
            "fan_in_fan_out": output.transposed,
            "target_modules": short if spec.rank else [stems[0].removeprefix(_HEAD)],
        }
    config |= {"task_type": "CAUSAL_LM", "base_model_name_or_path": base, "inference_mode": True}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    write_atomically(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")


def load_adapter(model: Decoder, folder: Path, name: str = DEFAULT) -> None:
    """Attach an adapter that `save_adapter` or PEFT wrote; it becomes active beside others.

    Raises ModelError naming the file and the tensor or setting where it does not fit the model.
    """
    path = folder / WEIGHTS
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        tensors = {w.replace(".base_layer.", "."): t for w, t in load_file(path).items()}
        if not any(n.endswith("bias") for n, _ in model.named_parameters()):
            config["bias"] = "none"  # PEFT lets all of no biases be trained
        changes = (t for w, t in tensors.items() if ".lora_B." in w or ".lora_magnitude" in w)
        if config.get("bias") == "all" and not any(bool(tensor.any()) for tensor in changes):
            tensors = {word: t for word, t in tensors.items() if ".lora_" not in word}
            config |= {"r": 0, "fan_in_fan_out": False, "target_modules": []}
        spec = _spec(config, folder / CONFIG)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: not a LoRA adapter or prompt in PEFT's format ({error}); check the path"
        ) from error
    if isinstance(spec, PromptSpec):
        attach_prompt(model, spec, seed=0)
    else:
        attach(model, spec, seed=0, name=name)
        for _, low in _places(model, name):
            low.eval()  # its dropout is for training, which says so
    for word, parts in _parameters(model, name).items():
        tensor, shape = tensors.pop(word, None), torch.cat(parts).shape
        if tensor is None or tensor.shape != shape:
            raise ModelError(
                f"{path}: tensor '{word}' is missing or has another shape than "
                f"{tuple(shape)}; the adapter belongs to another model"
            )
        with torch.no_grad():
            for part, given in zip(parts, tensor.split([len(p) for p in parts]), strict=True):
                part.copy_(given)
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


def _spec(config: dict[str, Any], path: Path) -> AdapterSpec | PromptSpec:
    kind = config["peft_type"]
    if kind == "PROMPT_TUNING":
        return PromptSpec(int(config["num_virtual_tokens"]))
    bias = config.get("bias", "none")
    if kind != "LORA" or bias not in get_args(Bias):
        what = f"biases '{bias}'" if kind == "LORA" else kind
        raise ModelError(f"{path}: only LoRA, DoRA and prompt tuning are read, not {what}")
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
        bias=bias,
    )


def _learned(model: Decoder, name: str) -> AdapterSpec:
    """Return what the adapter of a name is made of; BitFit has no name, but nothing else learns."""
    for _, low in _places(model, name):
        return low.spec
    learning = [word for word, weight in model.named_parameters() if weight.requires_grad]
    if learning and all(word.endswith("bias") for word in learning):
        return BITFIT
    raise ModelError(f"this model has no adapter called '{name}'")


def _parameters(model: Decoder, name: str) -> dict[str, list[Tensor]]:
    """Return PEFT's tensors, a bias as the base calls it: which parameters lie in each in a row."""
    if model.prompt is not None:
        return {PROMPT_ROWS: [model.prompt.rows]}
    found: dict[str, list[Tensor]] = {}
    for stem, low in _places(model, name):
        found[f"{stem}.lora_A.weight"], found[f"{stem}.lora_B.weight"] = [low.down], [low.up]
        if low.magnitude is not None:
            found[f"{stem}.lora_magnitude_vector"] = [low.magnitude]
    learned = biases(model, _learned(model, name).bias, name)
    for place in places(model.config, frozenset(learned)):
        found[_HEAD + place.public] = [learned[ours] for ours in place.ours]
    return found


def _places(model: Decoder, name: str) -> Iterator[tuple[str, LowRank]]:
    """Yield every layer's adapter of a name beside its stem in PEFT's file."""
    lows = {
        f"layers.{place.index}.{place.target}.weight": place.linear.adapter(name)
        for place in linears(model)
        if isinstance(place.linear, AdaptedLinear) and name in place.linear.adapters
    }
    for each in places(model.config, frozenset(lows)):
        yield _HEAD + each.public.removesuffix(".weight"), lows[each.ours[0]]
