"""Attention of packed rows, each piece of text for itself.

A row of a thousand tokens that holds eight texts has an eighth of its scores inside them; a mask
over the row computes all of them and throws most away. On a processor the rows are cut at the
borders instead, and each piece is a short causal sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from goldsmith.kernels import segment_starts
from goldsmith.models.short_attention import LONGEST, short_attention

LEAST = 16
"""Tokens of a piece on average below which cutting costs more than a mask."""


def pieces_of(segments: Tensor) -> list[int] | None:
    """Return how long the runs of equal numbers are, row after row; segments: (batch, sequence).

    None where a mask does better or is needed: pieces are tiny, a number comes back later in its
    row, or the device is no processor.
    """
    batch, sequence = segments.shape
    if segments.device.type != "cpu" or not segments.numel():
        return None
    starts = segment_starts(segments).flatten().nonzero().flatten()
    if len(starts) * LEAST > batch * sequence:
        return None
    owners = torch.stack([starts // sequence, segments.flatten()[starts]])
    if torch.unique(owners, dim=1).shape[1] < len(starts):
        return None
    ends = torch.cat([starts[1:], starts.new_tensor([batch * sequence])])
    return [int(length) for length in ends - starts]


def segment_attention(
    query: Tensor, key: Tensor, value: Tensor, pieces: list[int], past: Tensor, scale: float
) -> Tensor:
    """Return causal attention inside each piece: (batch, sequence, heads, head_dim).

    query, key, value: (batch, sequence, heads or key-value heads, head_dim); pieces: see
    `pieces_of`; past: `bias_of` the longest piece that keeps its scores, in their dtype.
    """
    # Splitting has one gradient for all pieces; slicing would fill a whole row for each.
    queries, keys, values = (
        torch.split(each.flatten(0, 1), pieces) for each in (query, key, value)
    )
    found = []
    for one, other, third in zip(queries, keys, values, strict=True):
        length = len(one)
        if one.dtype == torch.bfloat16 and length <= LONGEST:
            bias = past[:, :length, :length]
            found.append(short_attention(one[None], other[None], third[None], bias, scale)[0])
            continue
        attended = functional.scaled_dot_product_attention(
            one.transpose(0, 1)[None],
            other.transpose(0, 1)[None],
            third.transpose(0, 1)[None],
            is_causal=True,
            scale=scale,
            enable_gqa=one.shape[1] != other.shape[1],
        )
        found.append(attended[0].transpose(0, 1))
    return torch.cat(found).view(query.shape)
