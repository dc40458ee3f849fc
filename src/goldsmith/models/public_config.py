"""config.json of public decoder folders, read into a `ModelConfig` and written from one.

Both generations are read (``rope_theta``/``rope_scaling``/``torch_dtype`` and
``rope_parameters``/``dtype``), and both are written. Whatever would change the function and is not
built is refused by name; nothing is ignored silently.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from goldsmith.errors import ModelError
from goldsmith.models.config import Family, ModelConfig, RopeScaling
from goldsmith.models.families import FAMILIES, KEYS

Values = dict[str, Any]
#: Keys of two names in public rope settings, and ours.
_ROPE_NAMES = {
    "low_freq_factor": "low_frequency_factor",
    "high_freq_factor": "high_frequency_factor",
    "original_max_position_embeddings": "original_context",
    "beta_fast": "fast_turns",
    "beta_slow": "slow_turns",
    "attention_factor": "attention_factor",
    "truncate": "truncate",
}
_ROPE_WORDS = {
    "linear": (),
    "dynamic": ("original_max_position_embeddings",),
    "llama3": ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": (
        "original_max_position_embeddings",
        "beta_fast",
        "beta_slow",
        "attention_factor",
        "truncate",
    ),
}


def read_config(folder: Path) -> ModelConfig:
    """Read config.json (and the end tokens of generation_config.json) of a public model.

    Raises ModelError naming the file and the key.
    """
    path = folder / "config.json"
    public = read_json(path)
    names = public.get("architectures") or [f"model_type '{public.get('model_type')}'"]
    family = next((f for f, row in FAMILIES.items() if names == [row.architecture]), None)
    if family is None:
        raise ModelError(
            f"{path}: architecture {names[0]} is not supported; use one of "
            + ", ".join(row.architecture for row in FAMILIES.values())
        )
    row = FAMILIES[family]
    values = {**row.defaults, **public}
    _refuse(path, family, values)
    keys = row.keys or KEYS
    try:
        width, heads = int(values[keys["width"]]), int(values[keys["heads"]])
        layers = int(values[keys["layers"]])
        theta, scaling, window_theta = _rope(path, values)
        given: Values = {
            "key_value_heads": heads,
            "head_dim": width // heads,
            "hidden": 4 * width,
            "tied": False,
            "norm_epsilon": 1e-6,
        }
        given = read_fields(ModelConfig, keys, values, given)
        if family.startswith("gemma"):
            given["embedding_scale"] = math.sqrt(width)
            given["query_scale"] = int(values["query_pre_attn_scalar"])
            given["attention_cap"] = _number(values.get("attn_logit_softcapping"))
            given["logit_cap"] = _number(values.get("final_logit_softcapping"))
        return ModelConfig(
            **{**row.traits, **given},
            rope_theta=theta,
            rope_scaling=scaling,
            window_theta=window_theta,
            windows=_windows(family, values, layers),
            bos=values.get("bos_token_id"),
            eos=_end_tokens(folder, values),
            pad=values.get("pad_token_id"),
            family=family,
        )
    except KeyError as error:
        raise ModelError(f"{path}: key {error} is missing; copy the model again") from error
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: a value has the wrong type ({error}); mend it") from error


def public_config(config: ModelConfig) -> Values:
    """Return config.json as both generations of readers expect it."""
    row = FAMILIES[config.family]
    public: Values = {key: getattr(config, name) for name, key in (row.keys or KEYS).items()}
    public |= {key: allowed[0] for key, allowed in row.fixed.items()}
    public |= {
        "architectures": [row.architecture],
        "model_type": row.model_type,
        "bos_token_id": config.bos,
        "eos_token_id": list(config.eos) if len(config.eos) > 1 else next(iter(config.eos), None),
        "pad_token_id": config.pad,
        "use_cache": True,
    }
    if config.positions == "rotary":
        public |= _public_rope(config)
        public |= {"attention_dropout": 0.0}
        public |= _public_windows(config)
    if config.family == "gpt2":
        public |= {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
    if config.family == "mpt":
        public |= {"attn_config": {"alibi": True, "attn_pdrop": 0}, "expansion_ratio": 4}
    if config.family.startswith("gemma"):
        public["query_pre_attn_scalar"] = config.query_scale or config.head_dim
        public["attn_logit_softcapping"] = config.attention_cap
        public["final_logit_softcapping"] = config.logit_cap
    return public


def read_fields(kind: type, keys: Mapping[str, str], values: Values, given: Values) -> Values:
    """Return ``given`` and the fields of a config that ``values`` says, ``keys`` being its words.

    A value takes the type of the default, int where there is none. Raises KeyError where a field
    without a default is not said.
    """
    fields = dict(given)
    for name, key in keys.items():
        if values.get(key) is not None:
            fields[name] = type(fields.get(name, getattr(kind, name, 0)))(values[key])
        elif name not in fields and not hasattr(kind, name):
            raise KeyError(key)
    return fields


def read_json(path: Path) -> Values:
    """Read a JSON object. Raises ModelError where there is none."""
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


def _refuse(path: Path, family: Family, values: Values) -> None:
    """Refuse, by name, whatever changes the function and is not built."""
    wanted: dict[str, tuple[Any, ...]] = {
        "partial_rotary_factor": (1, 1.0),
        "quantization_config": (None,),
        **FAMILIES[family].fixed,
    }
    if family == "mpt":
        inner = values.get("attn_config") or {}
        values = {**values, **{f"attn_config.{key}": value for key, value in inner.items()}}
        wanted |= {
            "attn_config.alibi": (True,),
            "attn_config.alibi_bias_max": (8, 8.0),
            "attn_config.qk_ln": (False,),
            "attn_config.clip_qkv": (None,),
            "attn_config.softmax_scale": (None,),
            "attn_config.prefix_lm": (False,),
            "expansion_ratio": (4, 4.0),
        }
    for key, allowed in wanted.items():
        if key in values and values[key] not in allowed:
            raise ModelError(
                f"{path}: {key}={json.dumps(values[key])[:80]} is not supported; "
                "use a model without it"
            )


def _rope(path: Path, values: Values) -> tuple[float, RopeScaling | None, float | None]:
    """Return theta, the scaling, and the theta of windowed layers where they have their own."""
    rope: Values = {**(values.get("rope_scaling") or {}), **(values.get("rope_parameters") or {})}
    window_theta = _number(values.get("rope_local_base_freq"))
    if "full_attention" in rope:
        local = rope.get("sliding_attention") or {}
        if local.get("rope_type", "default") != "default":
            raise ModelError(f"{path}: scaled rope in windowed layers is not supported")
        rope, window_theta = rope["full_attention"], float(local.get("rope_theta", 1e4))
    theta = float(rope.get("rope_theta") or values.get("rope_theta") or 10_000.0)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if any(isinstance(value, dict) for value in rope.values()):
        kind = "different by layer"
    if kind == "default":
        return theta, None, window_theta
    if kind not in _ROPE_WORDS or {"mscale", "mscale_all_dim"} & set(rope):
        raise ModelError(
            f"{path}: rope scaling '{kind}' is not supported as it stands; "
            "use a model with default, linear, dynamic, llama3 or yarn scaling"
        )
    rope = {"original_max_position_embeddings": values.get("max_position_embeddings"), **rope}
    if kind == "dynamic":
        # The reference stretches from the model's context, whatever else is said.
        rope["original_max_position_embeddings"] = values["max_position_embeddings"]
    given = {_ROPE_NAMES[word]: rope[word] for word in _ROPE_WORDS[kind] if word in rope}
    return theta, RopeScaling(cast(Any, kind), float(rope["factor"]), **given), window_theta


def _public_rope(config: ModelConfig) -> Values:
    rope: Values = {"rope_theta": config.rope_theta, "rope_type": "default"}
    scaling = config.rope_scaling
    if scaling is not None:
        rope |= {"rope_type": scaling.kind, "factor": scaling.factor}
        said = {word: getattr(scaling, _ROPE_NAMES[word]) for word in _ROPE_WORDS[scaling.kind]}
        rope |= {word: value for word, value in said.items() if value is not None}
    public = {
        "rope_theta": config.rope_theta,
        "rope_scaling": None if scaling is None else rope,
        "rope_parameters": rope,
    }
    if config.window_theta is not None:
        local = {"rope_theta": config.window_theta, "rope_type": "default"}
        public["rope_local_base_freq"] = config.window_theta
        public["rope_parameters"] = {"full_attention": rope, "sliding_attention": local}
    return public


def _windows(family: Family, values: Values, layers: int) -> tuple[int, ...]:
    """Return the window of each layer, or () where every layer sees everything."""
    if family in ("qwen2", "qwen3") and not values.get("use_sliding_window"):
        return ()
    width = values.get("sliding_window")
    if family in ("gpt2", "llama", "mpt") or not width:
        return ()
    if family in ("mistral", "mixtral"):
        return (int(width),) * layers
    kinds = values.get("layer_types")
    if kinds is not None:
        slides = [kind == "sliding_attention" for kind in kinds]
    elif family.startswith("qwen"):
        slides = [n >= int(values["max_window_layers"]) for n in range(layers)]
    else:
        slides = [(n + 1) % int(values["sliding_window_pattern"]) > 0 for n in range(layers)]
    if len(slides) != layers:
        raise ValueError(f"layer_types has {len(slides)} entries for {layers} layers")
    windows = tuple(int(width) if slide else 0 for slide in slides)
    return windows if any(windows) else ()


def _public_windows(config: ModelConfig) -> Values:
    """Write the windows; raise ModelError where the family cannot say them."""
    family, widths = config.family, {width for width in config.windows if width}
    if family == "llama" and not widths:
        return {}
    mixed = 0 in config.windows
    if len(widths) > 1 or family == "llama" or (mixed and family in ("mistral", "mixtral")):
        raise ModelError(
            f"model config: family '{family}' cannot say windows {config.windows}; "
            "use one width, and mistral, qwen or gemma"
        )
    public: Values = {"sliding_window": next(iter(widths), None)}
    if family in ("mistral", "mixtral"):
        return public
    kinds = ["sliding_attention" if width else "full_attention" for width in config.windows]
    public["layer_types"] = kinds or ["full_attention"] * config.layers
    if family.startswith("qwen"):
        public["use_sliding_window"] = bool(widths)
        public["max_window_layers"] = public["layer_types"].count("full_attention")
    elif not widths:
        public["sliding_window"] = config.context
    return public


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _end_tokens(folder: Path, values: Values) -> tuple[int, ...]:
    """Return the end tokens of both files, in order, each once."""
    path = folder / "generation_config.json"
    generation = read_json(path) if path.is_file() else {}
    ends: list[int] = []
    for value in (values.get("eos_token_id"), generation.get("eos_token_id")):
        ends += [value] if isinstance(value, int) else list(value or ())
    return tuple(dict.fromkeys(ends))
