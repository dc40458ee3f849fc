"""Short attention against torch's own, forward and backward, and where a layer takes it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tiny import TINY
from torch.nn import functional

from goldsmith.models import Decoder, short_attention
from goldsmith.models.positions import call_mask, segment_positions
from goldsmith.models.short_attention import bias_of

SEGMENTS = torch.tensor([[0] * 20, [3] * 7 + [1] * 12 + [-1]])


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("window", [0, 5])
@pytest.mark.parametrize("packed", [False, True])
def test_equals_torch_forward_and_backward(groups, window, packed):
    generator = torch.Generator().manual_seed(groups)
    segments = SEGMENTS if packed else None
    positions = segment_positions(SEGMENTS) if packed else torch.arange(20).expand(2, 20)
    mask = call_mask(positions, segments, window)
    query = torch.randn(2, 20, 4, 8, generator=generator, requires_grad=True)
    key, value = (
        torch.randn(2, 20, groups, 8, generator=generator, requires_grad=True) for _ in range(2)
    )
    bias = bias_of(mask, 20, query.dtype)
    ours = short_attention.short_attention(query, key, value, bias, 0.3)
    theirs = functional.scaled_dot_product_attention(
        *(x.transpose(1, 2) for x in (query, key, value)),
        attn_mask=mask,
        is_causal=mask is None,
        scale=0.3,
        enable_gqa=True,
    ).transpose(1, 2)
    torch.testing.assert_close(ours, theirs)
    slope = torch.randn(ours.shape, generator=generator)
    wanted = torch.autograd.grad(theirs, (query, key, value), slope)
    for mine, other in zip(
        torch.autograd.grad(ours, (query, key, value), slope), wanted, strict=True
    ):
        torch.testing.assert_close(mine, other)


def step(model: Decoder, segments: torch.Tensor | None) -> tuple[float, list[torch.Tensor]]:
    tokens = torch.randint(0, 61, (2, 20), generator=torch.Generator().manual_seed(5))
    model.zero_grad()
    total, _ = model.loss(tokens, tokens.roll(-1, 1), segments=segments)
    total.backward()
    return total.item(), [p.grad.float() for p in model.parameters()]


@pytest.mark.parametrize("windows", [(), (5, 0)])
@pytest.mark.parametrize("segments", [None, SEGMENTS])
def test_a_narrow_model_learns_what_the_wide_one_does(monkeypatch, windows, segments):
    """Both ways in bfloat16 are as near to float32; each gives the same bits again."""
    config = dataclasses.replace(TINY, windows=windows)
    wide_loss, wide = step(Decoder(config, 1), segments)
    narrow = Decoder(config, 1).bfloat16()
    short_loss, short = step(narrow, segments)
    assert all(torch.equal(a, b) for a, b in zip(short, step(narrow, segments)[1], strict=True))
    monkeypatch.setattr("goldsmith.models.attention.LONGEST", 0)
    flash_loss, flash = step(narrow, segments)
    assert any(not torch.equal(a, b) for a, b in zip(short, flash, strict=True))
    assert abs(short_loss / wide_loss - 1) < 2e-3
    assert abs(flash_loss / wide_loss - 1) < 2e-3
    for exact, one, other in zip(wide, short, flash, strict=True):
        bound = 2 * (other - exact).norm() + 1e-2 * exact.norm()
        assert (one - exact).norm() <= bound


def test_float32_and_decoding_take_the_exact_way(monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("short attention was called")

    monkeypatch.setattr("goldsmith.models.attention.short_attention", never)
    step(Decoder(TINY, 1), None)
    with pytest.raises(AssertionError):
        step(Decoder(TINY, 1).bfloat16(), None)


def test_rows_of_one_segment_need_no_mask():
    segments = torch.tensor([[4] * 20, [9] * 20])
    model = Decoder(TINY, 1)
    one, two = step(model, None), step(model, segments)
    assert one[0] == two[0]
    assert all(torch.equal(a, b) for a, b in zip(one[1], two[1], strict=True))
