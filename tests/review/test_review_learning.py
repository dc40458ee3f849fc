import json

import numpy as np
import pyarrow as pa
import pytest
from made import made_lake

from goldsmith.errors import GoldsmithError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline import is_current
from goldsmith.project import RefineSettings
from goldsmith.refine import Cut
from goldsmith.review import WEIGHTS, Judge, Label, Session, learn, open_pool, read_decision
from goldsmith.review.candidates import choose_active, choose_random
from goldsmith.review.classifier import read_classifier


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_lake(tmp_path_factory.mktemp("review") / "lake")


@pytest.fixture(scope="module")
def pool(made):
    return open_pool(made[0], RefineSettings(), seed=0)


def ask(pool, garbage, count, seed=0, wrong=()):
    """Let the truth answer a session's questions."""
    session, labels = Session(pool, {}, seed), {}
    while len(labels) < count:
        question = session.next()
        subject = question.passage["id"]
        answer = "garbage" if (subject in garbage) != (subject in wrong) else "good"
        session.note(question, answer)
        labels[subject] = Label(subject, answer, "truth", question.arm, len(labels))
    return labels


@pytest.fixture(scope="module")
def labels(made, pool):
    return ask(pool, made[1], 140)


def test_what_the_heuristic_cannot_see_is_learned_and_takes_its_place(made, pool, labels, tmp_path):
    learned = learn(pool, labels, 0.5, seed=0, folder=tmp_path / "review", key="one")
    decision = learned.decision
    assert decision.f1_heuristic == 0.0
    assert decision.f1_classifier > 0.9
    assert decision.accepted
    assert decision.p < 0.05
    drawn = [label.subject for label in labels.values() if label.arm == "random"]
    assert len(drawn) == 56
    assert 56 <= decision.random < 100
    assert read_decision(tmp_path / "review") == decision
    assert is_current(tmp_path / "review", "one")
    every = learned.classifier.garbage(
        [row["text"] for row in pool.passages], [{} for _ in pool.passages]
    )
    said = {row["id"] for row, p in zip(pool.passages, every, strict=True) if p > 0.5}
    assert len(said ^ made[1]) < 0.05 * len(pool)


def test_labels_by_chance_alone_leave_the_heuristic_in_its_place(pool, labels):
    answers = np.random.default_rng(1).permutation([label.answer for label in labels.values()])
    mixed = {
        name: Label(name, str(answer), label.who, label.arm, label.order)
        for answer, (name, label) in zip(answers, labels.items(), strict=True)
    }
    decision = learn(pool, mixed, 0.5, seed=0).decision
    assert not decision.accepted
    assert "not shown to be better" in decision.reason


def test_too_few_labels_are_no_test(pool, made):
    decision = learn(pool, ask(pool, made[1], 40), 0.5, seed=0).decision
    assert not decision.accepted
    assert decision.f1_heuristic is None
    assert decision.reason.startswith("too few labels to test it: ")


def test_the_curve_has_both_arms_and_their_own_numbers_of_labels(pool, labels):
    curve = learn(pool, labels, 0.5, seed=0).decision.curve
    ends = {arm: max(p.labels for p in curve if p.arm == arm) for arm in ("active", "random")}
    assert ends["active"] == 84
    assert 56 <= ends["random"] < 100
    assert all(0 <= point.f1 <= 1 for point in curve)


def test_the_same_labels_give_the_same_bytes(pool, labels, tmp_path):
    for name in ("a", "b"):
        learn(pool, labels, 0.5, seed=0, folder=tmp_path / name, key="k")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()
    first, second = (json.loads((tmp_path / n / "decision.json").read_text()) for n in "ab")
    assert first == second


