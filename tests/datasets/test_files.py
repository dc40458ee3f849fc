import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.datasets import (
    Preference,
    given_examples,
    read_evaluation,
    read_examples,
    read_preferences,
    read_questions,
    strict,
    write_instruction_files,
)
from goldsmith.errors import UserError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import DatasetSettings

DEFAULT = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("GOLDSMITH_TEST_DATA", DEFAULT)) / "instructions"
TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


def data(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no instructions/{name} below GOLDSMITH_TEST_DATA")
    return path


@given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["train", "validation"])), max_size=5))
def test_what_is_written_is_read_again_in_both_formats(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("files") / "f"
    talks = {"train": [], "validation": []}
    examples = []
    for number, (asked, answer, split) in enumerate(rows):
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        talks[split].append(turns)
        empty = dict.fromkeys(SCHEMAS["examples"].names)
        examples.append(empty | {"id": f"x-{number}", "messages": turns, "split": split})
    table = pa.Table.from_pylist(examples, schema=SCHEMAS["examples"])
    write_instruction_files(table, folder, "key")
    for split, wanted in talks.items():
        for ending in ("messages.jsonl", "alpaca.json"):
            assert read_examples(folder / f"{split}.{ending}") == (wanted, [])


U, A, B = (
    {"role": r, "content": c} for r, c in (("user", "q"), ("assistant", "a"), ("assistant", "b"))
)


def test_turns_and_systems_survive_alpaca(tmp_path):
    turns = [{"role": "system", "content": "s"}, U, A, {"role": "user", "content": "q2"}, B]
    rows = given_examples([turns, turns], "mine.json", DatasetSettings(validation=0.0), 0)
    table = pa.Table.from_pylist(rows, schema=SCHEMAS["examples"])
    write_instruction_files(table, tmp_path / "f", "key")
    for ending in ("messages.jsonl", "alpaca.json"):
        assert read_examples(tmp_path / "f" / f"train.{ending}") == ([turns], [])
    assert rows[0]["generator"] == "mine.json"


GOOD = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
BAD = [
    ("[1", "is not JSON"),
    ("[1]", "is not an object"),
    ('{"text": "x"}', "neither messages"),
    ('{"messages": []}', "no turns"),
    ('{"messages": [{"role": "user", "content": "q"}]}', "does not end with an answer"),
    ('{"messages": [{"role": "robot", "content": "q"}]}', "unknown role 'robot'"),
    ('{"messages": [{"role": "user"}]}', "a turn has no text"),
    ('{"conversations": [{"from": "gpt", "value": "a"}]}', "do not take turns"),
    ('{"conversations": [{"from": "human", "value": " "}]}', "an empty user turn"),
    ('{"instruction": "q", "output": ""}', "an empty instruction or output"),
    ('{"instruction": "q", "output": 3}', "is not text"),
    ('{"instruction": "q", "output": "\\ud800"}', "lone surrogate"),
    ('{"instruction": "q", "output": "a", "history": [["x"]]}', "not pairs"),
]


@pytest.mark.parametrize(("line", "why"), BAD)
def test_a_malformed_row_is_left_out_with_its_reason(tmp_path, line, why):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n{json.dumps(GOOD)}\n", "utf-8")
    good, [(number, reason)] = read_examples(path)
    assert good == [GOOD["messages"]] * 2
    assert number == 3
    assert why in reason


def test_systems_and_histories_are_kept(tmp_path):
    path = tmp_path / "rows.json"
    row = {"system": "s", "history": [["q1", "a1"]], "instruction": "q2", "input": "i"}
    path.write_text(json.dumps([row | {"output": "a2"}]))
    [talk], bad = read_examples(path)
    assert bad == []
    assert [turn["content"] for turn in talk] == ["s", "q1", "a1", "q2\n\ni", "a2"]
    assert [turn["role"] for turn in talk] == ["system", "user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("text", [None, "[1", "3", "[" * 100_000])
def test_a_file_that_is_none_is_named(tmp_path, text):
    path = tmp_path / "rows.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"rows\.json"):
        read_examples(path)


def test_a_public_alpaca_file_is_read_whole():
    good, bad = read_examples(data("alpaca_en_demo.json"))
    assert len(good) + len(bad) == 999
    assert all(reason == "an empty instruction or output" for _, reason in bad)
    assert len(good) >= 990
    assert good[0][0] == {"role": "user", "content": "Describe a process of making crepes."}


PROMPTS = [
    {"prompt": "q", "completion": "a"},
    {"prompt": [U], "completion": [A]},
    {"prompt": [U], "completion": "a"},
    {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
]
PAIRS = [
    {"prompt": "q", "chosen": "a", "rejected": "b"},
    {"prompt": [U], "chosen": [A], "rejected": [B]},
    {"chosen": [U, A], "rejected": [U, B]},
    {
        "conversations": [{"from": "human", "value": "q"}],
        "chosen": {"from": "gpt", "value": "a"},
        "rejected": {"from": "gpt", "value": "b"},
    },
]


@pytest.mark.parametrize("row", PROMPTS)
def test_every_way_to_write_a_conversation_says_the_same(tmp_path, row):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row]))
    assert strict(path, read_examples(path)) == [[U, A]]


def test_a_system_prompt_beside_sharegpt_turns_comes_first(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([PROMPTS[-1] | {"system": "s"}]))
    assert strict(path, read_examples(path)) == [[{"role": "system", "content": "s"}, U, A]]


@pytest.mark.parametrize("row", PAIRS)
def test_every_way_to_write_a_preference_says_the_same(tmp_path, row):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row]))
    assert strict(path, read_preferences(path)) == [Preference([U], "a", "b")]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"prompt": "q", "chosen": "a"}, "has no chosen and rejected"),
        ({"chosen": [U, A], "rejected": [{**U, "content": "x"}, B]}, "do not answer the same"),
        ({"prompt": "q", "chosen": "a", "rejected": "a"}, "are the same"),
        ({"prompt": "q", "chosen": " ", "rejected": "a"}, "an empty assistant turn"),
        ({"prompt": [U, A], "chosen": "a", "rejected": "b"}, "do not take turns"),
        (3, "is not an object"),
    ],
)
def test_a_malformed_preference_names_file_and_row(tmp_path, row, why):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(PAIRS[0])}\n{json.dumps(row)}\n{json.dumps(row)}\n")
    with pytest.raises(UserError, match=r"rows\.jsonl row 2: .*1 more row") as caught:
        strict(path, read_preferences(path))
    assert why in str(caught.value)


