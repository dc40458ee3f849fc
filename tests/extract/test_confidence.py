"""Stated probabilities follow the evidence, and stay probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.extract.confidence import FEATURES, evidence, probabilities
from goldsmith.extract.decipher import Cipher, Solution
from goldsmith.extract.glyphs import CHARACTERS, NUMBER


def facts(**changed: float) -> np.ndarray:
    """A letter seen well in a page of prose, with some facts changed."""
    usual = {
        "constant": 1.0,
        "solver": 8.0,
        "look": -0.1,
        "lead": 4.0,
        "no_picture": 0.0,
        "occurrences": 3.0,
        "length": 7.0,
        "language": -2.2,
        "named": 0.0,
    }
    row = {name.replace("_", " "): value for name, value in (usual | changed).items()}
    return np.array([[row[name] for name in FEATURES]], np.float32)


@pytest.mark.parametrize(
    "changed",
    [{"solver": 0.0}, {"look": -5.0, "lead": -4.0}, {"language": -6.0}],
    ids=["solver", "look", "language"],
)
def test_worse_evidence_is_stated_as_less_sure(changed: dict[str, float]) -> None:
    assert probabilities(facts(**changed))[0] < probabilities(facts())[0] - 1e-4
    assert probabilities(facts())[0] > 0.98


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=9, max_size=9))
def test_probabilities_are_probabilities(row: list[float]) -> None:
    stated = probabilities(np.array([row], np.float32))
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
        names=((1, NUMBER["a"], 24.0), (2, NUMBER["b"], 1.5)),
    )
    solution = Solution(
        np.array([NUMBER[" "], NUMBER["a"], NUMBER["b"]]),
        np.array([1.0, 0.5, 1.0], np.float32),
        np.zeros(3, np.float32),
        {1: "glyphs"},
        {1: (-9.0, -2.0)},
    )
    found = evidence(cipher, solution, np.array([1, 2]), 1)
    ln = np.log
    expected = [
        [1, 0, -0.5, 2.0, 0, ln(2), ln(3), -2, 1],
        [1, 8, 0, 0, 1, 0, ln(3), -2, 0],
    ]
    assert np.allclose(found, expected, atol=1e-5)
    assert evidence(cipher, solution, np.zeros(0, np.int64), 1).shape == (0, len(FEATURES))
