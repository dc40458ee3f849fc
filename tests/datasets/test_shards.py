import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_gold import chunk_table

from goldsmith.datasets import Shards, held_out, shards, write_shards
from goldsmith.errors import UserError
from goldsmith.project import DatasetSettings

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@st.composite
def golds(draw):
    sections = draw(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=9))
    return [
        [(text, draw(st.integers(0, len(text))) if place else 0) for place, text in enumerate(each)]
        for each in sections
    ]


def stream_of(made, split):
    """All tokens of a split, in the order of the rows, and their segments."""
    rows = [made._batch(split, [number]) for number in range(made.rows(split))]
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    tokens = np.concatenate([row.tokens[0] for row in rows])
    segments = np.concatenate([row.segments[0] for row in rows])
    return tokens[segments >= 0], segments[segments >= 0]


@given(sections=golds(), seed=st.integers(0, 3), share=st.sampled_from([0.0, 0.1, 0.5]))
@pytest.mark.parametrize("shard_tokens", [2**24, 7])
def test_every_token_once_and_every_chunk_found_again(
    tmp_path_factory, tokenizer, shard_tokens, sections, seed, share
):
    folder = tmp_path_factory.mktemp("shards") / "s"
    table = chunk_table(sections)
    settings = DatasetSettings(sequence=32, validation=share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_TOKENS", shard_tokens)
        places = write_shards(table, tokenizer, settings, folder, "key", seed).to_pylist()
        made = Shards(folder, 2, seed)
        found: dict[str, list[int]] = {}
        for place in places:
            tokens = made.read(place["shard"], place["start"], place["end"])
            found.setdefault(place["chunk"], []).extend(tokens)
        streams = {split: stream_of(made, split) for split in ("train", "validation")}
    split_of = {place["chunk"]: place["split"] for place in places}
    sides: dict[str, set[str]] = {}
    for row in table.to_pylist():
        own = row["text"][row["overlap"] :].strip()
        assert tokenizer.decode(found.get(row["id"], [])) == own
        if own:
            sides.setdefault(row["parent"], set()).add(split_of[row["id"]])
    assert all(len(side) == 1 for side in sides.values())
    tokens = np.concatenate([stream for stream, _ in streams.values()])
    assert (tokens == tokenizer.bos).sum() == (tokens == tokenizer.eos).sum() == len(sections)
    between = len(tokenizer.encode("\n\n")) * (table.num_rows - len(sections))
    assert len(tokens) == sum(map(len, found.values())) + 2 * len(sections) + between
    for stream, segments in streams.values():
        changes = np.flatnonzero(np.diff(segments)) + 1
        assert (stream[changes] == tokenizer.bos).all()
        assert (stream[changes - 1] == tokenizer.eos).all()


@given(sections=golds(), step=st.integers(0, 50), size=st.integers(1, 4))
def test_a_batch_is_a_function_of_its_step(tmp_path_factory, tokenizer, sections, step, size):
    folder = tmp_path_factory.mktemp("shards") / "s"
    settings = DatasetSettings(sequence=32, validation=0.0)
    write_shards(chunk_table(sections), tokenizer, settings, folder, "key", 1)
    one, other = Shards(folder, size, 5), Shards(folder, size, 5)
    for before in range(step % 3):
        other.batch(before)
    first, again = one.batch(step), other.batch(step)
    for name in ("tokens", "targets", "segments", "positions"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert getattr(first, name).shape == (size, 32)
    rows = one.rows("train")
    epoch = [tuple(one._batch("train", [n]).tokens[0]) for n in range(rows)]
    seen = [tuple(row) for n in range(rows) for row in one.batch(n).tokens]
    assert sorted(seen) == sorted(epoch * size), "after as many steps, each row came `size` times"


@given(sections=golds())
def test_each_token_but_the_first_of_a_section_is_a_target_once(
    tmp_path_factory, tokenizer, sections
):
    folder = tmp_path_factory.mktemp("shards") / "s"
    settings = DatasetSettings(sequence=32, validation=0.0)
    write_shards(chunk_table(sections), tokenizer, settings, folder, "key", 1)
    made = Shards(folder, 1, 0)
    stream, _ = stream_of(made, "train")
    batches = [made._batch("train", [number]) for number in range(made.rows("train"))]
    targets = np.concatenate([batch.targets[0] for batch in batches])
    assert targets[targets >= 0].tolist() == stream[stream != tokenizer.bos].tolist()
    for batch in batches:
        starts = np.flatnonzero(np.diff(batch.segments[0], prepend=-2))
        assert (batch.positions[0][starts] == 0).all()
        inside = np.setdiff1d(np.arange(32), starts)
        assert (batch.positions[0][inside] == batch.positions[0][inside - 1] + 1).all()


def test_the_same_gold_gives_the_same_bytes_and_another_seed_another_order(tmp_path, tokenizer):
    table = chunk_table([[(f"Section number {n} says something.", 0)] for n in range(12)])
    settings = DatasetSettings(sequence=32)
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        write_shards(table, tokenizer, settings, tmp_path / name, "key", seed)
    data = {
        name: {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()}
        for name in ("one", "two", "three")
    }
    assert data["one"] == data["two"]
    assert data["one"] != data["three"]


def test_nothing_to_write_and_nothing_to_read_are_said(tmp_path, tokenizer):
    with pytest.raises(UserError, match="goldsmith refine"):
        write_shards(chunk_table([]), tokenizer, DatasetSettings(), tmp_path / "s", "key", 0)
    with pytest.raises(UserError, match="goldsmith dataset"):
        Shards(tmp_path / "s", 2, 0)


@given(st.sets(st.text(max_size=8)), st.floats(0, 1), st.integers(0, 9), st.text(max_size=8))
def test_sections_keep_their_side_and_both_sides_have_some(names, share, seed, other):
    out = held_out(names, share, seed)
    assert out <= names
    assert out == held_out(sorted(names, reverse=True), share, seed)
    if share > 0 and len(names) > 1:
        assert 0 < len(out) < len(names)
    else:
        assert not out
    assert len(out ^ (held_out(names | {other}, share, seed) - {other})) <= 1
