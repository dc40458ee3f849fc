"""Public BERT and RoBERTa folders in and out, the bare encoder or with the head of a task.

The tables say how each family names what `encoder` has. A folder with a full model serves as a bare
encoder too: its head is left aside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from goldsmith.errors import ModelError
from goldsmith.models.encoder import Encoder, EncoderConfig, EncoderFamily, Task, TextEncoder
from goldsmith.models.families import Weight
from goldsmith.models.folders import fill, write_folder
from goldsmith.models.public_config import read_fields, read_json

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
#: Our fields and the words of both families for them.
_KEYS = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "context": "max_position_embeddings",
    "token_types": "type_vocab_size",
    "norm_epsilon": "layer_norm_eps",
    "pad": "pad_token_id",
}
_EMBEDDINGS = {
    "word": "embeddings.word_embeddings",
    "position": "embeddings.position_embeddings",
    "token_type": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
}
_LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
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
    every = [Weight(prefix + _encoder_name(name), (name,)) for name in encoder.state_dict()]
    return fill(encoder, folder, every, dtype, lambda _: True, prefix)


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
    return fill(model, folder, _places(model), dtype, lambda _: True)


def save_text_encoder(model: TextEncoder, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers reads them."""
    config = model.config
    public = {key: getattr(config, name) for name, key in _KEYS.items()} | {
        "architectures": [ARCHITECTURES[config.family][model.task]],
        "model_type": config.family,
        "hidden_act": "gelu",
        "num_labels": config.labels,
        "id2label": {str(n): f"LABEL_{n}" for n in range(config.labels)},
        "label2id": {f"LABEL_{n}": n for n in range(config.labels)},
    }
    write_folder(model, folder, _places(model), public)


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
        labels = len(public.get("id2label") or ()) or int(public.get("num_labels") or 2)
        given: dict[str, Any] = {"token_types": 2, "norm_epsilon": 1e-12, "pad": 0}
        given = read_fields(EncoderConfig, _KEYS, public, given)
        return EncoderConfig(**given, family=family, labels=labels)
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


def _places(model: TextEncoder) -> list[Weight]:
    names = model.state_dict()
    return [Weight(public_name(name, model.config, model.task), (name,)) for name in names]


def _encoder_name(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in _EMBEDDINGS:
        return f"{_EMBEDDINGS[stem]}.{kind}"
    _, number, part = stem.split(".", 2)
    return f"encoder.layer.{number}.{_LAYER[part]}.{kind}"
