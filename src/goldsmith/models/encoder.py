"""A BERT-like encoder (Devlin et al. 2019; Liu et al. 2019) and the heads that use it.

Layer norm after each part, learned positions, GELU. RoBERTa counts its positions from behind the
padding token's number and has other heads; everything else is the same. `TextEncoder` is an encoder
with the head of one task: it trains and is tuned; `sentences` embeds with the bare encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.errors import ModelError
from goldsmith.models.parts import allocate, draw, make_table
from goldsmith.models.seq2seq import SequenceConfig, SequenceLayer

EncoderFamily = Literal["bert", "roberta"]
Task = Literal["embedding", "masked", "next sentence", "pretraining", "class", "tags", "span"]
"""What a head says: nothing; tokens behind masks; whether sentence B follows A; both of these; a
class of the text; a class of each token; start and end of an answer."""


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of a BERT-like encoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    """Features inside the feed-forward layer."""
    context: int
    """Learned positions, as the weights have them."""
    token_types: int
    norm_epsilon: float
    pad: int
    """Token that fills rows."""
    family: EncoderFamily = "bert"
    labels: int = 2
    """Classes of the heads "class" and "tags"."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ModelError(
                f"encoder config: width {self.width} does not divide into {self.heads} heads"
            )

    @property
    def of_layers(self) -> SequenceConfig:
        """What the layers are made of: those of BART's encoder."""
        return SequenceConfig(
            vocabulary=self.vocabulary,
            width=self.width,
            encoder_layers=self.layers,
            decoder_layers=1,
            heads=self.heads,
            head_dim=self.width // self.heads,
            hidden=self.hidden,
            norm_first=False,
            activation="gelu",
            norm_epsilon=self.norm_epsilon,
        )


class Encoder(nn.Module):
    """token ids and mask (batch, sequence) -> hidden states (batch, sequence, width)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.word = make_table(config.vocabulary, config.width)
        self.position = make_table(config.context, config.width)
        self.token_type = make_table(config.token_types, config.width)
        self.norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.layers = nn.ModuleList(
            SequenceLayer(config.of_layers, decoder=False) for _ in range(config.layers)
        )

    def encode(self, tokens: Tensor, mask: Tensor, types: Tensor | None = None) -> Tensor:
        """Return the last hidden states (batch, sequence, width).

        tokens: (batch, sequence) int64; mask: (batch, sequence), true at real tokens; types:
        (batch, sequence) int64, 0 where not given.
        """
        if self.config.family == "roberta":
            real = (tokens != self.config.pad).long()
            position = real.cumsum(1) * real + self.config.pad
        else:
            position = torch.arange(tokens.shape[1], device=tokens.device)
        kind = self.token_type.weight[0] if types is None else self.token_type(types)
        hidden = self.norm(self.word(tokens) + self.position(position) + kind)
        visible = mask.bool()[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, None, visible, visible)
        result: Tensor = hidden
        return result

    def embed(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return sentence vectors of length 1: (batch, width) float32.

        The mean over real tokens (Reimers & Gurevych 2019).
        """
        hidden = self.encode(tokens, mask).float()
        weight = mask.float()[..., None]
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return functional.normalize(mean, dim=-1)


class TextEncoder(nn.Module):
    """An encoder with the head of one task.

    Parameters are named for what they do; ``encoder_folders`` knows their public names. ``seed``
    draws new weights; with None they have no storage yet.
    """

    def __init__(self, config: EncoderConfig, task: Task, seed: int | None = 0) -> None:
        super().__init__()
        self.config, self.task = config, task
        width = config.width
        if config.family == "roberta" and task in ("next sentence", "pretraining"):
            raise ModelError(f"encoder config: roberta has no head for '{task}'; use bert")
        with torch.device("meta"):
            self.encoder = Encoder(config)
            follows = task in ("next sentence", "pretraining")
            self.pooler = nn.Linear(width, width) if follows or task == "class" else None
            masked = task in ("masked", "pretraining")
            self.masked = MaskedHead(config) if masked else None
            self.next_sentence = nn.Linear(width, 2) if follows else None
            outputs = {"class": config.labels, "tags": config.labels, "span": 2}.get(task)
            self.classifier = nn.Linear(width, outputs) if outputs else None
        if seed is not None:
            allocate(self)
            draw(self, seed, lambda _: 0.02)

    def forward(
        self, tokens: Tensor, mask: Tensor, types: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the task's logits by name; see `Encoder.encode` for the arguments.

        ``masked`` (batch, sequence, vocabulary); ``next sentence`` (batch, 2), the first for "B
        follows A"; ``class`` (batch, labels); ``tags`` (batch, sequence, labels); ``span`` (batch,
        sequence, 2), start and end; ``embedding`` (batch, width), of length 1.
        """
        if self.task == "embedding":
            return {"embedding": self.encoder.embed(tokens, mask)}
        hidden = self.encoder.encode(tokens, mask, types)
        found: dict[str, Tensor] = {}
        if self.masked is not None:
            found["masked"] = self.masked(hidden, self.encoder.word.weight)
        first = hidden[:, 0]
        if self.pooler is not None:
            first = torch.tanh(self.pooler(first))
        if self.next_sentence is not None:
            found["next sentence"] = self.next_sentence(first)
        if self.classifier is not None:
            found[self.task] = self.classifier(first if self.task == "class" else hidden)
        return found


class MaskedHead(nn.Module):
    """Dense, GELU, layer norm, then the word embedding as output matrix, with a bias."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """hidden (..., width), words (vocabulary, width) -> (..., vocabulary)."""
        ready = self.norm(functional.gelu(self.dense(hidden)))
        return functional.linear(ready, words, self.bias)
