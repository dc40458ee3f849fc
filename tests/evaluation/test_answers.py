"""SQuAD's normalising and scores, with the cases its official script treats specially."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.evaluation import citation_precision, citation_recall, exact_match, f1
from goldsmith.evaluation.answers import normalise_answer


def test_normalising() -> None:
    assert normalise_answer("The  U.S. Army's a-b, an (x)") == "us armys ab x"
    assert normalise_answer("theatre another") == "theatre another"


def test_exact_match_and_f1() -> None:
    assert exact_match("the Panthers!", ["Panthers"]) == 1.0
    assert exact_match("Panthers", ["Broncos", "The Panthers"]) == 1.0
    assert exact_match("Carolina Panthers", ["Panthers"]) == 0.0
    assert f1("Carolina Panthers", ["Panthers"]) == pytest.approx(2 / 3)
    assert f1("b b b", ["b b c"]) == pytest.approx(2 / 3)  # bags, not sets
    assert f1("x", ["y", "x z"]) == pytest.approx(2 / 3)  # the best reference counts


def test_no_answer_is_right_only_where_there_is_none() -> None:
    assert exact_match("", []) == f1("", []) == 1.0
    assert exact_match("x", []) == f1("x", []) == 0.0
    assert exact_match("", ["x"]) == f1("", ["x"]) == 0.0


@given(st.text(max_size=30), st.text(max_size=30))
def test_f1_is_even_handed_and_within_bounds(a: str, b: str) -> None:
    assert f1(a, [b]) == pytest.approx(f1(b, [a]))
    assert exact_match(a, [b]) <= f1(a, [b]) <= 1
    assert f1(a, [a]) == 1.0


def test_citations_by_page() -> None:
    right = {("a.pdf", 3), ("a.pdf", 4)}
    assert citation_precision([("a.pdf", 3), ("b.pdf", 3)], right) == 0.5
    assert citation_recall([("a.pdf", 3), ("b.pdf", 3)], right) == 1.0  # one place is enough
    assert citation_recall([("b.pdf", 3)], right) == 0.0
    assert citation_precision([], right) is None
    assert citation_recall([], right) == 0.0
    assert citation_recall([("a.pdf", 3)], set()) is None
