"""The Transformer that is pretrained, tuned, merged and served: one definition for all of it.

RMSNorm before each part (Zhang & Sennrich 2019), rotary positions in the half-rotation layout
(Su et al. 2021, as public checkpoints store it), grouped-query attention (Ainslie et al. 2023) and
SwiGLU (Shazeer 2020). Packing, caches and adapters plug in; none of them forks the model.

Left to others: public formats (`families`), adapters and optimisation (training), sampling and
scheduling (engine).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.models.cache import KeyValueCache, as_rows
from goldsmith.models.config import ModelConfig
from goldsmith.models.loss import linear_cross_entropy


class Decoder(nn.Module):
    """tokens (batch, sequence) -> logits (batch, sequence, vocabulary).

    ``seed`` draws the weights from a generator of their own; no global random state is read or
    moved. With ``seed=None`` the weights have no storage yet (for loaders that assign them).
    """

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):
            self.embedding = nn.Embedding(config.vocabulary, config.width)
            self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
            self.norm = nn.RMSNorm(config.width, config.norm_epsilon)
            self.head = (
                None if config.tied else nn.Linear(config.width, config.vocabulary, bias=False)
            )
        # Not a buffer: a model moved to bfloat16 must keep its frequencies in float32.
        self.frequencies = rotary_frequencies(config)
        if seed is not None:
            self.to_empty(device="cpu")
            initialise(self, seed)

    @property
    def output_weight(self) -> Tensor:
        """The matrix from hidden states to logits: (vocabulary, width)."""
        return self.embedding.weight if self.head is None else self.head.weight

    def forward(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
        cache: KeyValueCache | None = None,
        slots: Tensor | None = None,
    ) -> Tensor:
        """Return logits (batch, sequence, vocabulary); see `hidden_states` for the arguments."""
        hidden = self.hidden_states(
            tokens, positions=positions, segments=segments, cache=cache, slots=slots
        )
        return functional.linear(hidden, self.output_weight)

    def hidden_states(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
        cache: KeyValueCache | None = None,
        slots: Tensor | None = None,
    ) -> Tensor:
        """Return the normalised last hidden states (batch, sequence, width).

        tokens: (batch, sequence) int64.
        positions: (batch, sequence) int64; without them 0, 1, ... or, with segments, counted anew
            in each segment. -1 marks padding (only with a cache): not stored, its output is void.
        segments: (batch, sequence) int64; a token attends to earlier tokens of its own segment.
        cache, slots: row b reads and writes slot slots[b] at positions[b]; a query at position p
            attends to positions 0..p of its slot. slots: (batch,) int64, 0..batch-1 without them.
            Segments and cache exclude each other.
        """
        batch, sequence = tokens.shape
        if cache is not None and segments is not None:
            raise ValueError("segments (packing) and cache (decoding) exclude each other")
        if positions is None:
            positions = (
                torch.arange(sequence, device=tokens.device).expand(batch, sequence)
                if segments is None
                else segment_positions(segments)
            )
        if cache is None:
            place = None
            mask = None if segments is None else segment_mask(segments)
        else:
            if slots is None:
                slots = torch.arange(batch, device=tokens.device)
            length = int(positions.max()) + 1
            if length > cache.context:
                raise ValueError(f"position {length - 1} is beyond the cache's {cache.context}")
            place = CachePlace(cache, slots, as_rows(slots), positions, length)
            mask = cache_mask(positions, length)
        hidden = self.embedding(tokens)
        rotation = rotary(self.frequencies, positions, hidden.dtype)
        for index, layer in enumerate(self.layers):
            hidden = layer(hidden, rotation, mask, place, index)
        normalised: Tensor = self.norm(hidden)
        return normalised

    def loss(
        self,
        tokens: Tensor,
        targets: Tensor,
        *,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> tuple[Tensor, int]:
        """Return the summed cross-entropy in nats over targets that are not -100, and their count.

        The logits of the whole batch never exist at once (see `loss.linear_cross_entropy`), and
        rows without a target cost nothing in the output layer. targets: (batch, sequence) int64.
        """
        hidden = self.hidden_states(tokens, positions=positions, segments=segments)
        wanted = targets != -100
        total = linear_cross_entropy(hidden[wanted], self.output_weight, targets[wanted])
        return total, int(wanted.sum())


class CachePlace(NamedTuple):
    """Where the rows of one call lie in a cache."""

    cache: KeyValueCache
    slots: Tensor
    rows: slice | Tensor
    positions: Tensor
    length: int


class Layer(nn.Module):
    """Attention, then feed-forward, each added to the residual stream (batch, sequence, width)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width, config.norm_epsilon)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.RMSNorm(config.width, config.norm_epsilon)
        self.feed_forward = FeedForward(config)

    def forward(
        self,
        hidden: Tensor,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor | None,
        place: CachePlace | None,
        index: int,
    ) -> Tensor:
        attended = self.attention(self.attention_norm(hidden), rotation, mask, place, index)
        hidden = hidden + attended
        added: Tensor = hidden + self.feed_forward(self.feed_forward_norm(hidden))
        return added


