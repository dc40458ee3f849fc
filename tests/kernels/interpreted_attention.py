"""Flash attention in Triton's interpreter against float64; `test_interpreted` starts this."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from goldsmith.kernels import Spans, attend
from goldsmith.kernels.attention_triton import Tile, Tiles, flash_attention, tiles_for

SQUARE = Tiles(*[Tile(16, 16, 4, 1)] * 3)
WIDE = Tiles(*[Tile(16, 32, 4, 1)] * 3)
TALL = Tiles(*[Tile(32, 16, 4, 1)] * 3)


def numbers(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def reference(query, key, value, lengths, causal, window, scale):
    """Each sequence on its own, in plain matrices; what belongs to none is zero."""
    group = query.shape[1] // key.shape[1]
    out, start = [], 0
    for length in lengths:
        part = slice(start, start + length)
        start += length
        q = query[part].transpose(0, 1)
        k = key[part].transpose(0, 1).repeat_interleave(group, 0)
        v = value[part].transpose(0, 1).repeat_interleave(group, 0)
        apart = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        hidden = (apart < 0) & causal | (apart >= (window or length))
        scores = (q @ k.transpose(1, 2) * scale).masked_fill(hidden, -math.inf)
        out.append((scores.softmax(-1) @ v).transpose(0, 1))
    return torch.cat((*out, torch.zeros_like(query[start:])))


def check(
    lengths, shared, group, dim, causal, window, tiles, padding=0, dtype=torch.float32, bound=3e-6
):
    tokens = sum(lengths) + padding
    query = numbers(tokens, shared * group, dim, seed=1).to(dtype)
    key, value = (numbers(tokens, shared, dim, seed=n).to(dtype) for n in (2, 3))
    above = numbers(tokens, shared * group, dim, seed=4).to(dtype)
    spans = Spans.of_lengths(torch.tensor([0, *lengths]).cumsum(0).int(), tokens)
    narrow = [t.clone().requires_grad_() for t in (query, key, value)]
    wide = [t.double().requires_grad_() for t in (query, key, value)]
    found = flash_attention(*narrow, spans, causal, window, 0.4, tiles)
    wanted = reference(*wide, lengths, causal, window, 0.4)
    found.backward(above)
    wanted.backward(above.double())
    for ours, right in [
        (found, wanted),
        *((a.grad, b.grad) for a, b in zip(narrow, wide, strict=True)),
    ]:
        size = max(1.0, float(right.detach().abs().max()))
        assert float((ours.double() - right).detach().abs().max()) <= bound * size


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(any),
    shared=st.integers(1, 2),
    group=st.integers(1, 3),
    dim=st.sampled_from([2, 8, 20]),
    causal=st.booleans(),
    window=st.sampled_from([0, 1, 5, 17]),
    tiles=st.sampled_from([SQUARE, WIDE, TALL]),
    padding=st.integers(0, 20),
)
@example([1] * 20, 1, 2, 8, True, 0, SQUARE, 0)
@example([64], 1, 1, 8, True, 20, SQUARE, 0)
@example([50, 1, 13], 2, 2, 8, False, 0, WIDE, 33)
def test_sequences(lengths, shared, group, dim, causal, window, tiles, padding):
    check(lengths, shared, group, dim, causal, window, tiles, padding)


@pytest.mark.parametrize("dim", [64, 80, 128])
def test_the_tiles_that_ship(dim):
    tiles = tiles_for(dim, torch.bfloat16)
    check([150, 1, 40], 1, 2, dim, True, 0, tiles, padding=9)


def test_two_bytes():
    # The interpreter cannot multiply bfloat16; float16 takes the same way through the kernels.
    check([40, 7], 1, 2, 16, True, 0, SQUARE, dtype=torch.float16, bound=3e-3)


def test_a_window_at_its_edge():
    for window in (15, 16, 17, 33):
        check([50], 1, 1, 8, True, window, SQUARE)


def test_views_of_a_batch_and_the_front_door():
    query = numbers(2, 4, 11, 8, seed=1).transpose(1, 2)
    key, value = (numbers(2, 2, 11, 8, seed=n).transpose(1, 2) for n in (2, 3))
    spans = Spans.of_segments(torch.zeros(2, 11, dtype=torch.int64))
    stream = [t.flatten(0, 1) for t in (query, key, value)]
    found = attend(*stream, spans)
    plain = torch.nn.functional.scaled_dot_product_attention(
        *(t.transpose(1, 2) for t in (query, key, value)), is_causal=True, enable_gqa=True
    )
    torch.testing.assert_close(found.view(2, 11, 4, 8), plain.transpose(1, 2))
    strided = torch.cat((stream[0], stream[0]), 1)[:, :4]
    assert torch.equal(attend(strided, *stream[1:], spans), found)


def test_what_no_query_sees_gets_no_gradient_even_where_it_is_not_a_number():
    key = numbers(10, 1, 8, seed=2)
    spans = Spans.of_lengths(torch.tensor([0, 6]), 10)
    leaves = [key.clone().requires_grad_() for _ in range(3)]
    flash_attention(*leaves, spans, True, 0, 1.0, SQUARE).sum().backward()
    assert all(not leaf.grad[6:].any() for leaf in leaves)
    assert all(leaf.grad.isfinite().all() for leaf in leaves)


def test_heads_wider_than_the_kernels_are_refused():
    with pytest.raises(ValueError, match="256"):
        tiles_for(257, torch.bfloat16)
