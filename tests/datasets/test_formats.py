"""Files for other trainers are read back as they were, and have one shape a file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.datasets import (
    Preference,
    read_examples,
    read_preferences,
    strict,
    write_format,
    write_preferences,
)
from goldsmith.errors import UserError

FORMATS = ("alpaca", "sharegpt", "messages", "prompt_completion")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@st.composite
def conversations(draw):
    turns = [{"role": "system", "content": draw(TEXT)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns += [
            {"role": "user", "content": draw(TEXT)},
            {"role": "assistant", "content": draw(TEXT)},
        ]
    return turns


@given(st.lists(conversations(), max_size=4), st.sampled_from(FORMATS), st.booleans())
def test_what_is_written_is_read_back(tmp_path_factory, talks, form, by_line):
    path = tmp_path_factory.mktemp("f") / ("mine.jsonl" if by_line else "mine.json")
    write_format(path, form, talks, [{"id": f"e-{n}"} for n in range(len(talks))])
    assert strict(path, read_examples(path)) == talks
    text = path.read_text("utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line] if by_line else json.loads(text)
    assert [row["id"] for row in rows] == [f"e-{n}" for n in range(len(talks))]
    assert len({tuple((key, type(row[key])) for key in sorted(row)) for row in rows}) <= 1


@given(conversations(), TEXT)
def test_preferences_come_back(tmp_path_factory, talk, worse):
    path = tmp_path_factory.mktemp("p") / "pairs.jsonl"
    better = talk[-1]["content"]
    pairs = [Preference(talk[:-1], better, worse + better)]
    write_preferences(path, pairs)
    assert strict(path, read_preferences(path)) == pairs


def test_a_wrong_format_or_name_is_said(tmp_path):
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    with pytest.raises(UserError, match="alpaca, sharegpt, messages, prompt_completion, pref"):
        write_format(tmp_path / "a.json", "chatml", [talk])
    with pytest.raises(UserError, match=r"\.json or \.jsonl"):
        write_format(tmp_path / "a.csv", "messages", [talk])
    with pytest.raises(UserError, match="make it first"):
        write_format(tmp_path / "none" / "a.json", "messages", [talk])
    assert not list(tmp_path.iterdir())
