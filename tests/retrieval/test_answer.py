"""Answers are the documents' own sentences with their pages, or a refusal that says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.project import AnswerSettings
from goldsmith.retrieval import Index, answer

SETTINGS = AnswerSettings()


@pytest.mark.parametrize(
    ("question", "part", "uri", "page", "span"),
    [
        ("How many eggs does the queen lay a day?", "2000 eggs", "bees.pdf", 1, "2000"),
        ("At how many degrees do workers keep the brood?", "35 degrees", "bees.pdf", 2, "35"),
        ("Who built the first pendulum clock?", "Huygens", "clocks.pdf", 1, "Christiaan Huygens"),
        ("When was the first pendulum clock built?", "1656", "clocks.pdf", 1, "1656"),
        ("How often does a quartz crystal vibrate?", "32768 times", "clocks.pdf", 4, "32768"),
    ],
)
def test_an_answer_cites_its_page(
    index: Index, question: str, part: str, uri: str, page: int, span: str
) -> None:
    given_answer = answer(index, question, SETTINGS)
    assert not given_answer.refused
    first = given_answer.sentences[0]
    assert part in first.text
    assert (first.uri, first.page) == (uri, page)
    assert {box.page for box in first.boxes} == {page}
    assert span in given_answer.span


@pytest.mark.parametrize(
    "question",
    [
        "What does a jar of heather honey cost in Norway?",
        "Who repaired the cathedral clock of Strasbourg?",
        "Which insecticide harms drones most?",
        "",
        "???",
    ],
)
def test_what_the_documents_do_not_say_is_refused(index: Index, question: str) -> None:
    given_answer = answer(index, question, SETTINGS)
    assert given_answer.refused
    assert given_answer.sentences == ()
    assert given_answer.reason


def test_a_refusal_names_what_is_missing(index: Index) -> None:
    assert "'Strasbourg'" in answer(index, "Who repaired the clock of Strasbourg?", SETTINGS).reason


@given(st.text(max_size=60))
def test_every_sentence_stands_in_its_chunk(index: Index, question: str) -> None:
    given_answer = answer(index, question, AnswerSettings(minimum_support=0.0))
    assert given_answer.refused == (not given_answer.sentences)
    assert len(given_answer.sentences) <= 3
    for sentence in given_answer.sentences:
        chunk = index.chunk(sentence.chunk)
        assert chunk is not None
        assert sentence.text in chunk["text"]
        assert 0 <= sentence.support <= 1
        assert sentence.boxes
    if given_answer.sentences:
        assert given_answer.span in given_answer.sentences[0].text


def test_the_setting_decides_what_is_refused(index: Index) -> None:
    question = "How many eggs does the queen lay a day?"
    assert answer(index, question, AnswerSettings(minimum_support=1.0)).refused
    support = answer(index, question, SETTINGS).support
    assert not answer(index, question, AnswerSettings(minimum_support=support)).refused
