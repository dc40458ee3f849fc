"""Attention within sequences that lie one behind the other in one stream of tokens.

A batch of rows, a packed row and sequences given by ``cu_seqlens`` are all one thing here: a stream
in which each token knows where its own sequence begins and ends (`Spans`). No mask is ever as large
as the scores, and nothing waits for the device to say how many sequences there are.

The plain twin makes that mask; `attention_triton` makes neither mask nor scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from goldsmith.kernels.choice import kernels_run


@dataclass(frozen=True)
class Spans:
    """First token of each token's sequence, and one past its last: (tokens,) int32, never falling.

    A token of no sequence has an empty span; it sees nothing and is seen by none.
    """

    begin: Tensor
    end: Tensor

    @classmethod
    def of_lengths(cls, cu_seqlens: Tensor, tokens: int) -> Spans:
        """Sequence n is tokens cu_seqlens[n] up to cu_seqlens[n + 1]; (sequences + 1,), from 0."""
        borders = cu_seqlens.to(torch.int32)
        place = torch.arange(tokens, device=borders.device, dtype=torch.int32)
        number = torch.searchsorted(borders, place, right=True)
        return cls(borders[number - 1], torch.cat((borders, borders[-1:]))[number])

    @classmethod
    def of_segments(cls, segments: Tensor) -> Spans:
        """Every run of equal numbers within a row of (batch, sequence) is a sequence."""
        first = segment_starts(segments).flatten()
        place = torch.arange(len(first), device=segments.device, dtype=torch.int32)
        begin = torch.where(first, place, 0).cummax(0).values
        # The next beginning, seen from behind.
        after = torch.where(first.roll(-1), place + 1, len(first))
        end = after.flip(0).cummin(0).values.flip(0)
        return cls(begin, end)

    def mask(self, causal: bool, window: int) -> Tensor:
        """True where a query (row) sees a key (column): (tokens, tokens)."""
        place = torch.arange(len(self.begin), device=self.begin.device)
        query, key = place[:, None], place[None, :]
        mask = (key >= self.begin[:, None]) & (key < self.end[:, None])
        if causal:
            mask = mask & (key <= query)
        return mask & (key > query - window) if window else mask


def segment_starts(segments: Tensor) -> Tensor:
    """Where a run of equal numbers begins in its row: true or false, (batch, sequence)."""
    starts = torch.ones_like(segments, dtype=torch.bool)
    starts[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return starts


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    spans: Spans,
    *,
    causal: bool = True,
    window: int = 0,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(scale * query @ key) @ value of each sequence: (tokens, heads, head_dim).

    query: (tokens, heads, head_dim); key, value: (tokens, key_value_heads, head_dim), where query
    head h reads key head h // (heads / key_value_heads); head_dim up to 256. causal: a query sees
    itself and what is before it. window: of that, only the last ``window`` keys (0: all). scale:
    1 / sqrt(head_dim) where None. A query that sees nothing gives zeros.
    """
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    if kernels_run(query):
        from goldsmith.kernels.attention_triton import flash_attention

        return flash_attention(query, key, value, spans, causal, window, scale)
    mask = spans.mask(causal, window)
    seen = mask.any(1)
    # A row of nothing would be NaN; let it see itself and take the result away again.
    attended = functional.scaled_dot_product_attention(
        query.transpose(0, 1)[None],
        key.transpose(0, 1)[None],
        value.transpose(0, 1)[None],
        attn_mask=mask | torch.diag(~seen),
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return attended[0].transpose(0, 1).masked_fill(~seen[:, None, None], 0.0)
