"""Public BERT and RoBERTa folders in and out, the bare encoder or with the head of a task.

The tables say how each family names what `encoder` has. A folder with a full model serves as a bare
encoder too: its head is left aside.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from goldsmith.errors import ModelError
from goldsmith.models.encoder import Encoder, EncoderConfig, EncoderFamily, Task, TextEncoder
from goldsmith.models.folders import WEIGHTS, read_tensors
from goldsmith.models.public_config import read_json
from goldsmith.pipeline.artifact import write_atomically

ARCHITECTURES: dict[EncoderFamily, dict[Task, str]] = {
    "bert": {
        "embedding": "BertModel",
        "masked": "BertForMaskedLM",
        "next sentence": "BertForNextSentencePrediction",
        "pretraining": "BertForPreTraining",
        "class": "BertForSequenceClassification",
        "tags": "BertForTokenClassification",
        "span": "BertForQuestionAnswering",
    },
    "roberta": {
        "embedding": "RobertaModel",
        "masked": "RobertaForMaskedLM",
        "class": "RobertaForSequenceClassification",
        "tags": "RobertaForTokenClassification",
        "span": "RobertaForQuestionAnswering",
    },
}
_EMBEDDINGS = {
    "word": "embeddings.word_embeddings",
    "position": "embeddings.position_embeddings",
    "token_type": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
}
_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}
_HEADS: dict[EncoderFamily, dict[str, str]] = {
    "bert": {
        "pooler": "bert.pooler.dense",
        "masked.dense": "cls.predictions.transform.dense",
        "masked.norm": "cls.predictions.transform.LayerNorm",
        "masked": "cls.predictions",
        "next_sentence": "cls.seq_relationship",
        "classifier": "classifier",
    },
    "roberta": {
        "pooler": "classifier.dense",
        "masked.dense": "lm_head.dense",
        "masked.norm": "lm_head.layer_norm",
        "masked": "lm_head",
        "classifier": "classifier",
    },
}


def load_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> Encoder:
    """Read the bare encoder of a folder, whatever head it has.

    Raises ModelError naming the file and the key or tensor that does not fit.
    """
    config = read_encoder_config(folder)
    with torch.device("meta"):
        encoder = Encoder(config)
    prefix = f"{config.family}."
    tensors = {name.removeprefix(prefix): t for name, t in _named_tensors(folder).items()}
    encoder.load_state_dict(
        {
            name: _fitting(folder, tensors, _encoder_name(name), place, dtype)
            for name, place in encoder.state_dict().items()
        },
        assign=True,
    )
    return encoder.requires_grad_(False)


def load_text_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> TextEncoder:
    """Read an encoder with the head that its config.json names.

    Raises ModelError naming the file and the key or tensor that does not fit.
    """
    config = read_encoder_config(folder)
    path = folder / "config.json"
    names = read_json(path).get("architectures") or [None]
    task = next((t for t, name in ARCHITECTURES[config.family].items() if name == names[0]), None)
    if task is None:
        raise ModelError(
            f"{path}: architecture {names[0]} is not supported; use one of "
            + ", ".join(ARCHITECTURES[config.family].values())
        )
    model = TextEncoder(config, task, seed=None)
    tensors = _named_tensors(folder)
    model.load_state_dict(
        {
            name: _fitting(folder, tensors, public_name(name, config, task), place, dtype)
            for name, place in model.state_dict().items()
        },
        assign=True,
    )
    return model.requires_grad_(False)


def save_text_encoder(model: TextEncoder, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    config, task = model.config, model.task
    tensors = {
        public_name(name, config, task): tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    public = {
        "architectures": [ARCHITECTURES[config.family][task]],
        "model_type": config.family,
        "vocab_size": config.vocabulary,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.hidden,
        "max_position_embeddings": config.context,
        "type_vocab_size": config.token_types,
        "layer_norm_eps": config.norm_epsilon,
        "pad_token_id": config.pad,
        "hidden_act": "gelu",
        "num_labels": config.labels,
        "id2label": {str(n): f"LABEL_{n}" for n in range(config.labels)},
        "label2id": {f"LABEL_{n}": n for n in range(config.labels)},
        "dtype": str(model.encoder.word.weight.dtype).removeprefix("torch."),
    }
    write_atomically(folder / "config.json", json.dumps(public, indent=2, sort_keys=True) + "\n")


def read_encoder_config(folder: Path) -> EncoderConfig:
    """Read config.json of a BERT or RoBERTa folder. Raises ModelError naming file and key."""
    path = folder / "config.json"
    public = read_json(path)
    family = public.get("model_type")
    if family not in ARCHITECTURES or public.get("hidden_act", "gelu") != "gelu":
        raise ModelError(
            f"{path}: model_type '{family}' with activation '{public.get('hidden_act')}' is not "
            "supported; use a BERT, MiniLM or RoBERTa encoder with gelu"
        )
    if public.get("position_embedding_type", "absolute") != "absolute":
        raise ModelError(f"{path}: relative positions are not supported; use another encoder")
    try:
        return EncoderConfig(
            vocabulary=int(public["vocab_size"]),
            width=int(public["hidden_size"]),
            layers=int(public["num_hidden_layers"]),
            heads=int(public["num_attention_heads"]),
            hidden=int(public["intermediate_size"]),
            context=int(public["max_position_embeddings"]),
            token_types=int(public.get("type_vocab_size", 2)),
            norm_epsilon=float(public.get("layer_norm_eps", 1e-12)),
            pad=int(public.get("pad_token_id") or 0),
            family=family,
            labels=len(public.get("id2label") or ()) or int(public.get("num_labels") or 2),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: key {error} is missing or bad; copy it again") from error


def public_name(name: str, config: EncoderConfig, task: Task) -> str:
    """Map a parameter name of `TextEncoder` to the public one."""
    if name.startswith("encoder."):
        prefix = "" if task == "embedding" else f"{config.family}."
        return prefix + _encoder_name(name.removeprefix("encoder."))
    stem, kind = name.rsplit(".", 1)
    if stem == "classifier" and task == "span":
        return f"qa_outputs.{kind}"
    if stem == "classifier" and task == "class" and config.family == "roberta":
        return f"classifier.out_proj.{kind}"
    return f"{_HEADS[config.family][stem]}.{kind}"


def _named_tensors(folder: Path) -> dict[str, Tensor]:
    # Memory-mapped by safetensors: naming them all copies nothing.
    return {name: tensor for _, name, tensor in read_tensors(folder)}


def _fitting(
    folder: Path, tensors: dict[str, Tensor], public: str, place: Tensor, dtype: torch.dtype
) -> Tensor:
    path = folder / WEIGHTS
    tensor = tensors.get(public)
    if tensor is None or tensor.shape != place.shape:
        shape: Any = "missing" if tensor is None else tuple(tensor.shape)
        raise ModelError(
            f"{path}: tensor '{public}' is {shape}, config.json says {tuple(place.shape)}; "
            "take weights and config from the same model"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{path}: tensor '{public}' holds NaN or infinity; copy it again")
    return tensor.to(dtype)


def _encoder_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] in _EMBEDDINGS:
        return f"{_EMBEDDINGS[parts[0]]}.{parts[1]}"
    return f"encoder.layer.{parts[1]}.{_LAYER[parts[2]]}.{parts[3]}"
