"""Grouped-query attention (Ainslie et al. 2023) over one call, or over a cache of earlier tokens.

`Call` holds what all layers of a forward pass share: positions, rotations, masks and the cache.
Windows, soft caps and ALiBi change the mask or the scores; none of them forks the layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.kernels import Spans, attend, kernels_run
from goldsmith.models.cache import KeyValueCache, as_rows
from goldsmith.models.config import ModelConfig
from goldsmith.models.parts import RMSNorm
from goldsmith.models.positions import (
    alibi_slopes,
    cache_mask,
    call_mask,
    distances,
    plain_frequencies,
    rotary,
    rotary_frequencies,
    rotate,
    whole,
)
from goldsmith.models.segment_attention import pieces_of, segment_attention
from goldsmith.models.short_attention import LONGEST, bias_of, short_attention

Rotation = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Place:
    """Where the rows of one call lie in a cache."""

    cache: KeyValueCache
    slots: Tensor
    rows: slice | Tensor
    positions: Tensor
    length: int


@dataclass(frozen=True)
class Call:
    """What every layer of one forward pass needs to know.

    ``masks`` and ``rotations`` are by window (0 for full attention); ``bias`` is ALiBi's, (batch,
    heads, queries, keys); ``biases`` holds masks as numbers to add, made when a layer first asks
    (see `short_attention`).
    """

    masks: dict[int, Tensor | None]
    rotations: dict[int, Rotation]
    bias: Tensor | None
    place: Place | None
    spans: Spans | None = None
    """Stands for the masks where attention kernels run; there are none then."""
    biases: dict[int, Tensor] = field(default_factory=dict)
    pieces: list[int] | None = None
    """Lengths of packed texts that attend apart; then there are no masks."""
    past: Tensor | None = None


def make_call(
    config: ModelConfig,
    positions: Tensor,
    segments: Tensor | None,
    cache: KeyValueCache | None,
    slots: Tensor | None,
    dtype: torch.dtype,
) -> Call:
    """Work out masks, rotations and biases once for all layers; see `Decoder.hidden_states`."""
    windows = set(config.windows) or {0}
    if segments is not None and segments.device.type == "cpu" and whole(segments):
        segments = None
    place = pieces = past = None
    keys = positions
    length = positions.shape[1]
    changed = config.attention_cap is not None or config.positions == "alibi"  # scores are
    spans = None
    masks: dict[int, Tensor | None] = {}
    if segments is not None and not changed:
        pieces = pieces_of(segments)
        if pieces is not None and any(0 < window < max(pieces) for window in windows):
            pieces = None
    if pieces is not None:
        past = bias_of(None, min(max(pieces), LONGEST), dtype)
        masks = dict.fromkeys(sorted(windows))
    elif cache is None and kernels_run(positions) and config.head_dim <= 256 and not changed:
        # Without segments every row is one.
        spans = Spans.of_segments(torch.zeros_like(positions) if segments is None else segments)
    elif cache is None:
        masks = {window: call_mask(positions, segments, window) for window in sorted(windows)}
    else:
        if slots is None:
            slots = torch.arange(positions.shape[0], device=positions.device)
        length = int(positions.max()) + 1
        if length > cache.context:
            raise ValueError(f"position {length - 1} is beyond the cache's {cache.context}")
        place = Place(cache, slots, as_rows(slots), positions, length)
        masks = {window: cache_mask(positions, length, window) for window in sorted(windows)}
        keys = torch.arange(length, device=positions.device)[None]
    rotations: dict[int, Rotation] = {}
    if config.positions == "rotary":
        if config.rope_scaling is not None and config.rope_scaling.kind == "dynamic":
            length = int(positions.max()) + 1
        frequencies, factor = rotary_frequencies(config, length)
        everywhere = rotary(frequencies, positions, dtype, factor)
        local = everywhere
        if config.window_theta is not None:
            plain = plain_frequencies(config.window_theta, config.head_dim)
            local = rotary(plain, positions, dtype)
        rotations = {window: local if window else everywhere for window in windows}
    bias = None
    if config.positions == "alibi":
        slopes = alibi_slopes(config.heads).to(positions.device)
        bias = (slopes[:, None, None] * distances(positions, keys)).to(dtype)
    return Call(masks, rotations, bias, place, spans, pieces=pieces, past=past)


class Attention(nn.Module):
    """hidden (batch, sequence, width) -> (batch, sequence, width)."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.index = index
        self.window = config.windows[index] if config.windows else 0
        self.key_value_heads = config.key_value_heads
        self.head_dim = config.head_dim
        self.cap = config.attention_cap
        self.scale = 1.0 / math.sqrt(config.query_scale or config.head_dim)
        queries, keys = config.heads * config.head_dim, config.key_value_heads * config.head_dim
        self.query = nn.Linear(config.width, queries, bias=config.qkv_bias)
        self.key = nn.Linear(config.width, keys, bias=config.qkv_bias)
        self.value = nn.Linear(config.width, keys, bias=config.qkv_bias)
        self.output = nn.Linear(queries, config.width, bias=config.output_bias)
        shape = (config.head_dim, config.norm_epsilon, config.norm_offset)
        self.query_norm = RMSNorm(*shape) if config.qk_norm else None
        self.key_norm = RMSNorm(*shape) if config.qk_norm else None

    def forward(self, hidden: Tensor, call: Call) -> Tensor:
        batch, sequence, _ = hidden.shape
        shape = (batch, sequence, -1, self.head_dim)
        query = self.query(hidden).view(shape)
        key = self.key(hidden).view(shape)
        value = self.value(hidden).view(shape)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        rotation = call.rotations.get(self.window)
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        if call.pieces is not None and call.past is not None:
            attended = segment_attention(query, key, value, call.pieces, call.past, self.scale)
        elif self._is_short(sequence, query, call):
            attended = self._attend_shortly(query, key, value, call)
        else:
            keys, values = key.transpose(1, 2), value.transpose(1, 2)
            if call.place is not None:
                place = call.place
                place.cache.write(self.index, place.slots, place.positions, key, value)
                keys, values = place.cache.read(self.index, place.rows, place.length)
                keys, values = keys.to(query.dtype), values.to(query.dtype)
            attended = self._attend(query.transpose(1, 2), keys, values, call).transpose(1, 2)
        projected: Tensor = self.output(attended.reshape(batch, sequence, -1))
        return projected

    def _is_short(self, sequence: int, query: Tensor, call: Call) -> bool:
        """Whether scores of a whole call may be held; alike for every size of batch."""
        plain = call.place is None and self.cap is None and call.bias is None
        narrow = query.dtype == torch.bfloat16 and query.device.type == "cpu"
        return plain and narrow and sequence <= LONGEST

    def _attend_shortly(self, query: Tensor, key: Tensor, value: Tensor, call: Call) -> Tensor:
        bias = call.biases.get(self.window)
        if bias is None:
            mask = call.masks[self.window]
            bias = call.biases[self.window] = bias_of(mask, query.shape[1], query.dtype)
        return short_attention(query, key, value, bias, self.scale)

    def _attend(self, query: Tensor, keys: Tensor, values: Tensor, call: Call) -> Tensor:
        """query: (batch, heads, queries, head_dim); keys, values: (batch, kv heads, keys, dim)."""
        if call.spans is not None:
            batch, heads, sequence, dim = query.shape
            attended = attend(
                query.transpose(1, 2).flatten(0, 1),
                keys.transpose(1, 2).flatten(0, 1),
                values.transpose(1, 2).flatten(0, 1),
                call.spans,
                window=self.window,
                scale=self.scale,
            )
            return attended.view(batch, sequence, heads, dim).transpose(1, 2)
        mask = call.masks[self.window]
        grouped = query.shape[1] != keys.shape[1]
        if self.cap is not None or call.bias is not None:
            return self._attend_plainly(query, keys, values, mask, call.bias)
        if call.place is not None and grouped:
            return self._attend_folded(query, keys, values, mask)
        return functional.scaled_dot_product_attention(
            query,
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None,
            scale=self.scale,
            enable_gqa=grouped,
        )

    def _attend_folded(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Query heads of a group become rows, so that no cached key is repeated."""
        batch, heads, sequence, dim = query.shape
        folded = query.reshape(batch, keys.shape[1], -1, dim)
        if mask is not None:
            mask = mask.repeat(1, 1, heads // keys.shape[1], 1)
        attended = functional.scaled_dot_product_attention(
            folded, keys, values, attn_mask=mask, scale=self.scale
        )
        return attended.reshape(batch, heads, sequence, dim)

    def _attend_plainly(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
        bias: Tensor | None,
    ) -> Tensor:
        """Where scores are changed before the softmax; that is in float32."""
        group = query.shape[1] // keys.shape[1]
        keys = keys.repeat_interleave(group, dim=1)
        values = values.repeat_interleave(group, dim=1)
        scores = query @ keys.transpose(-1, -2) * self.scale
        if self.cap is not None:
            scores = self.cap * torch.tanh(scores / self.cap)
        if bias is not None:
            scores = scores + bias
        if mask is None:
            sequence = query.shape[2]
            mask = torch.ones(sequence, sequence, dtype=torch.bool, device=query.device).tril()
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return scores.float().softmax(-1).to(values.dtype) @ values
