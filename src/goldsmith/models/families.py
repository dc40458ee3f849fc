"""Public model folders in and out: config.json and safetensors of llama, mistral, qwen2 and qwen3.

A family is a row of a table: what its public config leaves out, and which extras it has. The weight
names of all four are the same, so one table maps them to ours. Both generations of public config
are read (``rope_theta``/``rope_scaling``/``torch_dtype`` and ``rope_parameters``/``dtype``), and
both are written. Whatever would change the function and is not supported is refused by name;
nothing is ignored silently. Only safetensors are read: no code and no pickle of others runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from goldsmith.errors import MissingExtraError, ModelError
from goldsmith.models.config import Family, ModelConfig, RopeScaling
from goldsmith.models.decoder import Decoder
from goldsmith.pipeline.artifact import write_atomically

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class PublicFamily:
    """What tells one public architecture from another."""

    architecture: str
    qkv_bias: bool = False
    qk_norm: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)
    """What the public config class takes where config.json is silent."""


FAMILIES: dict[Family, PublicFamily] = {
    "llama": PublicFamily("LlamaForCausalLM"),
    "mistral": PublicFamily(
        "MistralForCausalLM", defaults={"num_key_value_heads": 8, "sliding_window": 4096}
    ),
    "qwen2": PublicFamily("Qwen2ForCausalLM", qkv_bias=True, defaults={"num_key_value_heads": 32}),
    "qwen3": PublicFamily(
        "Qwen3ForCausalLM",
        qk_norm=True,
        defaults={"num_key_value_heads": 32, "head_dim": 128},
    ),
}

TOP_NAMES = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "head.weight": "lm_head.weight",
}
"""Ours -> public, outside the layers."""

LAYER_NAMES = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
"""Ours -> public, inside ``layers.N.`` and ``model.layers.N.``."""


def load_model(
    source: str | Path, dtype: torch.dtype = torch.float32, revision: str | None = None
) -> Decoder:
    """Read a model from a local folder or, where there is none of that name, from the hub.

    Its weights do not ask for gradients: it is ready to serve, and adapters bring their own.

    Raises ModelError naming the file, tensor or key: an unknown architecture, a missing shard or
    tensor, a wrong shape, a value that is not finite. ``revision`` is the hub's.
    """
    folder = local_folder(source, revision)
    config = read_config(folder)
    model = Decoder(config, seed=None)
    expected = {public_name(name): (name, p) for name, p in model.state_dict().items()}
    found: dict[str, Tensor] = {}
    for file, name, tensor in _tensors(folder):
        if name not in expected:
            if name.endswith("rotary_emb.inv_freq") or (config.tied and name == "lm_head.weight"):
                continue
            raise ModelError(
                f"{file}: tensor '{name}' has no place in a {config.family} model; "
                "the folder holds another architecture, or adapter weights: merge them first"
            )
        ours, place = expected[name]
        if tensor.shape != place.shape:
            raise ModelError(
                f"{file}: tensor '{name}' has shape {tuple(tensor.shape)}, config.json says "
                f"{tuple(place.shape)}; take weights and config from the same model"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{file}: tensor '{name}' holds NaN or infinity; copy the file again from its "
                "source, or go back to an earlier checkpoint"
            )
        found[ours] = tensor.to(dtype)
    for public, (ours, _) in expected.items():
        if ours not in found:
            raise ModelError(f"{folder}: tensor '{public}' is missing; copy the model again")
    model.load_state_dict(found, assign=True)
    return model.requires_grad_(False)


def save_model(model: Decoder, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers reads them, in the model's dtype."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        public_name(name): tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    public = public_config(model.config, dtype)
    write_atomically(folder / "config.json", json.dumps(public, indent=2, sort_keys=True) + "\n")


def public_name(name: str) -> str:
    """Map our parameter name to the public one."""
    if name in TOP_NAMES:
        return TOP_NAMES[name]
    _, number, rest = name.split(".", 2)
    part, kind = rest.rsplit(".", 1)
    return f"model.layers.{number}.{LAYER_NAMES[part]}.{kind}"


def local_folder(source: str | Path, revision: str | None = None) -> Path:
    """Return ``source`` where it is a folder, else the hub's snapshot of that name."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    name = str(source)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"{source}: no such folder, and not a hub name like 'owner/name'")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError(f"reading '{name}' from the hub", "hub") from error
    try:
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=["*.json", "*.safetensors", "*.txt"]
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"'{name}' is neither a local folder nor reachable on the hub ({cause}); "
            "check the name and the network, or give a local folder"
        ) from error


