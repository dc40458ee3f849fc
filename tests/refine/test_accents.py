"""Accents beside their letters, and what looks like them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.refine.accents import accent_edits


def mended(text: str) -> str:
    for edit in reversed(accent_edits(text)):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M¨obius", "Möbius"), ("R¨as¨anen", "Räsänen"), ("C´el´erier", "Célérier"),
        ("Garc´ıa-Bellido", "García-Bellido"), ("Lemaˆıtre–T", "Lemaître–T"),
        ("Pleba´nski", "Plebański"), ("Ha ¨ggblom", "Häggblom"), ("Schro ¨der", "Schröder"),
        ("Rodrı ´guez", "Rodríguez"), ("cafe´ and", "café and"), ("M ¨obius", "Möbius"),
        ("na¨ıve", "naïve"), ("´Ecole", "École"), ("fran¸cais", "français"), ("Erd˝os", "Erdős"),
        ("donne ´es e ´pide ´mie", "données épidémie"), ("Dvoˇr´ak", "Dvořák"),
        ("Mu˜noz", "Muñoz"), ("Poincar´e’s", "Poincaré’s"), ("Universit´e de", "Université de"),
    ],
)  # fmt: skip
def test_an_accent_joins_its_letter(text: str, expected: str) -> None:
    assert mended(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "don´t it´s we´re", "l´eau d´abord", "xˆi, Pˆ. P", "R˙ and dR˜", "37˚C", "3´-end", "˜1.0",
        "the matrix ˆd of", "(¨a> 0)", "the ˆx is", "prey´s (cyto", "where ˙x is", "plain text",
    ],
)  # fmt: skip
def test_an_apostrophe_a_degree_and_a_formula_stay(text: str) -> None:
    assert mended(text) == text


@given(st.text(alphabet="aeon ıMtxs´¨ˆ˜˚ˇ¸.,1", max_size=30))
def test_edits_are_in_order_and_apart(text: str) -> None:
    edits = accent_edits(text)
    assert all(0 <= edit.start < edit.end <= len(text) for edit in edits)
    assert all(one.end <= other.start for one, other in pairwise(edits))
    assert all(len(edit.replacement) == 1 for edit in edits)
