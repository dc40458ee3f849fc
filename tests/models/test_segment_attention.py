"""Packed pieces that attend apart: against a mask, forward and backward, and where it is taken."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tiny import TINY
from torch.nn import functional

from goldsmith.models import Decoder
from goldsmith.models.attention import make_call
from goldsmith.models.positions import call_mask, segment_positions
from goldsmith.models.segment_attention import pieces_of, segment_attention
from goldsmith.models.short_attention import bias_of

PACKED = torch.tensor([[4] * 23 + [0] * 17, [3] * 7 + [1] * 30 + [-1] * 3])


def test_pieces_are_the_runs_of_each_row():
    assert pieces_of(torch.tensor([[5] * 20 + [2] * 20, [2] * 30 + [-1] * 10])) == [20, 20, 30, 10]
    assert pieces_of(PACKED) is not None
    assert pieces_of(torch.tensor([[0] * 20 + [1] * 20 + [0] * 20])) is None, "0 sees 0"
    assert pieces_of(torch.arange(40)[None]) is None, "a mask costs less"


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("longest", [512, 20])
def test_equals_a_mask_forward_and_backward(groups, dtype, longest, monkeypatch):
    monkeypatch.setattr("goldsmith.models.segment_attention.LONGEST", longest)
    generator = torch.Generator().manual_seed(groups)
    query, key, value = (
        torch.randn(2, 40, heads, 8, generator=generator).to(dtype).requires_grad_()
        for heads in (4, groups, groups)
    )
    pieces = pieces_of(PACKED)
    assert pieces is not None
    ours = segment_attention(query, key, value, pieces, bias_of(None, 40, dtype), 0.3)
    theirs = functional.scaled_dot_product_attention(
        *(x.float().transpose(1, 2) for x in (query, key, value)),
        attn_mask=call_mask(segment_positions(PACKED), PACKED, 0),
        scale=0.3,
        enable_gqa=True,
    ).transpose(1, 2)
    near = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.04, "rtol": 0.04}
    torch.testing.assert_close(ours.float(), theirs, **near)
    slope = torch.randn(ours.shape, generator=generator)
    wanted = torch.autograd.grad(theirs, (query, key, value), slope)
    found = torch.autograd.grad(ours, (query, key, value), slope.to(dtype))
    for mine, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine.float(), other.float(), **near)


@pytest.mark.parametrize(
    ("changes", "apart"),
    [
        ({}, True),
        ({"windows": (0, 30)}, True),
        ({"windows": (0, 29)}, False),
        ({"attention_cap": 20.0}, False),
        ({"positions": "alibi"}, False),
    ],
)
def test_a_mask_is_kept_where_scores_change_or_windows_are_short(changes, apart):
    config = dataclasses.replace(TINY, **changes)
    call = make_call(config, segment_positions(PACKED), PACKED, None, None, torch.float32)
    assert (call.pieces is not None) == apart
    assert all((mask is None) == apart for mask in call.masks.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_is_the_same_in_every_batch(dtype):
    model = Decoder(TINY, seed=1).to(dtype).requires_grad_(False)
    tokens = torch.randint(0, 61, (2, 40), generator=torch.Generator().manual_seed(5))
    both = model(tokens, segments=PACKED)
    for row in range(2):
        alone = model(tokens[row : row + 1], segments=PACKED[row : row + 1])
        torch.testing.assert_close(both[row : row + 1], alone)
