"""Perplexity and bits per byte of models whose figures are known in closed form."""

from __future__ import annotations

import math

import pytest

from goldsmith.evaluation import Likelihood, language_scores


def test_a_uniform_model_over_bytes() -> None:
    rows = [Likelihood(math.log(256) * n, n, n) for n in (10, 200, 35)]
    perplexity, bits = language_scores(rows, seed=0)
    assert perplexity.value == pytest.approx(256)
    assert bits.value == pytest.approx(8)
    assert bits.low == pytest.approx(8) == pytest.approx(bits.high)


def test_rows_weigh_by_their_tokens_and_bytes() -> None:
    rows = [Likelihood(10.0, 10, 40), Likelihood(90.0, 30, 60), Likelihood(0.0, 0, 0)]
    perplexity, bits = language_scores(rows, seed=0, signature="model:x")
    assert perplexity.value == pytest.approx(math.exp(100 / 40))
    assert bits.value == pytest.approx(100 / 100 / math.log(2))
    assert (bits.n, bits.coverage) == (2, pytest.approx(2 / 3))
    assert bits.signature.startswith("model:x|")
