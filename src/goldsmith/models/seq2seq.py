"""Encoder and decoder in one (Vaswani et al. 2017): T5, BART and Marian as fields of one config.

T5 (Raffel et al. 2020) normalises before each part, has no biases, does not scale its scores, and
adds to them a learned bias for each bucket of distance. BART (Lewis et al. 2020) normalises after
each part and learns its positions; Marian has sinusoids there. Decoding keeps keys and values in a
`DecodeState`; `beam` searches with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.errors import ModelError
from goldsmith.models.parts import FeedForward, allocate, draw, make_table

SequenceFamily = Literal["t5", "bart", "marian"]
#: Rows of BART's position tables that stand before position 0.
LEARNED_OFFSET = 2


@dataclass(frozen=True)
class SequenceConfig:
    """The shape of an encoder-decoder. The defaults are T5's."""

    vocabulary: int
    width: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    head_dim: int
    hidden: int
    """Features inside the feed-forward layers."""
    positions: Literal["buckets", "learned", "sinusoidal"] = "buckets"
    context: int = 512
    """Positions that are learned or tabled; buckets have no end."""
    buckets: int = 32
    """Kinds of distance that have a bias of their own."""
    bucket_distance: int = 128
    """All distances from this on share the last bucket."""
    norm_first: bool = True
    """RMSNorm before each part and at the end; else LayerNorm after each part."""
    embedding_norm: bool = False
    """LayerNorm over the embeddings (BART)."""
    activation: Literal["relu", "silu", "gelu", "gelu_tanh"] = "relu"
    gated: bool = False
    norm_epsilon: float = 1e-6
    embedding_scale: float = 1.0
    """Token embeddings are multiplied by this."""
    output_scale: float = 1.0
    """Last hidden states are multiplied by this before the output matrix."""
    tied: bool = True
    """The output matrix is the embedding."""
    pad: int = 0
    start: int = 0
    """Token that the decoder begins with."""
    eos: int = 1
    family: SequenceFamily = "t5"

    @property
    def bias(self) -> bool:
        """Linear layers have biases, and logits one a token."""
        return not self.norm_first

    def __post_init__(self) -> None:
        for name in ("vocabulary", "width", "encoder_layers", "decoder_layers", "heads", "hidden"):
            if getattr(self, name) < 1:
                raise ModelError(f"model config: '{name}' must be at least 1; mend the config")


@dataclass
class DecodeState:
    """Keys and values of a decoder: of what it "wrote", layer by layer, and of what it "reads".

    All are (batch, heads, tokens, head_dim); ``length`` tokens were written.
    """

    pairs: dict[tuple[str, int], tuple[Tensor, Tensor]] = field(default_factory=dict)
    length: int = 0

    def reorder(self, rows: Tensor) -> None:
        """Make row b what row rows[b] was: beams follow their parents. rows: (batch,) int64."""
        for name, (keys, values) in self.pairs.items():
            self.pairs[name] = (keys[rows], values[rows])


