"""Public T5, BART and Marian folders in and out; see `seq2seq` for the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from goldsmith.errors import ModelError
from goldsmith.models.families import Weight
from goldsmith.models.folders import fill, write_folder
from goldsmith.models.public_config import read_fields, read_json
from goldsmith.models.seq2seq import EncoderDecoder, SequenceConfig, SequenceFamily

ARCHITECTURES: dict[SequenceFamily, str] = {
    "t5": "T5ForConditionalGeneration",
    "bart": "BartForConditionalGeneration",
    "marian": "MarianMTModel",
}
_PROJECTIONS = ("query", "key", "value", "output")
#: Our part of a layer -> T5's name, on the encoder's side and on the decoder's.
_T5 = {f"attention.{part}": (f"layer.0.SelfAttention.{part[0]}",) * 2 for part in _PROJECTIONS}
_T5 |= {f"cross.{part}": ("", f"layer.1.EncDecAttention.{part[0]}") for part in _PROJECTIONS}
_T5 |= {
    "attention_norm": ("layer.0.layer_norm",) * 2,
    "cross_norm": ("", "layer.1.layer_norm"),
    "feed_forward.down": ("layer.1.DenseReluDense.wo", "layer.2.DenseReluDense.wo"),
    "feed_forward_norm": ("layer.1.layer_norm", "layer.2.layer_norm"),
}
_T5_UP = {
    (False, "feed_forward.up"): "wi",
    (True, "feed_forward.gate"): "wi_0",
    (True, "feed_forward.up"): "wi_1",
}
_BART = {
    f"{ours}.{part}": f"{public}.{'out' if part == 'output' else part[0]}_proj"
    for ours, public in (("attention", "self_attn"), ("cross", "encoder_attn"))
    for part in _PROJECTIONS
}
_BART |= {
    "attention_norm": "self_attn_layer_norm",
    "cross_norm": "encoder_attn_layer_norm",
    "feed_forward.up": "fc1",
    "feed_forward.down": "fc2",
    "feed_forward_norm": "final_layer_norm",
}
#: Our fields and the words for them: of all families, of T5, and of BART and Marian.
_KEYS = {
    "vocabulary": "vocab_size",
    "width": "d_model",
    "pad": "pad_token_id",
    "start": "decoder_start_token_id",
    "eos": "eos_token_id",
}
_T5_KEYS = {
    **_KEYS,
    "encoder_layers": "num_layers",
    "decoder_layers": "num_decoder_layers",
    "heads": "num_heads",
    "head_dim": "d_kv",
    "hidden": "d_ff",
    "buckets": "relative_attention_num_buckets",
    "bucket_distance": "relative_attention_max_distance",
    "norm_epsilon": "layer_norm_epsilon",
    "tied": "tie_word_embeddings",
}
_BART_KEYS = {
    **_KEYS,
    "encoder_layers": "encoder_layers",
    "decoder_layers": "decoder_layers",
    "heads": "encoder_attention_heads",
    "hidden": "encoder_ffn_dim",
    "context": "max_position_embeddings",
}
_ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}


def load_seq2seq(folder: Path, dtype: torch.dtype = torch.float32) -> EncoderDecoder:
    """Read an encoder-decoder. Raises ModelError naming the file, key or tensor."""
    config = read_sequence_config(folder)
    model = EncoderDecoder(config, seed=None)
    # Other places of the shared embedding, and tables that are computed.
    ends = ("embed_tokens.weight", "embed_positions.weight", "lm_head.weight")
    return fill(model, folder, _places(model), dtype, lambda name: name.endswith(ends))


def save_seq2seq(model: EncoderDecoder, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers reads them."""
    write_folder(model, folder, _places(model), _public_config(model.config))


def read_sequence_config(folder: Path) -> SequenceConfig:
    """Read config.json of a T5, BART or Marian folder. Raises ModelError naming file and key."""
    path = folder / "config.json"
    public = read_json(path)
    family = public.get("model_type")
    if family not in ARCHITECTURES:
        raise ModelError(
            f"{path}: model_type '{family}' is not an encoder-decoder that is supported; "
            f"use one of {', '.join(ARCHITECTURES)}"
        )
    try:
        return _read_t5(public) if family == "t5" else _read_bart(public, family)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: key {error} is missing or bad; copy it again") from error


