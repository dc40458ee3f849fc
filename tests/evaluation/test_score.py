"""Intervals and comparisons against theory, and the promises every score makes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.errors import UserError
from goldsmith.evaluation import (
    approximate_randomization,
    bootstrap_score,
    mean_score,
    paired_bootstrap,
    ratio,
)


def column(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_the_interval_of_a_mean_is_the_one_of_theory() -> None:
    values = np.random.default_rng(7).normal(size=400)
    score = mean_score("mean", values.tolist(), seed=1, resamples=4000)
    half = 1.959964 * values.std() / math.sqrt(len(values))
    assert score.value == pytest.approx(values.mean())
    assert score.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert score.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for seed in range(200):
        draws = (generator.random(150) < 0.3).astype(float)
        score = mean_score("share", draws.tolist(), seed=seed, resamples=400, confidence=0.9)
        inside += score.low <= 0.3 <= score.high
    assert 0.83 <= inside / 200 <= 0.96  # 0.9, within three standard errors


def test_what_could_not_be_scored_is_seen() -> None:
    score = mean_score("x", [1.0, None, 0.0, None], seed=0)
    assert (score.value, score.n, score.coverage) == (0.5, 2, 0.5)
    nothing = mean_score("x", [None], seed=0)
    assert math.isnan(nothing.value)
    assert (nothing.n, nothing.coverage) == (0, 0.0)


def test_a_score_can_be_measured_again() -> None:
    table = column(np.random.default_rng(0).random(50))
    one = bootstrap_score("x", table, ratio, seed=5, signature="set:a")
    assert one == bootstrap_score("x", table, ratio, seed=5, signature="set:a")
    other = bootstrap_score("x", table, ratio, seed=6, signature="set:a")
    assert (one.low, one.high) != (other.low, other.high)
    assert one.signature == "set:a|interval:bootstrap|resamples:1000|confidence:0.95|seed:5"


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 9))
def test_the_interval_lies_within_the_values(values: list[float], seed: int) -> None:
    score = mean_score("x", values, seed=seed, resamples=50)
    assert min(values) - 1e-9 <= score.low <= score.high <= max(values) + 1e-9


def test_a_system_does_not_differ_from_itself() -> None:
    table = column(np.random.default_rng(0).random(60))
    for compare in (paired_bootstrap, approximate_randomization):
        same = compare(table, table, seed=1)
        assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_approximate_randomization_is_the_exact_test_on_few_items() -> None:
    """Six items, the second system better by one on each: of the 64 sign patterns two are as far."""
    first = column(np.zeros(6))
    second = column(np.ones(6))
    found = approximate_randomization(first, second, seed=2, trials=20_000)
    assert found.p == pytest.approx(2 / 64, abs=0.004)
    assert found.difference == 1.0


def test_comparisons_agree_with_the_paired_t_test() -> None:
    from scipy.stats import ttest_rel

    generator = np.random.default_rng(11)
    first = generator.normal(size=200)
    second = first + generator.normal(0.03, 0.2, size=200)
    expected = ttest_rel(second, first).pvalue
    for compare in (paired_bootstrap, approximate_randomization):
        assert compare(column(first), column(second), seed=1).p == pytest.approx(expected, abs=0.02)


def test_pairs_must_be_pairs_and_settings_sane() -> None:
    with pytest.raises(UserError, match="same items"):
        paired_bootstrap(np.ones((3, 2)), np.ones((4, 2)), seed=0)
    with pytest.raises(UserError, match="resamples"):
        mean_score("x", [1.0], seed=0, resamples=0)
