"""An index is measured by questions whose places are known, and misses count as misses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from goldsmith.errors import UserError
from goldsmith.evaluation import (
    Question,
    evaluate_answers,
    evaluate_retrieval,
    known_item_questions,
    read_questions,
)
from goldsmith.evaluation.questions import relevant_rows
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import EvaluateSettings, IndexSettings
from goldsmith.retrieval import Answer, Index, Sentence, build_index

PASSAGES = [
    ("a.pdf", 3, "The reference cell delivers one hundred and twelve watts at noon in June."),
    ("a.pdf", 4, "Its casing is made of brushed aluminium and weighs nine kilograms in all."),
    ("b.pdf", 1, "Rainfall in the valley reaches eight hundred millimetres in a wet year."),
]
FAST = EvaluateSettings(resamples=50)


def tables() -> tuple[pa.Table, pa.Table]:
    chunks = [
        {
            "id": content_id("chunk", order),
            "document": content_id("document", uri),
            "order": order,
            "heading_path": [],
            "text": text,
            "spans": [
                {"at": 0, "length": len(text), "line": "l", "page": page, "x0": 1, "y0": 1,
                 "x1": 2, "y1": 2}
            ],
        }
        for order, (uri, page, text) in enumerate(PASSAGES)
    ]  # fmt: skip
    documents = [
        {"id": content_id("document", uri), "uri": f"papers/{uri}", "pages": 9}
        for uri in ("a.pdf", "b.pdf")
    ]
    return (
        pa.Table.from_pylist(chunks, schema=SCHEMAS["chunks"]),
        pa.Table.from_pylist(documents, schema=SCHEMAS["documents"]),
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("grounding") / "index"
    build_index(*tables(), IndexSettings(embedder="tfidf"), folder, "key")
    return Index.open(folder)


QUESTIONS = [
    Question("q1", "How many watts at noon?", "112", PASSAGES[0][2], "a.pdf", 3),
    Question("q2", "What is the casing made of?", "aluminium", PASSAGES[1][2], "a.pdf", 4),
    Question("q3", "How much rain falls?", "800 mm", "This text is nowhere in it.", "b.pdf", 1),
    Question("q4", "Who owns the valley?", answerable=False),
]


def given(question: str, *places: tuple[str, int]) -> Answer:
    sentences = tuple(Sentence("s", "c", "d", uri, page, (), 0.9) for uri, page in places)
    return Answer(question, sentences, not places, "" if places else "no", 0.9, "aluminium", ())


def test_answers_are_counted_as_they_are(index: Index) -> None:
    replies = {
        QUESTIONS[0].question: given("", ("papers/a.pdf", 3), ("papers/a.pdf", 4)),
        QUESTIONS[1].question: given("", ("papers/a.pdf", 4)),
        QUESTIONS[2].question: given(""),
        QUESTIONS[3].question: given("", ("papers/b.pdf", 1)),
    }
    scores, rows = evaluate_answers(index, QUESTIONS, evaluate=FAST, ask=replies.__getitem__)
    found = {score.name: (score.value, score.n) for score in scores}
    assert found["citation_page_precision"] == (pytest.approx(2 / 3), 2)
    assert found["citation_page_precision_first"] == found["citation_page_precision"]
    assert found["citation_page_recall"] == (pytest.approx(2 / 3), 3)
    assert found["answerable_refused"] == (pytest.approx(1 / 3), 3)
    assert found["unanswerable_refused"] == (0.0, 1)
    assert found["exact_match"] == (pytest.approx(1 / 3), 3)
    assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]


def test_another_place_makes_a_citation_right_and_only_that(index: Index) -> None:
    alone = replace(QUESTIONS[0], pages=(3,))
    widened = replace(alone, also=(("b.pdf", 1), ("b.pdf", 2)))
    assert widened.places == {("a.pdf", 3), ("b.pdf", 1), ("b.pdf", 2)}
    assert widened.own_places == alone.places == {("a.pdf", 3)}
    assert relevant_rows(index, widened) == relevant_rows(index, alone)

    def measured(question: Question, *cited: tuple[str, int]) -> dict[str, float]:
        reply = given("", *cited)
        scores, _ = evaluate_answers(index, [question], evaluate=FAST, ask=lambda _: reply)
        return {score.name: score.value for score in scores}

    cited = (("papers/b.pdf", 1), ("papers/b.pdf", 9))
    before, after = measured(alone, *cited), measured(widened, *cited)
    assert before["citation_page_precision"] == before["citation_page_recall"] == 0.0
    assert after["citation_page_precision"] == 0.5
    assert after["citation_page_recall"] == 1.0
    assert after["citation_page_precision_first"] == 0.0
    for name in ("hit_rate_5", "citation_page_precision_first", "exact_match", "f1"):
        assert before[name] == after[name]
    own = measured(widened, ("papers/a.pdf", 3))
    assert own["citation_page_precision"] == own["citation_page_precision_first"] == 1.0
    assert own["citation_page_recall"] == 1.0


def test_other_places_are_read(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    row = {"id": "1", "question": "Why?", "passage": "p", "document": "d.pdf", "page": 2}
    others = [
        {"document": "d.pdf", "passage": "q", "pages": [4, 5]},
        {"document": "e.pdf", "pages": [1]},
    ]
    path.write_text(json.dumps(row) + "\n" + json.dumps(row | {"id": "2", "also": others}))
    without, having = read_questions(path)
    assert without.also == ()
    assert having.also == (("d.pdf", 4), ("d.pdf", 5), ("e.pdf", 1))
    assert having.places == {("d.pdf", 2), *having.also}


def test_a_lost_passage_is_a_miss(index: Index) -> None:
    scores, rows = evaluate_retrieval(index, QUESTIONS, FAST)
    found = {score.name: score for score in scores}
    assert found["hit_rate_5"].value == found["passage_indexed"].value == pytest.approx(2 / 3)
    assert found["hit_rate_5"].n == 3
    assert [row["passage_indexed"] for row in rows] == [1.0, 1.0, 0.0]


def test_relevance_is_strict_about_document_and_text(index: Index) -> None:
    [row] = relevant_rows(index, QUESTIONS[0])
    assert "watts" in index.chunks[row]["text"]
    assert relevant_rows(index, replace(QUESTIONS[0], document="b.pdf")) == []
    half = "delivers one hundred and twelve watts at"
    assert relevant_rows(index, replace(QUESTIONS[0], passage=half)) == [row]
    assert relevant_rows(index, replace(QUESTIONS[0], passage="one hundred watts at dawn")) == []


def test_known_items_are_found_again_and_say_what_they_are(index: Index) -> None:
    chunks, documents = tables()
    made = known_item_questions(chunks, documents, count=3, seed=1)
    assert made == known_item_questions(chunks, documents, count=3, seed=1)
    assert len(made) == 3
    assert {(each.document, each.page) for each in made} == {
        ("papers/a.pdf", 3),
        ("papers/a.pdf", 4),
        ("papers/b.pdf", 1),
    }
    scores, _ = evaluate_retrieval(index, made, FAST)
    assert scores[0].value == 1.0
    assert scores[0].signature.startswith("set:known-item|")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    good = {"id": "1", "question": "Why?", "passage": "p", "document": "d", "split": "train"}
    path.write_text(json.dumps(good) + "\n\n" + json.dumps({"id": "2", "answerable": False}))
    with pytest.raises(UserError, match=r"questions\.jsonl line 3"):
        read_questions(path)
    path.write_text(json.dumps(good))
    assert [each.id for each in read_questions(path, "train")] == ["1"]
    assert read_questions(path, "evaluate") == []
    path.write_text(json.dumps({"id": "1", "question": "Why?"}))
    with pytest.raises(UserError, match="needs 'passage'"):
        read_questions(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")


def test_no_questions_is_said(index: Index) -> None:
    with pytest.raises(UserError, match="no questions"):
        evaluate_retrieval(index, [])
    with pytest.raises(UserError, match="id 'q1'"):
        evaluate_answers(index, [QUESTIONS[0], QUESTIONS[0]])