def read_config(folder: Path) -> ModelConfig:
    """Read config.json (and the end tokens of generation_config.json) of a public model."""
    path = folder / "config.json"
    public = _read_json(path)
    names = public.get("architectures") or [f"model_type '{public.get('model_type')}'"]
    family = next((f for f, row in FAMILIES.items() if names == [row.architecture]), None)
    if family is None:
        raise ModelError(
            f"{path}: architecture {names[0]} is not supported; use one of "
            + ", ".join(row.architecture for row in FAMILIES.values())
        )
    row = FAMILIES[family]
    values = {**row.defaults, **public}
    _refuse(path, values)
    try:
        width, heads = int(values["hidden_size"]), int(values["num_attention_heads"])
        context = int(values["max_position_embeddings"])
        if family != "llama" and values.get("use_sliding_window", family == "mistral"):
            # Within the window sliding attention is full attention, so the window is the context.
            context = min(context, int(values.get("sliding_window") or context))
        theta, scaling = _rope(path, values)
        return ModelConfig(
            vocabulary=int(values["vocab_size"]),
            width=width,
            layers=int(values["num_hidden_layers"]),
            heads=heads,
            key_value_heads=int(values.get("num_key_value_heads") or heads),
            head_dim=int(values.get("head_dim") or width // heads),
            hidden=int(values["intermediate_size"]),
            context=context,
            rope_theta=theta,
            rope_scaling=scaling,
            norm_epsilon=float(values.get("rms_norm_eps", 1e-6)),
            tied=bool(values.get("tie_word_embeddings", False)),
            qkv_bias=row.qkv_bias,
            qk_norm=row.qk_norm,
            bos=values.get("bos_token_id"),
            eos=_end_tokens(folder, values),
            pad=values.get("pad_token_id"),
            family=family,
        )
    except KeyError as error:
        raise ModelError(f"{path}: key {error} is missing; copy the model again") from error
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: a value has the wrong type ({error}); mend it") from error


def public_config(config: ModelConfig, dtype: str) -> dict[str, Any]:
    """Return config.json as both generations of readers expect it."""
    rope: dict[str, Any] = {"rope_theta": config.rope_theta, "rope_type": "default"}
    if config.rope_scaling is not None:
        scaling = config.rope_scaling
        rope |= {"rope_type": scaling.kind, "factor": scaling.factor}
        if scaling.kind == "llama3":
            rope |= {
                "low_freq_factor": scaling.low_frequency_factor,
                "high_freq_factor": scaling.high_frequency_factor,
                "original_max_position_embeddings": scaling.original_context,
            }
    row = FAMILIES[config.family]
    public: dict[str, Any] = {
        "architectures": [row.architecture],
        "model_type": config.family,
        "vocab_size": config.vocabulary,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_value_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.hidden,
        "max_position_embeddings": config.context,
        "rope_parameters": rope,
        "rope_theta": config.rope_theta,
        "rope_scaling": None if config.rope_scaling is None else rope,
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "bos_token_id": config.bos,
        "eos_token_id": list(config.eos) if len(config.eos) > 1 else next(iter(config.eos), None),
        "pad_token_id": config.pad,
        "dtype": dtype,
        "torch_dtype": dtype,
        "use_cache": True,
    }
    if config.family == "llama":
        public |= {"attention_bias": False, "mlp_bias": False}
    else:
        public["sliding_window"] = None
    if config.family in ("qwen2", "qwen3"):
        public["use_sliding_window"] = False
    if config.family == "qwen3":
        public["attention_bias"] = False
    return public


def _refuse(path: Path, values: dict[str, Any]) -> None:
    """Refuse, by name, whatever changes the function and is not built."""
    wanted: dict[str, tuple[Any, ...]] = {
        "hidden_act": ("silu", "swish"),
        "attention_bias": (False,),
        "mlp_bias": (False,),
        "partial_rotary_factor": (1, 1.0),
        "quantization_config": (None,),
    }
    for key, allowed in wanted.items():
        if key in values and values[key] not in allowed:
            raise ModelError(
                f"{path}: {key}={json.dumps(values[key])[:80]} is not supported; "
                "use a model without it"
            )


def _rope(path: Path, values: dict[str, Any]) -> tuple[float, RopeScaling | None]:
    rope: dict[str, Any] = {
        **(values.get("rope_scaling") or {}),
        **(values.get("rope_parameters") or {}),
    }
    theta = float(rope.get("rope_theta") or values.get("rope_theta") or 10_000.0)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if any(isinstance(value, dict) for value in rope.values()):
        kind = "different by layer"
    if kind == "default":
        return theta, None
    if kind == "linear":
        return theta, RopeScaling("linear", float(rope["factor"]))
    if kind == "llama3":
        return theta, RopeScaling(
            "llama3",
            float(rope["factor"]),
            float(rope["low_freq_factor"]),
            float(rope["high_freq_factor"]),
            int(rope["original_max_position_embeddings"]),
        )
    raise ModelError(
        f"{path}: rope scaling '{kind}' is not supported; "
        "use a model with default, linear or llama3 scaling"
    )


def _end_tokens(folder: Path, values: dict[str, Any]) -> tuple[int, ...]:
    """Return the end tokens of both files, in order, each once."""
    path = folder / "generation_config.json"
    generation = _read_json(path) if path.is_file() else {}
    ends: list[int] = []
    for value in (values.get("eos_token_id"), generation.get("eos_token_id")):
        ends += [value] if isinstance(value, int) else list(value or ())
    return tuple(dict.fromkeys(ends))


def _tensors(folder: Path) -> Iterator[tuple[Path, str, Tensor]]:
    """Yield every tensor of the folder, shard by shard, in name order."""
    index = folder / WEIGHTS_INDEX
    if index.is_file():
        weight_map = _read_json(index).get("weight_map", {})
        shards = [folder / Path(str(name)).name for name in sorted(set(weight_map.values()))]
    else:
        shards = [folder / WEIGHTS]
    for shard in shards:
        if not shard.is_file():
            raise ModelError(f"{shard}: weight file is missing; copy the model again")
        try:
            with safe_open(shard, framework="pt") as file:
                for name in sorted(file.keys()):
                    yield shard, name, file.get_tensor(name)
        except SafetensorError as error:
            raise ModelError(
                f"{shard}: is not a whole safetensors file ({error}); copy the model again"
            ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{path.parent}: not a model folder, {path.name} is missing; check the path"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error}); copy it again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: holds no JSON object; copy the model again")
    return value
