"""trec_eval's conventions, against values worked out by hand from its definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.evaluation.ranking import (
    average_precision,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)

RELEVANT = {"d1": 1.0, "d3": 2.0, "d9": 1.0, "d7": 0.0}
RANKED = ["d1", "d2", "d3", "d4", "d7"]


def test_values_by_hand() -> None:
    assert precision(RANKED, RELEVANT, 5) == pytest.approx(2 / 5)
    assert precision(RANKED, RELEVANT, 10) == pytest.approx(2 / 10)  # missing places count
    assert recall(RANKED, RELEVANT, 5) == pytest.approx(2 / 3)
    assert hit_rate(RANKED[1:], RELEVANT, 1) == 0.0
    assert hit_rate(RANKED[1:], RELEVANT, 2) == 1.0
    assert reciprocal_rank(RANKED[1:], RELEVANT) == 1 / 2
    assert average_precision(RANKED, RELEVANT) == pytest.approx((1 / 1 + 2 / 3) / 3)
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(RANKED, RELEVANT, 5) == pytest.approx((1 + 2 / math.log2(4)) / ideal)
    assert ndcg(RANKED, RELEVANT, 5) == pytest.approx(0.6388, abs=5e-5)


def test_a_query_without_relevant_items_has_no_score() -> None:
    for relevant in ({}, {"d1": 0.0}):
        assert precision(RANKED, relevant, 5) is None
        assert recall(RANKED, relevant, 5) is None
        assert hit_rate(RANKED, relevant, 5) is None
        assert reciprocal_rank(RANKED, relevant) is None
        assert average_precision(RANKED, relevant) is None
        assert ndcg(RANKED, relevant, 5) is None


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=20),
    st.dictionaries(st.integers(0, 30), st.integers(1, 3), min_size=1, max_size=10),
    st.integers(1, 25),
)
def test_bounds_and_the_ideal_order(order: list[int], grades: dict[int, int], k: int) -> None:
    ranked = [str(item) for item in order]
    relevant = {str(item): float(grade) for item, grade in grades.items()}
    for value in (
        precision(ranked, relevant, k),
        recall(ranked, relevant, k),
        reciprocal_rank(ranked, relevant),
        average_precision(ranked, relevant),
        ndcg(ranked, relevant, k),
    ):
        assert value is not None
        assert 0 <= value <= 1 + 1e-12
    ideal = sorted(relevant, key=lambda item: -relevant[item])
    assert ndcg(ideal, relevant, k) == pytest.approx(1)
    assert average_precision(ideal, relevant) == pytest.approx(1)
