"""Sentences are ranges of the text: all of it but white space, once, in order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from goldsmith.retrieval.sentences import Box, places, sentence_ranges

TEXT = st.text(
    st.one_of(st.sampled_from("abc DE.!?\n\n\t|-12 é中😀…\"'"), st.characters(codec="utf-8")),
    max_size=200,
)


@given(TEXT)
def test_every_character_but_white_space_is_in_one_sentence(text: str) -> None:
    ranges = sentence_ranges(text)
    assert all(start < end for start, end in ranges)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))
    covered = set().union(*(range(*each) for each in ranges)) if ranges else set()
    left = [text[n] for n in range(len(text)) if n not in covered]
    assert not "".join(left).strip()


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    text = "Dr. Smith measured 3.14 metres, e.g. twice. Then he left."
    assert [text[a:b] for a, b in sentence_ranges(text)] == [
        "Dr. Smith measured 3.14 metres, e.g. twice.",
        "Then he left.",
    ]


def test_a_line_break_inside_a_paragraph_is_a_space() -> None:
    text = "One sentence that\nruns over two lines. And another."
    assert [text[a:b] for a, b in sentence_ranges(text)] == [
        "One sentence that\nruns over two lines.",
        "And another.",
    ]


def test_rows_and_items_stand_alone() -> None:
    text = "| a | b |\n| 1 | 2 |\n\n- first\n- second\n\nA paragraph."
    assert [text[a:b] for a, b in sentence_ranges(text)] == [
        "| a | b |",
        "| 1 | 2 |",
        "- first",
        "- second",
        "A paragraph.",
    ]


def span(at: int, length: int, page: int) -> dict[str, float]:
    return {"at": at, "length": length, "page": page, "x0": at, "y0": 0, "x1": at + 1, "y1": 9}


def test_a_sentence_is_on_the_page_that_holds_most_of_it() -> None:
    spans = [span(0, 10, 1), span(11, 20, 2), span(31, 5, 3)]
    page, boxes = places(spans, 5, 31)
    assert page == 2
    assert boxes == (Box(1, 0, 0, 1, 9), Box(2, 11, 0, 12, 9))
    assert places(spans, 0, 21) == (1, (Box(1, 0, 0, 1, 9), Box(2, 11, 0, 12, 9)))
    assert places(spans, 10, 11) == (0, ())