class Attention(nn.Module):
    """Grouped-query attention; mask None means causal over the call itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.key_value_heads = config.key_value_heads
        self.head_dim = config.head_dim
        queries, keys = config.heads * config.head_dim, config.key_value_heads * config.head_dim
        self.query = nn.Linear(config.width, queries, bias=config.qkv_bias)
        self.key = nn.Linear(config.width, keys, bias=config.qkv_bias)
        self.value = nn.Linear(config.width, keys, bias=config.qkv_bias)
        self.output = nn.Linear(queries, config.width, bias=False)
        self.query_norm = (
            nn.RMSNorm(config.head_dim, config.norm_epsilon) if config.qk_norm else None
        )
        self.key_norm = nn.RMSNorm(config.head_dim, config.norm_epsilon) if config.qk_norm else None

    def forward(
        self,
        hidden: Tensor,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor | None,
        place: CachePlace | None,
        index: int,
    ) -> Tensor:
        batch, sequence, _ = hidden.shape
        shape = (batch, sequence, -1, self.head_dim)
        query = self.query(hidden).view(shape)
        key = self.key(hidden).view(shape)
        value = self.value(hidden).view(shape)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        query, key = rotate(query, rotation), rotate(key, rotation)
        if place is None:
            attended = self._attend_call(query, key, value, mask)
        else:
            place.cache.write(index, place.slots, place.positions, key, value)
            attended = self._attend_cache(query, mask, place, index)
        projected: Tensor = self.output(attended.reshape(batch, sequence, -1))
        return projected

    def _attend_call(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Tensor:
        """All (batch, sequence, heads, head_dim); keys and values of the call itself."""
        attended = functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=mask,
            is_causal=mask is None,
            enable_gqa=self.heads != self.key_value_heads,
        )
        return attended.transpose(1, 2)

    def _attend_cache(
        self, query: Tensor, mask: Tensor | None, place: CachePlace, index: int
    ) -> Tensor:
        """Attend to a slot's keys; query heads of a group become rows, so no key is repeated."""
        batch, sequence, heads, dim = query.shape
        group = heads // self.key_value_heads
        keys, values = place.cache.read(index, place.rows, place.length)
        # (batch, sequence, kv, group, dim) -> (batch, kv, sequence * group, dim)
        folded = query.view(batch, sequence, self.key_value_heads, group, dim).transpose(1, 2)
        folded = folded.reshape(batch, self.key_value_heads, sequence * group, dim)
        if mask is not None:
            mask = mask.repeat_interleave(group, dim=2)
        attended = functional.scaled_dot_product_attention(
            folded, keys.to(query.dtype), values.to(query.dtype), attn_mask=mask
        )
        attended = attended.view(batch, self.key_value_heads, sequence, group, dim)
        return attended.transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.hidden, bias=False)
        self.up = nn.Linear(config.width, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.down(functional.silu(self.gate(hidden)) * self.up(hidden))
        return result


def initialise(model: Decoder, seed: int) -> None:
    """Draw every weight anew: normal(0, 0.02), projections into the residual stream smaller.

    Those are divided by sqrt(2 * layers) so that the stream's variance does not grow with depth
    (Radford et al. 2019). Norms are one, biases zero.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith(".bias"):
                parameter.zero_()
            else:
                into_stream = name.endswith(("attention.output.weight", "feed_forward.down.weight"))
                scale = 0.02 / math.sqrt(2 * model.config.layers) if into_stream else 0.02
                parameter.normal_(0.0, scale, generator=generator)


def rotary_frequencies(config: ModelConfig) -> Tensor:
    """Return the rotation speed of each pair in radians a token: (head_dim / 2,) float32."""
    steps = torch.arange(0, config.head_dim, 2, dtype=torch.int64, device="cpu").float()
    frequencies = 1.0 / config.rope_theta ** (steps / config.head_dim)
    scaling = config.rope_scaling
    if scaling is None:
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    turns = scaling.original_context * frequencies / (2 * math.pi)
    # 0 where a pair turns slowly (stretch in full), 1 where it turns fast (leave alone).
    keep = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return frequencies * keep + frequencies / scaling.factor * (1.0 - keep)


def rotary(frequencies: Tensor, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return cosines and signed sines, each (batch, sequence, 1, head_dim)."""
    angles = positions.clamp(min=0)[..., None].float() * frequencies.to(positions.device)
    cosine, sine = angles.cos(), angles.sin()
    return (
        torch.cat((cosine, cosine), -1)[:, :, None].to(dtype),
        torch.cat((-sine, sine), -1)[:, :, None].to(dtype),
    )


def rotate(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of (batch, sequence, heads, head_dim)."""
    cosine, sine = rotation
    return heads * cosine + heads.roll(heads.shape[-1] // 2, -1) * sine


def segment_positions(segments: Tensor) -> Tensor:
    """Count positions from 0 in each run of equal segment numbers: (batch, sequence)."""
    sequence = segments.shape[1]
    index = torch.arange(sequence, device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return index - torch.where(begins, index, 0).cummax(dim=1).values


def segment_mask(segments: Tensor) -> Tensor:
    """True where a query (row) may see a key (column): (batch, 1, sequence, sequence)."""
    sequence = segments.shape[1]
    causal = torch.ones(sequence, sequence, dtype=torch.bool, device=segments.device).tril()
    return ((segments[:, :, None] == segments[:, None, :]) & causal)[:, None]


def cache_mask(positions: Tensor, length: int) -> Tensor:
    """True at keys 0..p of a query at position p: (batch, 1, sequence, length).

    Padding sees key 0, because a row of nothing would be NaN.
    """
    keys = torch.arange(length, device=positions.device)
    return (keys <= positions.clamp(min=0)[..., None])[:, None]