class EncoderDecoder(nn.Module):
    """Source tokens and target tokens -> logits (batch, target, vocabulary).

    ``seed`` draws the weights: normal(0, 0.02), in T5 queries narrower by the root of head_dim;
    with None they have no storage yet.
    """

    def __init__(self, config: SequenceConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):
            self.embedding = make_table(config.vocabulary, config.width)
            self.encoder = Stack(config, decoder=False)
            self.decoder = Stack(config, decoder=True)
            self.head = (
                None if config.tied else nn.Linear(config.width, config.vocabulary, bias=False)
            )
            self.logit_bias = (
                nn.Parameter(torch.empty(1, config.vocabulary), requires_grad=False)
                if config.bias
                else None
            )
        if seed is not None:
            allocate(self)
            # T5's scores are not scaled, so its queries must begin small.
            narrow = 0.02 / math.sqrt(config.head_dim) if config.norm_first else 0.02
            draw(self, seed, lambda name: narrow if name.endswith("query.weight") else 0.02)

    def encode(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the source's hidden states (batch, source, width).

        tokens: (batch, source) int64; mask: (batch, source), true at real tokens.
        """
        memory: Tensor = self.encoder(self._embed(tokens), None, mask, None)
        return memory

    def decode(
        self, tokens: Tensor, memory: Tensor, mask: Tensor, state: DecodeState | None = None
    ) -> Tensor:
        """Return logits (batch, target, vocabulary) of target tokens given the encoded source.

        With a state, tokens are those after what it holds, and it grows by them.
        """
        hidden = self.decoder(self._embed(tokens), memory, mask, state)
        if self.config.output_scale != 1.0:
            hidden = hidden * self.config.output_scale
        weight = self.embedding.weight if self.head is None else self.head.weight
        logits = functional.linear(hidden, weight)
        return logits if self.logit_bias is None else logits + self.logit_bias

    def forward(self, tokens: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """Return logits for decoder inputs ``target`` (batch, target), the start token first."""
        return self.decode(target, self.encode(tokens, mask), mask)

    def loss(self, tokens: Tensor, mask: Tensor, targets: Tensor) -> tuple[Tensor, int]:
        """Return the summed cross-entropy in nats over targets that are not -100, and their count.

        targets: (batch, target) int64; the decoder reads them shifted behind the start token.
        """
        shifted = targets.roll(1, 1)
        shifted[:, 0] = self.config.start
        shifted = shifted.masked_fill(shifted == -100, self.config.pad)
        logits = self(tokens, mask, shifted).float()
        total = functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum"
        )
        return total, int((targets != -100).sum())

    def _embed(self, tokens: Tensor) -> Tensor:
        hidden: Tensor = self.embedding(tokens)
        return hidden * self.config.embedding_scale


class Stack(nn.Module):
    """The layers of one side: hidden states (batch, sequence, width) in and out."""

    def __init__(self, config: SequenceConfig, decoder: bool) -> None:
        super().__init__()
        self.config, self.is_decoder = config, decoder
        self.position = (
            make_table(config.context + LEARNED_OFFSET, config.width)
            if config.positions == "learned"
            else None
        )
        self.distance = (
            make_table(config.buckets, config.heads) if config.positions == "buckets" else None
        )
        self.embedding_norm = _norm(config) if config.embedding_norm else None
        count = config.decoder_layers if decoder else config.encoder_layers
        self.layers = nn.ModuleList(SequenceLayer(config, decoder) for _ in range(count))
        self.norm = _norm(config) if config.norm_first else None

    def forward(
        self, hidden: Tensor, memory: Tensor | None, mask: Tensor, state: DecodeState | None
    ) -> Tensor:
        """memory and mask are the source's; an encoder has no memory."""
        start = 0 if state is None else state.length
        length = hidden.shape[1]
        queries = torch.arange(start, start + length, device=hidden.device)
        keys = torch.arange(start + length, device=hidden.device)
        if self.position is not None:
            hidden = hidden + self.position(queries + LEARNED_OFFSET)
        elif self.config.positions == "sinusoidal":
            hidden = hidden + sinusoids(queries, self.config.width).to(hidden.dtype)
        if self.embedding_norm is not None:
            hidden = self.embedding_norm(hidden)
        low = torch.finfo(hidden.dtype).min
        unread = torch.zeros(mask.shape, dtype=hidden.dtype, device=hidden.device)
        unread = unread.masked_fill(~mask.bool(), low)[:, None, None]
        own = unread
        if self.is_decoder:
            own = torch.zeros(length, start + length, dtype=hidden.dtype, device=hidden.device)
            own = own.masked_fill(keys > queries[:, None], low)[None, None]
        if self.distance is not None:
            places = bucket(
                keys[None] - queries[:, None],
                self.config.buckets,
                self.config.bucket_distance,
                both_ways=not self.is_decoder,
            )
            own = own + self.distance(places).permute(2, 0, 1)[None]
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, memory, own, unread, state, number)
        if state is not None:
            state.length += length
        return hidden if self.norm is None else self.norm(hidden)


