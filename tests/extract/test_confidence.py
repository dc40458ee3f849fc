"""Stated probabilities follow the evidence, and stay probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.extract.confidence import FEATURES, evidence, probabilities
from goldsmith.extract.decipher import Cipher, Solution
from goldsmith.extract.glyphs import CHARACTERS, NUMBER

ONE = np.ones(1, np.float32)


def facts(**changed: float) -> np.ndarray:
    """A letter seen well in a page of prose, with some facts changed."""
    usual = {"constant": 1.0, "solver": 8.0, "look": -0.1, "occurrences": 3.0}
    row = usual | changed
    return np.array([[row[name] for name in FEATURES]], np.float32)


@pytest.mark.parametrize(
    "changed",
    [{"solver": 0.0}, {"look": -5.0}, {"occurrences": 0.0}],
    ids=["solver", "look", "occurrences"],
)
def test_worse_evidence_is_stated_as_less_sure(changed: dict[str, float]) -> None:
    stated, less = (probabilities(row, ONE)[0] for row in (facts(), facts(**changed)))
    assert less < stated - 1e-4
    assert stated > 0.98


def test_a_code_of_two_glyphs_is_right_for_one_of_them() -> None:
    assert probabilities(facts(), ONE * 0.6)[0] == pytest.approx(0.6, abs=0.01)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=4))
def test_probabilities_are_probabilities(row: list[float]) -> None:
    stated = probabilities(np.array([row], np.float32), ONE)
    assert ((stated >= 0) & (stated <= 1)).all()


def test_evidence_is_what_the_cipher_and_its_solution_say() -> None:
    looks = np.full((3, len(CHARACTERS)), -9.0, np.float32)
    looks[1, NUMBER["a"]], looks[1, NUMBER["o"]] = -0.5, -2.5
    looks[2] = 0.0
    cipher = Cipher(
        text=np.array([1, 0, 1, 2]),
        known=np.array([NUMBER[" "], -1, -1]),
        font=np.array([0, 1, 1]),
        code=np.array([32, 120, 121]),
        looks=looks,
    )
    solution = Solution(
        np.array([NUMBER[" "], NUMBER["a"], NUMBER["b"]]),
        np.array([1.0, 0.5, 1.0], np.float32),
        np.zeros(3, np.float32),
        {1: "glyphs"},
        {1: (-9.0, -2.0)},
    )
    found = evidence(cipher, solution, np.array([1, 2]))
    assert np.allclose(found, [[1, 0, -0.5, np.log(2)], [1, 8, -3, 0]], atol=1e-5)
    assert evidence(cipher, solution, np.zeros(0, np.int64)).shape == (0, len(FEATURES))
