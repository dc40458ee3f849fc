"""Attention over short sequences on a processor: three matrix products and a softmax.

Flash kernels save memory by recomputing scores in small tiles. Up to a few hundred tokens the
scores of a layer are no more than its other activations, and long products over whole heads with
scores kept for the way back take a third of the time there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LONGEST = 512
"""Tokens of a sequence up to which scores are held."""


def short_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float
) -> Tensor:
    """Return softmax(scale query key^T + bias) value: (batch, sequence, heads, head_dim).

    query: (batch, sequence, heads, head_dim); key, value: (batch, sequence, key-value heads,
    head_dim); bias: (batch or 1, sequence, sequence), see `bias_of`; it gets no gradient. Heads of
    a group are rows of one product, so no key is repeated. The softmax is float32 inside.
    """
    result: Tensor = _ShortAttention.apply(query, key, value, bias, scale)  # type: ignore[no-untyped-call]
    return result


def bias_of(mask: Tensor | None, sequence: int, dtype: torch.dtype) -> Tensor:
    """Return what to add to scores: 0 where ``mask`` (batch, 1, sequence, sequence) lets see, else
    -inf; without a mask the past is seen. (batch or 1, sequence, sequence)."""
    seen = (
        torch.ones(1, sequence, sequence, dtype=torch.bool).tril() if mask is None else mask[:, 0]
    )
    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, float("-inf"))


class _ShortAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float
    ) -> Tensor:
        batch, sequence, heads, _ = query.shape
        groups = key.shape[2]
        queries = _folded(query, groups).mul_(scale)
        keys, values = _folded(key, groups), _folded(value, groups)
        scores = torch.bmm(queries, keys.transpose(1, 2))
        scores.view(batch, heads, sequence, sequence).add_(bias[:, None])
        shares = torch.softmax(scores, -1, out=scores)
        ctx.save_for_backward(queries, keys, values, shares)
        ctx.scale = scale
        return _unfolded(torch.bmm(shares, values), batch, sequence)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        queries, keys, values, shares = ctx.saved_tensors
        batch, sequence = slope.shape[:2]
        slopes = _folded(slope, keys.shape[0] // batch)
        to_values = torch.bmm(shares.transpose(1, 2), slopes)
        to_scores = torch.bmm(slopes, values.transpose(1, 2))
        to_scores = torch.ops.aten._softmax_backward_data(to_scores, shares, -1, shares.dtype)
        to_queries = torch.bmm(to_scores, keys).mul_(ctx.scale)
        to_keys = torch.bmm(to_scores.transpose(1, 2), queries)
        return (
            _unfolded(to_queries, batch, sequence),
            _unfolded(to_keys, batch, sequence),
            _unfolded(to_values, batch, sequence),
            None,
            None,
        )


def _folded(heads: Tensor, groups: int) -> Tensor:
    """(batch, sequence, heads, dim) -> a new (batch * groups, heads / groups * sequence, dim)."""
    batch, sequence, _, dim = heads.shape
    made = heads.new_empty(batch, heads.shape[2], sequence, dim).copy_(heads.transpose(1, 2))
    return made.view(batch * groups, -1, dim)


def _unfolded(rows: Tensor, batch: int, sequence: int) -> Tensor:
    """The way back from `_folded`."""
    return rows.view(batch, -1, sequence, rows.shape[-1]).transpose(1, 2)
