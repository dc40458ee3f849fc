"""Public T5, BART and Marian folders in and out; see `seq2seq` for the model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from goldsmith.errors import ModelError
from goldsmith.models.folders import WEIGHTS, read_tensors
from goldsmith.models.public_config import read_json
from goldsmith.models.seq2seq import EncoderDecoder, SequenceConfig, SequenceFamily
from goldsmith.pipeline.artifact import write_atomically

ARCHITECTURES: dict[SequenceFamily, str] = {
    "t5": "T5ForConditionalGeneration",
    "bart": "BartForConditionalGeneration",
    "marian": "MarianMTModel",
}
#: Our part of a layer -> T5's name, on the encoder's side and on the decoder's.
_T5 = {
    "attention.query": ("layer.0.SelfAttention.q",) * 2,
    "attention.key": ("layer.0.SelfAttention.k",) * 2,
    "attention.value": ("layer.0.SelfAttention.v",) * 2,
    "attention.output": ("layer.0.SelfAttention.o",) * 2,
    "attention_norm": ("layer.0.layer_norm",) * 2,
    "cross.query": ("", "layer.1.EncDecAttention.q"),
    "cross.key": ("", "layer.1.EncDecAttention.k"),
    "cross.value": ("", "layer.1.EncDecAttention.v"),
    "cross.output": ("", "layer.1.EncDecAttention.o"),
    "cross_norm": ("", "layer.1.layer_norm"),
    "down": ("layer.1.DenseReluDense.wo", "layer.2.DenseReluDense.wo"),
    "feed_forward_norm": ("layer.1.layer_norm", "layer.2.layer_norm"),
}
_T5_UP = {
    (False, "up"): "wi",
    (True, "gate"): "wi_0",
    (True, "up"): "wi_1",
}
_BART = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "cross.query": "encoder_attn.q_proj",
    "cross.key": "encoder_attn.k_proj",
    "cross.value": "encoder_attn.v_proj",
    "cross.output": "encoder_attn.out_proj",
    "cross_norm": "encoder_attn_layer_norm",
    "up": "fc1",
    "down": "fc2",
    "feed_forward_norm": "final_layer_norm",
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
    places = {sequence_name(name, config): (name, p) for name, p in model.state_dict().items()}
    found: dict[str, Tensor] = {}
    for file, name, tensor in read_tensors(folder):
        if name not in places:
            # Other places of the shared embedding, and tables that are computed.
            if name.endswith(("embed_tokens.weight", "embed_positions.weight", "lm_head.weight")):
                continue
            raise ModelError(f"{file}: tensor '{name}' has no place in a {config.family} model")
        ours, place = places[name]
        if tensor.shape != place.shape:
            raise ModelError(
                f"{file}: tensor '{name}' has shape {tuple(tensor.shape)}, config.json says "
                f"{tuple(place.shape)}; take weights and config from the same model"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{file}: tensor '{name}' holds NaN or infinity; copy it again")
        found[ours] = tensor.to(dtype)
    for public, (ours, _) in places.items():
        if ours not in found:
            raise ModelError(f"{folder}: tensor '{public}' is missing; copy the model again")
    model.load_state_dict(found, assign=True)
    return model.requires_grad_(False)


def save_seq2seq(model: EncoderDecoder, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        sequence_name(name, model.config): tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    public = {**_public_config(model.config), "dtype": dtype}
    write_atomically(folder / "config.json", json.dumps(public, indent=2, sort_keys=True) + "\n")


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


def _read_t5(public: dict[str, Any]) -> SequenceConfig:
    kind = public.get("feed_forward_proj", "relu")
    name = kind.removeprefix("gated-")
    tied = bool(public.get("tie_word_embeddings", True))
    width = int(public["d_model"])
    layers = int(public["num_layers"])
    scaled = public.get("scale_decoder_outputs", tied)
    return SequenceConfig(
        vocabulary=int(public["vocab_size"]),
        width=width,
        encoder_layers=layers,
        decoder_layers=int(public.get("num_decoder_layers") or layers),
        heads=int(public["num_heads"]),
        head_dim=int(public["d_kv"]),
        hidden=int(public["d_ff"]),
        buckets=int(public.get("relative_attention_num_buckets", 32)),
        bucket_distance=int(public.get("relative_attention_max_distance", 128)),
        # "gated-gelu" is the older name of the approximation by tanh.
        activation=_activation("gelu_new" if kind == "gated-gelu" else name),
        gated=kind.startswith("gated-"),
        norm_epsilon=float(public.get("layer_norm_epsilon", 1e-6)),
        output_scale=width**-0.5 if scaled else 1.0,
        tied=tied,
        pad=int(public.get("pad_token_id") or 0),
        start=int(public.get("decoder_start_token_id") or 0),
        eos=int(public.get("eos_token_id", 1)),
    )


def _read_bart(public: dict[str, Any], family: SequenceFamily) -> SequenceConfig:
    width, heads = int(public["d_model"]), int(public["encoder_attention_heads"])
    if int(public["decoder_attention_heads"]) != heads:
        raise ValueError("decoder_attention_heads")
    if int(public["decoder_ffn_dim"]) != int(public["encoder_ffn_dim"]):
        raise ValueError("decoder_ffn_dim")
    if not public.get("tie_word_embeddings", True):
        raise ValueError("tie_word_embeddings")
    return SequenceConfig(
        vocabulary=int(public["vocab_size"]),
        width=width,
        encoder_layers=int(public["encoder_layers"]),
        decoder_layers=int(public["decoder_layers"]),
        heads=heads,
        head_dim=width // heads,
        hidden=int(public["encoder_ffn_dim"]),
        positions="learned" if family == "bart" else "sinusoidal",
        context=int(public["max_position_embeddings"]),
        norm_first=False,
        embedding_norm=family == "bart",
        activation=_activation(public.get("activation_function", "gelu")),
        norm_epsilon=1e-5,
        embedding_scale=math.sqrt(width) if public.get("scale_embedding") else 1.0,
        pad=int(public["pad_token_id"]),
        start=int(public["decoder_start_token_id"]),
        eos=int(public["eos_token_id"]),
        family=family,
    )


def _public_config(config: SequenceConfig) -> dict[str, Any]:
    words = {ours: public for public, ours in reversed(_ACTIVATIONS.items())}
    public: dict[str, Any] = {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "is_encoder_decoder": True,
        "vocab_size": config.vocabulary,
        "d_model": config.width,
        "tie_word_embeddings": config.tied,
        "pad_token_id": config.pad,
        "decoder_start_token_id": config.start,
        "eos_token_id": config.eos,
    }
    if config.family == "t5":
        word = words[config.activation]
        gated = "gated-gelu" if word == "gelu_new" else f"gated-{word}"
        return public | {
            "num_layers": config.encoder_layers,
            "num_decoder_layers": config.decoder_layers,
            "num_heads": config.heads,
            "d_kv": config.head_dim,
            "d_ff": config.hidden,
            "relative_attention_num_buckets": config.buckets,
            "relative_attention_max_distance": config.bucket_distance,
            "feed_forward_proj": gated if config.gated else word,
            "layer_norm_epsilon": config.norm_epsilon,
            "scale_decoder_outputs": config.output_scale != 1.0,
            "dropout_rate": 0.0,
        }
    sides = {
        f"{side}_{word}": value
        for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers))
        for word, value in (
            ("layers", layers),
            ("attention_heads", config.heads),
            ("ffn_dim", config.hidden),
        )
    }
    return (
        public
        | sides
        | {
            "max_position_embeddings": config.context,
            "activation_function": words[config.activation],
            "scale_embedding": config.embedding_scale != 1.0,
            "dropout": 0.0,
            "forced_eos_token_id": None,
        }
    )


def _activation(name: str) -> Any:
    if name not in _ACTIVATIONS:
        raise ValueError(f"activation '{name}'")
    return _ACTIVATIONS[name]
