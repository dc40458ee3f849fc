"""Character damage from the text alone; loss and order against another extraction."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.refine import character_damage, extraction_quality
from goldsmith.refine.agreement import (
    common_subsequence,
    coverage,
    in_order,
    marked,
    similarity,
)
from goldsmith.refine.quality import loss, order

PAGE = """The museum keeps its older maps in the basement, where the air is dry and cool. Visitors
who want to see them write a letter first, and a member of the staff brings the sheets to a table
near the window. Most of the collection was given by a family of merchants from Lübeck, whose ships
went to Riga and Novgorod until the war. In 1843 the first catalogue was printed; it lists 412
sheets.

| Year | Sheets |
|------|--------|
| 1843 | 412 |
| 1901 | 1,260 |

Dr. Ekaterina Wiśniewska (Gdańsk) has shown that at least nine of them were copied from Dutch
originals. Her method compares the paper (thickness 0.12 mm, chain lines every 25 mm) with dated
letters of the same years, and it works even where no signature is left.
"""


def harmed(text: str, rate: float, seed: int = 1) -> str:
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(
        draw.choice(letters) if c.isalpha() and draw.random() < rate else c for c in text
    )


def test_damage_grows_with_the_rate_and_is_near_it() -> None:
    rates = (0.0, 0.02, 0.05, 0.1, 0.2)
    found = [character_damage(harmed(PAGE, rate)) for rate in rates]
    assert all(value is not None for value in found)
    assert found == sorted(found)
    assert found[0] < 0.006
    assert 0.02 < found[2] < 0.1
    assert found[4] > 0.12


def test_lost_and_added_spaces_are_damage() -> None:
    sound = character_damage(PAGE)
    draw = random.Random(3)
    glued = "".join("" if c == " " and draw.random() < 0.2 else c for c in PAGE)
    parted = "".join(c + " " if c.isalpha() and draw.random() < 0.05 else c for c in PAGE)
    assert character_damage(glued) > 4 * sound
    assert character_damage(parted) > 4 * sound


@pytest.mark.parametrize(
    "text",
    [
        "ACM SIGIR, IEEE TKDE, NeurIPS, ICML, CBRN, DPICC, FAAD, BMDS and C2BMC " * 4,
        "$$x_{i+1} = \\alpha x_i + \\beta \\sum_j w_{ij} y_j$$ where $w_{ij}$ is the weight. " * 4,
        "| 12.5 | 13.7 | 0.4 | 88 | 1,204 |\n" * 12,
        "Kowalczyk, Nguyen, Østergaard and Papadopoulos met Mkrtchyan in Ljubljana. Kowalczyk and "
        "Papadopoulos wrote to Nguyen; Mkrtchyan and Østergaard went home to Ljubljana. " * 2,
    ],
)
def test_names_formulas_and_tables_are_no_damage(text: str) -> None:
    assert character_damage(text) < 0.02


def test_a_short_text_says_nothing() -> None:
    assert character_damage("Introduction") is None
    assert character_damage("") is None


def test_loss_and_order_of_the_same_text_are_small_and_grow() -> None:
    whole = extraction_quality(PAGE, [PAGE, PAGE])
    half = PAGE[: len(PAGE) // 2]
    lines = PAGE.split("\n\n")
    turned = "\n\n".join(lines[::-1])
    assert whole.loss < loss(half, [PAGE, PAGE])
    assert loss(half, [PAGE, PAGE]) > 0.2
    assert order(turned, [PAGE, PAGE]) < order(PAGE, [PAGE, PAGE])
    assert extraction_quality(half, [PAGE]).similarity < whole.similarity
    for value in whole:
        assert 0.0 <= value <= 1.0


def test_without_another_extraction_there_is_no_loss() -> None:
    with pytest.raises(ValueError, match="at least one"):
        extraction_quality(PAGE, [])


def plain_common(first: str, second: str) -> int:
    row = [0] * (len(second) + 1)
    for a in first:
        before = 0
        for at, b in enumerate(second, 1):
            before, row[at] = row[at], before + 1 if a == b else max(row[at], row[at - 1])
    return row[-1]


@given(st.text("abc", max_size=40), st.text("abc", max_size=40))
def test_common_subsequence_is_the_longest(first: str, second: str) -> None:
    assert common_subsequence(first, second) == plain_common(first, second)
    assert similarity(first, second) == similarity(second, first)


def test_coverage_and_order() -> None:
    ours = ["one", "two", "three", "four", "five", "six"]
    theirs = [*ours[3:], *ours[:3]]
    assert coverage(ours, theirs) == (1.0, 1.0)
    assert coverage(ours[:3], theirs)[0] == 1.0
    assert in_order(ours, ours) == 1.0
    assert in_order(ours, theirs) == 0.5
    assert marked("| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd") == (
        "<table> <tr> <td> a </td> <td> b </td> </tr> "
        "<tr> <td> 1 </td> <td> 2 </td> </tr> </table> End"
    )