class SequenceLayer(nn.Module):
    """Self-attention, in a decoder attention to the source, feed-forward; each with its norm."""

    def __init__(self, config: SequenceConfig, decoder: bool) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.attention = SequenceAttention(config)
        self.attention_norm = _norm(config)
        self.cross = SequenceAttention(config) if decoder else None
        self.cross_norm = _norm(config) if decoder else None
        self.feed_forward = FeedForward(config, config.bias)
        self.feed_forward_norm = _norm(config)

    def forward(
        self,
        hidden: Tensor,
        memory: Tensor | None,
        own: Tensor,
        unread: Tensor,
        state: DecodeState | None = None,
        number: int = 0,
    ) -> Tensor:
        """own, unread: masks of self-attention and of the source's, or what they add to scores."""
        before = self.attention_norm(hidden) if self.norm_first else hidden
        added = self.attention(before, before, own, state, ("wrote", number))
        hidden = self._join(hidden, added, self.attention_norm)
        if self.cross is not None and self.cross_norm is not None and memory is not None:
            before = self.cross_norm(hidden) if self.norm_first else hidden
            added = self.cross(before, memory, unread, state, ("reads", number))
            hidden = self._join(hidden, added, self.cross_norm)
        before = self.feed_forward_norm(hidden) if self.norm_first else hidden
        return self._join(hidden, self.feed_forward(before), self.feed_forward_norm)

    def _join(self, hidden: Tensor, added: Tensor, norm: nn.Module) -> Tensor:
        joined: Tensor = hidden + added
        return joined if self.norm_first else norm(joined)


class SequenceAttention(nn.Module):
    """Multi-head attention; T5 leaves its scores unscaled."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_dim
        self.head_dim = config.head_dim
        self.scale = 1.0 if config.norm_first else 1.0 / math.sqrt(config.head_dim)
        self.query = nn.Linear(config.width, inner, bias=config.bias)
        self.key = nn.Linear(config.width, inner, bias=config.bias)
        self.value = nn.Linear(config.width, inner, bias=config.bias)
        self.output = nn.Linear(inner, config.width, bias=config.bias)

    def forward(
        self,
        hidden: Tensor,
        source: Tensor,
        added: Tensor,
        state: DecodeState | None,
        name: tuple[str, int],
    ) -> Tensor:
        """Return the result (batch, queries, width); keys and values stay in the state.

        Those that it holds of the name are put before the new ones where they are of what the
        decoder wrote, else taken as they are.
        """
        query = self._heads(self.query(hidden))
        earlier = None if state is None else state.pairs.get(name)
        if earlier is not None and name[0] == "reads":
            key, value = earlier
        else:
            key, value = self._heads(self.key(source)), self._heads(self.value(source))
            if earlier is not None:
                key, value = torch.cat((earlier[0], key), 2), torch.cat((earlier[1], value), 2)
        if state is not None:
            state.pairs[name] = (key, value)
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=added, scale=self.scale
        )
        result: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return result

    def _heads(self, projected: Tensor) -> Tensor:
        batch, sequence, _ = projected.shape
        return projected.view(batch, sequence, -1, self.head_dim).transpose(1, 2)


def bucket(distance: Tensor, buckets: int, farthest: int, both_ways: bool) -> Tensor:
    """Return T5's bucket of each distance (key minus query): short ones alone, far ones by ratio.

    Half of the buckets are exact, the other half logarithmic up to ``farthest``; both ways, half of
    all are for keys behind the query. A decoder looks back only.
    """
    first = torch.zeros_like(distance)
    if both_ways:
        buckets //= 2
        first = (distance > 0).long() * buckets
        far = distance.abs()
    else:
        far = (-distance).clamp(min=0)
    exact = buckets // 2
    ratio = torch.log(far.clamp(min=1).float() / exact) / math.log(farthest / exact)
    wide = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
    return first + torch.where(far < exact, far, wide)


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Return (positions, width) float32: sines in the first half, cosines in the second."""
    speeds = 10_000.0 ** (-torch.arange(0, width, 2, device=positions.device).double() / width)
    angles = positions[:, None].double() * speeds
    return torch.cat((angles.sin(), angles.cos()), -1).float()


def _norm(config: SequenceConfig) -> nn.Module:
    if config.norm_first:
        return nn.RMSNorm(config.width, config.norm_epsilon)
    return nn.LayerNorm(config.width, config.norm_epsilon)
