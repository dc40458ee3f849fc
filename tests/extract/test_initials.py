"""Dropped initials begin the first of the lines beside them; what only stands near stays apart."""

from __future__ import annotations

import pypdfium2
import pytest
from conftest import Extract, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from written import pdf, text

from goldsmith.extract.files import PDF
from goldsmith.extract.pdf import read_pdf
from goldsmith.project import ExtractSettings

LINES = [
    "ver the past three decades increasing",
    "pressure from organisations and from the",
    "governments of many countries has grown",
    "and the companies were required to look at",
    "what their business does to all of society.",
]


def initial(letter: str, right: float, count: int = 3) -> tuple[str, float]:
    """A letter as high as so many lines of 12 points, and where the lines beside it begin."""
    size = (12 * (count - 1) + 7.2) / 0.72
    width = {"O": 0.778, "I": 0.278, "T": 0.611}[letter] * size
    return text([(40, 250 - 12 * (count - 1), letter)], size), 40 + width + right


def page(letter: str = "O", right: float = 1.0, count: int = 3, *, last: bool = False) -> bytes:
    drawn, x = initial(letter, right, count)
    words = [(x if n < count else 40, 250 - 12 * n, line) for n, line in enumerate(LINES)]
    body = text(words)
    return pdf("\n".join([body, drawn] if last else [drawn, body]))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("letter", ["O", "I", "T"])
def test_an_initial_begins_the_first_line(
    extract: Extract, letter: str, count: int, last: bool
) -> None:
    tables = extract(page(letter, 1.0, count, last=last), PDF)
    assert texts(tables) == [letter + LINES[0], *LINES[1:]]
    assert len(set(tables["lines"]["block"].to_pylist())) == 1
    assert set(tables["lines"]["size"].to_pylist()) == {10.0}


def test_a_letter_that_does_not_abut_stays_apart(extract: Extract) -> None:
    for right in (5.0, 12.0):
        lines = texts(extract(page(right=right), PDF))
        assert lines == ["O", *LINES]
    far = texts(extract(page(right=60.0), PDF))
    assert "Opressure" not in " ".join(far)
    assert sorted(" ".join(far).split()) == sorted(["O", *" ".join(LINES).split()])


def test_a_large_letter_beside_one_line_is_left_where_it_is(extract: Extract) -> None:
    drawn = text([(40, 250, "A")], 24) + "\n" + text([(57, 250, "nd so on")])
    assert texts(extract(pdf(drawn), PDF)) == ["And so on"]


@given(
    st.floats(20, 60),
    st.floats(30, 120),
    st.floats(150, 260),
    st.sampled_from("OIT"),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_no_word_is_made_that_the_page_does_not_say(
    size: float, x: float, y: float, letter: str, last: bool
) -> None:
    words = [(60, 250 - 12 * n, line) for n, line in enumerate(LINES)]
    parts = [text(words), text([(x, y, letter)], size)]
    content = pdf("\n".join(parts if last else parts[::-1]))
    lines = read_pdf(content, ExtractSettings(ocr="never")).lines
    found = " ".join(line.text for line in lines)
    assert sorted(found.replace(" ", "").replace("\t", "")) == sorted(
        (letter + "".join(LINES)).replace(" ", "")
    )
    with pypdfium2.PdfDocument(content) as document:
        said = document[0].get_textpage().get_text_range().split()
    for number, line in enumerate(LINES):
        word = letter + line.split()[0]
        if word in found.split() and word not in said:  # no line above stands beside the letter
            assert number == 0 or y + 0.72 * size < 250 - 12 * (number - 1) + 7