def test_public_preferences_are_read():
    good, bad = read_preferences(data("dpo_en_demo.json"))
    assert len(good) + len(bad) == 300
    assert len(good) >= 290
    assert good[0].prompt[0]["content"].startswith("Hi! I'd like to create a new language game")


def test_preference_pairs_are_no_answers_and_are_left_out():
    path = data("dpo_en_demo.json")
    good, bad = read_examples(path)
    assert (len(good), len(bad)) == (0, 300)
    assert {reason for _, reason in bad} == {"does not end with an answer"}


QUESTION = {"id": "1", "question": "Why?", "answerable": False, "split": "train"}


def test_questions_are_read_with_every_field(tmp_path):
    path = tmp_path / "q.jsonl"
    strange = "Why\u2028now\x85?"
    path.write_text(json.dumps(QUESTION | {"question": strange}, ensure_ascii=False), "utf-8")
    [row] = read_questions(path)
    assert row["question"] == strange
    assert row["passage"] is row["also"] is None
    also = [{"document": "a.pdf", "passage": "p", "pages": [1, 2]}]
    path.write_text(json.dumps(QUESTION | {"also": also}), "utf-8")
    assert read_questions(path)[0]["also"] == also


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"split": "test"}, "'split' is 'test'"),
        ({"id": 3}, "'id' is 3"),
        ({"answerable": True}, "needs 'passage' and 'document'"),
        ({"also": "a.pdf"}, "'also' is 'a.pdf'"),
        ({"also": ["a.pdf"]}, "'also' has 'a.pdf'"),
        ({"also": [{"pages": [1]}]}, "give each other place a 'document'"),
        ({"also": [{"document": "a.pdf", "pages": []}]}, "and its 'pages'"),
        ({"also": [{"document": "a.pdf", "pages": [0]}]}, "and its 'pages'"),
        ({"also": [{"document": "a.pdf", "pages": [1], "passage": 3}]}, "'also' has"),
    ],
)
def test_a_bad_question_names_its_line(tmp_path, change, why):
    path = tmp_path / "q.jsonl"
    path.write_text(f"\n{json.dumps(QUESTION | change)}\n")
    with pytest.raises(UserError, match=r"q\.jsonl line 2") as caught:
        read_questions(path)
    assert why in str(caught.value)
    path.write_text(f"{json.dumps(QUESTION)}\n{json.dumps(QUESTION)}\n")
    with pytest.raises(UserError, match="two questions have the id '1'"):
        read_questions(path)


def test_evaluation_sets_are_read_by_what_they_ask(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n\n{"task_id": 1, "prompt": "p"}\n')
    assert read_evaluation(path) == ["q", "p"]
    path.write_text('{"question": "q"}\n{"answer": "a"}\n')
    with pytest.raises(UserError, match=r"e\.jsonl line 2: has none of question"):
        read_evaluation(path)
    path.write_text("{")
    with pytest.raises(UserError, match=r"e\.jsonl line 1: is not JSON"):
        read_evaluation(path)
