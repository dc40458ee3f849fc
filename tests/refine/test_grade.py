"""The grade: sound text high, damaged text low, formulas no fault, and monotone in each score."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.project import RefineSettings
from goldsmith.refine.grade import PROPERTIES, disorder, grade, properties, tier

ENGLISH = (
    "The bridge was built in 1890 by a company from the north, and it has carried trains ever "
    "since. When the river rose in the spring of 1910, two of its piers were damaged; they were "
    "rebuilt within a year. Today it is the oldest bridge of its kind that is still in use."
)
GERMAN = (
    "Die Brücke wurde im Jahr 1890 von einer Firma aus dem Norden gebaut, und sie trägt bis heute "
    "Züge. Als der Fluss im Frühling 1910 stieg, wurden zwei ihrer Pfeiler beschädigt; sie wurden "
    "in einem Jahr wieder aufgebaut. Heute ist sie die älteste Brücke ihrer Art."
)
MATHS = (
    "Sei X ein topologischer Raum, a, b ∈ X, γ1, γ2 : I → X Wege von a nach b und H eine Homotopie "
    "zwischen γ1 und γ2. Dann gilt für alle t ∈ [0, 1] auch H(t, 0) = γ1(t), und er ist stetig."
)


def of(text: str, language: str = "en", **scores: float) -> float:
    return grade(text, "paragraph", {f"language:{language}": 1.0} | scores)


def test_sound_text_is_gold() -> None:
    settings = RefineSettings()
    for text, language in ((ENGLISH, "en"), (GERMAN, "de"), (MATHS, "de")):
        assert tier(of(text, language), settings) == "gold"


def test_damaged_text_is_less() -> None:
    rng = random.Random(0)
    words = ENGLISH.split()
    rng.shuffle(words)
    assert of(" ".join(words)) < 0.5 < of(ENGLISH)
    spaced = "".join(c + (" " if rng.random() < 0.4 else "") for c in ENGLISH)
    assert of(spaced) < 0.1
    assert of("Home | Contact Us | Log In | Site Map | " * 6) < 0.3
    assert of(ENGLISH, gibberish=0.95) < 0.1
    assert of(ENGLISH, repetition=0.9) < 0.1


@given(st.sampled_from(["gibberish", "repetition"]), st.floats(0, 1), st.floats(0, 1))
def test_no_fault_raises_the_grade(name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert of(ENGLISH, **{name: low}) >= of(ENGLISH, **{name: high})


@given(st.text(max_size=300), st.sampled_from(["paragraph", "list", "table", "heading", "code"]))
def test_any_text_has_a_grade(text: str, kind: str) -> None:
    assert 0.0 <= grade(text, kind, {}) <= 1.0
    assert len(properties(text, {})) == len(PROPERTIES)


def test_a_short_text_is_not_judged() -> None:
    assert of("zq xv | ## 17") == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a | b\nc | d\ne | f", 1.0), ("a | b\nc\ne | f\ng | h", 0.75), ("a", 1.0)],
)
def test_a_table_is_judged_by_its_rows(text: str, expected: float) -> None:
    assert grade(text, "table", {}) == expected


def test_order_is_told_by_function_words() -> None:
    words = ENGLISH.lower().replace(",", "").replace(".", "").split()
    assert disorder(words, "en") < disorder(sorted(words), "en")
    assert disorder(words, "fi") == 0.0


def test_tiers_follow_the_settings() -> None:
    settings = RefineSettings(minimum_grade=0.3, gold_grade=0.8)
    assert [tier(value, settings) for value in (0.29, 0.3, 0.79, 0.8)] == [
        "bronze",
        "silver",
        "silver",
        "gold",
    ]