def sequence_name(name: str, config: SequenceConfig) -> str:
    """Map one of our parameter names to the public one."""
    t5 = config.family == "t5"
    if name == "logit_bias":
        return "final_logits_bias"
    if name.startswith("head."):
        return "lm_head.weight"
    prefix = "" if t5 else "model."
    if name.startswith("embedding."):
        return f"{prefix}shared.weight"
    side, rest = name.split(".", 1)
    stem, kind = rest.rsplit(".", 1)
    if not stem.startswith("layers."):
        public = {
            "position": "embed_positions",
            "embedding_norm": "layernorm_embedding",
            "norm": "final_layer_norm",
            "distance": "block.0.layer.0.SelfAttention.relative_attention_bias",
        }[stem]
        return f"{prefix}{side}.{public}.{kind}"
    _, number, part = stem.split(".", 2)
    if not t5:
        return f"{prefix}{side}.layers.{number}.{_BART[part]}.{kind}"
    if part in _T5:
        public = _T5[part][side == "decoder"]
    else:
        place = "layer.2" if side == "decoder" else "layer.1"
        public = f"{place}.DenseReluDense.{_T5_UP[config.gated, part]}"
    return f"{side}.block.{number}.{public}.{kind}"


def _places(model: EncoderDecoder) -> list[Weight]:
    return [Weight(sequence_name(name, model.config), (name,)) for name in model.state_dict()]


def _read_t5(public: dict[str, Any]) -> SequenceConfig:
    kind = public.get("feed_forward_proj", "relu")
    # "gated-gelu" is the older name of the approximation by tanh.
    word = "gelu_new" if kind == "gated-gelu" else kind.removeprefix("gated-")
    given = {"decoder_layers": int(public["num_layers"])}
    fields = read_fields(SequenceConfig, _T5_KEYS, public, given)
    # A null is no silence: without an end token there is nothing to stop at.
    fields["eos"] = int(public.get("eos_token_id", 1))
    fields["tied"] = bool(public.get("tie_word_embeddings", True))
    if public.get("scale_decoder_outputs", fields["tied"]):
        fields["output_scale"] = fields["width"] ** -0.5
    gated = kind.startswith("gated-")
    return SequenceConfig(**fields, activation=_activation(word), gated=gated)


def _read_bart(public: dict[str, Any], family: SequenceFamily) -> SequenceConfig:
    fields: dict[str, Any] = {name: int(public[key]) for name, key in _BART_KEYS.items()}
    for word in ("attention_heads", "ffn_dim"):
        if int(public[f"decoder_{word}"]) != int(public[f"encoder_{word}"]):
            raise ValueError(f"decoder_{word}")
    if not public.get("tie_word_embeddings", True):
        raise ValueError("tie_word_embeddings")
    return SequenceConfig(
        **fields,
        head_dim=fields["width"] // fields["heads"],
        positions="learned" if family == "bart" else "sinusoidal",
        norm_first=False,
        embedding_norm=family == "bart",
        activation=_activation(public.get("activation_function", "gelu")),
        norm_epsilon=1e-5,
        embedding_scale=math.sqrt(fields["width"]) if public.get("scale_embedding") else 1.0,
        family=family,
    )


def _public_config(config: SequenceConfig) -> dict[str, Any]:
    word = {ours: public for public, ours in reversed(_ACTIVATIONS.items())}[config.activation]
    keys = _T5_KEYS if config.family == "t5" else _BART_KEYS
    public = {key: getattr(config, name) for name, key in keys.items()} | {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "is_encoder_decoder": True,
        "tie_word_embeddings": config.tied,
    }
    if config.family == "t5":
        gated = "gated-gelu" if word == "gelu_new" else f"gated-{word}"
        return public | {
            "feed_forward_proj": gated if config.gated else word,
            "scale_decoder_outputs": config.output_scale != 1.0,
            "dropout_rate": 0.0,
        }
    return public | {
        "decoder_attention_heads": config.heads,
        "decoder_ffn_dim": config.hidden,
        "activation_function": word,
        "scale_embedding": config.embedding_scale != 1.0,
        "dropout": 0.0,
        "forced_eos_token_id": None,
    }


def _activation(name: str) -> Any:
    if name not in _ACTIVATIONS:
        raise ValueError(f"activation '{name}'")
    return _ACTIVATIONS[name]