def test_scores_are_stored_only_with_a_classifier_and_then_decide(made, pool, labels, tmp_path):
    lake, garbage = made
    learn(pool, labels, 0.5, seed=0, folder=tmp_path, key="k")
    tables = {name: lake.read(name) for name in ("passages", "scores:screen")}
    assert Judge().run(tables)["scores"].num_rows == 0
    scores = Judge("digest", str(tmp_path / WEIGHTS)).run(tables)["scores"]
    assert scores.schema == SCHEMAS["scores"]
    assert set(scores["name"].to_pylist()) == {"garbage"}
    both = {
        "passages": tables["passages"],
        "scores": pa.concat_tables([tables["scores:screen"], scores]),
    }
    rejects = Cut(RefineSettings()).run(both)["rejects"].to_pylist()
    assert {row["rule"] for row in rejects} == {"garbage"}
    assert len({row["subject"] for row in rejects} ^ garbage) < 0.05 * len(pool)
    undone = Cut(RefineSettings(garbage="heuristic")).run(both)["rejects"]
    assert undone.num_rows == 0


def test_where_the_weights_lie_is_no_part_of_the_fingerprint():
    from goldsmith.pipeline.run import stage_key

    assert stage_key(Judge("d", "/a"), {}) == stage_key(Judge("d", "/b"), {})
    assert stage_key(Judge("d", "/a"), {}) != stage_key(Judge("e", "/a"), {})


def test_a_damaged_classifier_is_named(tmp_path):
    path = tmp_path / WEIGHTS
    path.write_bytes(b"PK not really")
    with pytest.raises(GoldsmithError, match="goldsmith label --fit"):
        read_classifier(path)


def test_a_sitting_that_was_broken_off_goes_on_as_it_would_have(pool, made):
    whole = list(ask(pool, made[1], 30))
    first = ask(pool, made[1], 20)
    session, rest = Session(pool, first, 0), []
    for _ in range(10):
        question = session.next()
        rest.append(question.passage["id"])
        answer = "garbage" if question.passage["id"] in made[1] else "good"
        session.note(question, answer)
    assert [*first, *rest] == whole


def test_an_answer_taken_back_is_asked_again_and_nothing_else_is_asked_twice(pool):
    session, seen = Session(pool, {}, 1), []
    for number in range(25):
        question = session.next()
        assert question.passage["id"] not in seen
        seen.append(question.passage["id"])
        session.note(question, "skip")
        if number == 12:
            session.undo(question)
            assert session.next() == question
            session.note(question, "good")
    assert session.asked == 25


def test_a_pool_can_be_asked_to_its_end(pool):
    session, count = Session(pool, {}, 0), 0
    while (question := session.next()) is not None:
        session.note(question, "skip")
        count += 1
    assert count == len(pool)


def test_no_passage_is_chosen_twice_and_the_same_seed_chooses_the_same(pool):
    asked = np.array([0, 5, 9])
    for chances in (None, np.linspace(0, 1, len(pool))):
        chosen = [
            choose_active(pool.rows, chances, asked, 12, np.random.default_rng(4)) for _ in range(2)
        ]
        assert chosen[0] == chosen[1]
        assert len({*chosen[0], 0, 5, 9}) == 15
    drawn = choose_random(pool.chance, asked, 12)
    assert len({*drawn, 0, 5, 9}) == 15
    order = np.argsort(pool.chance)
    assert drawn == [index for index in order.tolist() if index not in (0, 5, 9)][:12]


def test_what_judges_is_a_uniform_sample_whatever_the_active_arm_took(pool, made):
    """Of all passages up to where chance has come, none is missing and none is beyond."""
    labels = ask(pool, made[1], 140)
    place = dict(zip((row["id"] for row in pool.passages), pool.chance.tolist(), strict=True))
    last = max(place[label.subject] for label in labels.values() if label.arm == "random")
    reached = {subject for subject, number in place.items() if number <= last}
    assert reached <= set(labels)
    assert learn(pool, labels, 0.5, seed=0).decision.random == len(reached)


def test_a_large_corpus_is_represented_by_the_first_by_chance(made, pool, monkeypatch):
    from goldsmith.review import pool as module

    monkeypatch.setattr(module, "_LARGEST", 50)
    beyond = pool.passages[int(np.argmax(pool.chance))]["id"]
    small = open_pool(made[0], RefineSettings(), seed=0, labelled=[beyond])
    expected = {pool.passages[int(index)]["id"] for index in np.argsort(pool.chance)[:50]}
    assert {row["id"] for row in small.passages} == expected | {beyond}
