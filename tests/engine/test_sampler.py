from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from goldsmith.engine import Request
from goldsmith.engine.sampler import SamplingError, adjust, choose, distribution, likeliest

ROWS = arrays.arrays(
    np.float32, st.integers(1, 50), elements=st.floats(-10, 10, width=32, allow_nan=False)
)


@given(ROWS, st.integers(0, 60))
def test_likeliest_is_the_stable_order(row: np.ndarray, count: int) -> None:
    expected = sorted(range(len(row)), key=lambda i: (-row[i], i))[:count]
    assert likeliest(row.astype(np.float64), count).tolist() == expected


@settings(max_examples=200)
@given(
    ROWS,
    st.floats(0.05, 2.0),
    st.floats(0.0, 1.0),
    st.integers(0, 10),
    st.floats(0.0, 1.0),
    st.integers(0, 2**32),
)
def test_a_drawn_token_is_one_that_was_kept(row, temperature, top_p, top_k, min_p, seed) -> None:
    request = Request((0,), temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p)
    token = choose(row, request, (0,), {}, np.random.Generator(np.random.PCG64(seed)))
    weights = np.exp((row.astype(np.float64) - row.max()) / temperature)
    rank = sorted(range(len(row)), key=lambda i: (-row[i], i)).index(token)
    assert weights[token] >= min_p or rank == 0
    assert top_k == 0 or rank < top_k
    before = sorted(weights, reverse=True)[:rank]
    assert rank == 0 or sum(before) < top_p * weights.sum() * (1 + 1e-9) or top_p == 1.0


def test_draws_follow_the_probabilities() -> None:
    row = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    random = np.random.Generator(np.random.PCG64(0))
    for options in ({}, {"top_k": 4}):
        request = Request((0,), **options)
        draws = [choose(row, request, (0,), {}, random) for _ in range(4000)]
        shares = np.bincount(draws, minlength=4) / 4000
        assert np.abs(shares - [0.5, 0.3, 0.15, 0.05]).max() < 0.03


def test_top_p_keeps_the_smallest_set() -> None:
    row = np.log(np.array([0.1, 0.5, 0.4]))
    kept, _ = distribution(row, Request((0,), top_p=0.5))
    assert kept is not None
    assert kept.tolist() == [1]
    kept, _ = distribution(row, Request((0,), top_p=0.6))
    assert kept is not None
    assert kept.tolist() == [1, 2]


def test_penalties() -> None:
    row = np.array([2.0, -2.0, 1.0, 1.0])
    request = Request((0,), repetition_penalty=2.0, presence_penalty=0.5, frequency_penalty=0.25)
    adjusted = adjust(row.copy(), request, (0, 1), {2: 3})
    assert adjusted.tolist() == [1.0, -4.0, 0.5 - 0.5 - 0.75, 1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_numbers_are_refused(bad: float) -> None:
    row = np.array([0.0, bad], dtype=np.float32)
    with pytest.raises(SamplingError):
        choose(row, Request((0,)), (0,), {}, np.random.Generator(np.random.PCG64(0)))
