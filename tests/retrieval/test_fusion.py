"""Properties that a fusion must have whatever the scores are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.retrieval.fusion import best, fuse, normalise

#: Scores on a grid of 1/64, so that putting them on one scale cannot make unequal ones equal.
GRID = st.integers(0, 640).map(lambda n: n / 64)
PAIRS = st.lists(st.tuples(GRID, GRID), min_size=1, max_size=40)
ALPHA = st.integers(0, 16).map(lambda n: n / 16)


def columns(pairs: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs, dtype=np.float64)
    return table[:, 0], table[:, 1]


@given(PAIRS, st.integers(1, 40))
def test_the_ends_are_the_pure_systems(pairs: list[tuple[float, float]], k: int) -> None:
    words, vectors = columns(pairs)
    assert [row for row, _ in fuse(words, vectors, 0.0, k, pool=5)] == best(words, k).tolist()
    assert [row for row, _ in fuse(words, vectors, 1.0, k, pool=5)] == best(vectors, k).tolist()


@given(PAIRS, ALPHA, st.integers(1, 40))
def test_no_row_twice_and_best_first(
    pairs: list[tuple[float, float]], alpha: float, k: int
) -> None:
    found = fuse(*columns(pairs), alpha, k, pool=7)
    rows = [row for row, _ in found]
    assert len(set(rows)) == len(rows) == min(k, len(pairs))
    assert found == sorted(found, key=lambda each: (-each[1], each[0]))
    assert all(0 <= score <= 1 for _, score in found)


@given(st.data(), PAIRS, ALPHA)
def test_the_order_of_the_input_does_not_matter(
    data: st.DataObject, pairs: list[tuple[float, float]], alpha: float
) -> None:
    """Scores are equal under any permutation, and so is the order of those that differ."""
    order = data.draw(st.permutations(range(len(pairs))))
    plain = dict(fuse(*columns(pairs), alpha, len(pairs)))
    moved = fuse(*columns([pairs[place] for place in order]), alpha, len(pairs))
    assert {order[row]: score for row, score in moved} == plain


@given(PAIRS, ALPHA, ALPHA)
def test_more_alpha_never_helps_the_weaker_vector(
    pairs: list[tuple[float, float]], one: float, two: float
) -> None:
    low, high = sorted((one, two))
    words, vectors = columns(pairs)
    before = {row: place for place, (row, _) in enumerate(fuse(words, vectors, low, len(pairs)))}
    after = {row: place for place, (row, _) in enumerate(fuse(words, vectors, high, len(pairs)))}
    for a in before:
        for b in before:
            if vectors[a] > vectors[b] and words[a] != words[b] and before[a] < before[b]:
                gap = normalise(words)[a] - normalise(words)[b]
                rise = normalise(vectors)[a] - normalise(vectors)[b]
                # Within rounding of a draw either order is right.
                if (1 - high) * gap + high * rise > 1e-9:
                    assert after[a] < after[b]


@given(PAIRS, ALPHA)
def test_better_in_both_is_better(pairs: list[tuple[float, float]], alpha: float) -> None:
    words, vectors = columns(pairs)
    place = {row: n for n, (row, _) in enumerate(fuse(words, vectors, alpha, len(pairs)))}
    for a in place:
        for b in place:
            if words[a] > words[b] and vectors[a] > vectors[b]:
                assert place[a] < place[b]


def test_equal_scores_go_by_row() -> None:
    same = np.ones(5)
    assert [row for row, _ in fuse(same, same, 0.5, 3)] == [0, 1, 2]


def test_nothing_in_nothing_out() -> None:
    assert fuse(np.zeros(0), np.zeros(0), 0.5, 5) == []
