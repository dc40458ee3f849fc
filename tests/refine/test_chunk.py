"""Chunks hold whole sentences, and together exactly the passages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.errors import ModelError
from goldsmith.project import RefineSettings, TokenizerSettings
from goldsmith.refine import Chunk, count_tokens
from goldsmith.refine.segments import reject_passage
from goldsmith.refine.sentences import counter, pieces
from goldsmith.tokenizers import load, train

from .made import empty, passage, passages_table


def chunks(
    rows: list[dict[str, Any]], tokens: int = 32, overlap: int = 10, cut: pa.Table | None = None
) -> list[dict[str, Any]]:
    chosen = RefineSettings(chunk_tokens=tokens, chunk_overlap=overlap)
    tables = {
        "passages": passages_table(rows),
        "rejects:cut": empty("rejects") if cut is None else cut,
        "rejects:deduplicate": empty("rejects"),
    }
    return Chunk(chosen).run(tables)["chunks"].to_pylist()


WORDS = st.lists(
    st.sampled_from(["The", "road", "e.g.", "3.5", "Dr.", "was", "closed.", "Why?", "𝑥", "und"]),
    min_size=1,
    max_size=60,
).map(" ".join)
KINDS = st.sampled_from(["paragraph", "paragraph", "list", "table", "equation", "heading", "code"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WORDS, KINDS, st.integers(1, 4)), max_size=8), st.integers(0, 30))
def test_chunks_are_the_passages(given_rows: list[tuple[str, str, int]], overlap: int) -> None:
    rows = [
        passage(text, order, kind=kind, level=level if kind == "heading" else 0)
        for order, (text, kind, level) in enumerate(given_rows)
    ]
    found = chunks(rows, overlap=overlap)
    covered: list[tuple[str, int, int]] = []
    for number, chunk in enumerate(found):
        assert chunk["order"] == number
        assert chunk["tokens"] == count_tokens(chunk["text"])
        before = found[number - 1]["text"] if number else ""
        assert (
            chunk["text"][: chunk["overlap"]].split()
            == before.split()[
                len(before.split()) - len(chunk["text"][: chunk["overlap"]].split()) :
            ]
        )
        for span in chunk["spans"]:
            text = chunk["text"][span["at"] : span["at"] + span["length"]]
            line = next(row for row in rows if row["spans"][0]["line"] == span["line"])
            assert line["text"][span["start"] : span["end"]] == text
            assert span["page"] == 1
            if span["at"] >= chunk["overlap"]:
                covered.append((span["line"], span["start"], span["end"]))
    merged: list[tuple[str, int, int]] = []
    for line_id, start, end in covered:
        if merged and merged[-1][0] == line_id and merged[-1][2] == start:
            merged[-1] = (line_id, merged[-1][1], end)
        else:
            merged.append((line_id, start, end))
    assert merged == [(row["spans"][0]["line"], 0, len(row["text"])) for row in rows]


@settings(max_examples=100, deadline=None)
@given(st.one_of(WORDS, st.text(max_size=200)), KINDS, st.integers(1, 20))
def test_pieces_are_the_text(text: str, kind: str, budget: int) -> None:
    found = pieces(text, kind, budget)
    assert "".join(text[one.start : one.end] for one in found) == text
    if kind not in ("table", "equation", "heading"):  # those are never divided
        assert all(one.tokens <= 2 * budget for one in found)


SENTENCE = "The committee met in the old town hall and heard reports."


def test_sentences_are_whole_and_repeat() -> None:
    rows = [passage(" ".join([SENTENCE] * 6), 0)]
    found = chunks(rows, tokens=40, overlap=12)
    assert len(found) > 1
    for chunk in found:
        assert chunk["text"].strip().endswith("reports.")
        assert chunk["text"].startswith("The committee")
        assert chunk["tokens"] <= 40
    assert [chunk["overlap"] > 0 for chunk in found] == [False] + [True] * (len(found) - 1)


def test_headings_open_chunks_and_sections_share_a_parent() -> None:
    rows = [
        passage("Roads", 0, kind="heading", level=1, heading_path=["Roads"]),
        passage(SENTENCE, 1, heading_path=["Roads"]),
        passage("Bridges", 2, kind="heading", level=2, heading_path=["Roads", "Bridges"]),
        passage(" ".join([SENTENCE] * 4), 3, heading_path=["Roads", "Bridges"]),
    ]
    found = chunks(rows)
    assert found[0]["text"] == f"Roads\n\n{SENTENCE}"
    assert found[1]["text"].startswith("Bridges\n\nThe committee")
    assert [chunk["heading_path"] for chunk in found[1:]] == [["Roads", "Bridges"]] * (
        len(found) - 1
    )
    assert len({chunk["parent"] for chunk in found[1:]}) == 1
    assert found[0]["parent"] != found[1]["parent"]


def test_cut_passages_are_left_out() -> None:
    rows = [passage(SENTENCE, 0), passage("Noise noise.", 1)]
    cut = pa.Table.from_pylist(
        reject_passage(rows[1], "cut", "low grade", 0.0), empty("rejects").schema
    )
    assert [chunk["text"] for chunk in chunks(rows, cut=cut)] == [SENTENCE]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WORDS, KINDS), min_size=1, max_size=8), st.integers(0, 30))
def test_no_chunk_divides_a_sentence_a_row_or_an_equation(
    given_rows: list[tuple[str, str]], overlap: int
) -> None:
    rows = [passage(text, order, kind=kind) for order, (text, kind) in enumerate(given_rows)]
    starts = {
        (row["spans"][0]["line"], piece.start)
        for row in rows
        for piece in pieces(row["text"], row["kind"], 32)
    }
    for chunk in chunks(rows, overlap=overlap):
        new = [span for span in chunk["spans"] if span["at"] >= chunk["overlap"]]
        assert (new[0]["line"], new[0]["start"]) in starts
        assert (chunk["spans"][0]["line"], chunk["spans"][0]["start"]) in starts
        boxes = [(span["page"], span["x0"], span["y1"]) for span in chunk["spans"]]
        assert set(boxes) == {(1, 72.0, 111.0)}


def test_a_sentence_stays_with_the_equation_within_it() -> None:
    rows = [
        passage(f"{SENTENCE} {SENTENCE} We set", 0),
        passage("x = y + 2", 1, kind="equation"),
        passage(f"where y is the weight of it. {SENTENCE}", 2),
        passage("z = 3", 3, kind="equation"),
    ]
    found = chunks(rows, tokens=32, overlap=0)
    (one,) = [chunk for chunk in found if "x = y + 2" in chunk["text"]]
    assert "We set\n\nx = y + 2\n\nwhere y is the weight of it." in one["text"]
    assert all(chunk["tokens"] <= 32 for chunk in found)


def test_a_budget_is_counted_by_the_tokenizer_that_is_named(tmp_path: Path) -> None:
    train([SENTENCE, "Roads carry goods."] * 20, TokenizerSettings(vocabulary=300), tmp_path, "key")
    rows = [passage(" ".join([SENTENCE] * 8), 0), passage("Roads carry goods. " * 9, 1)]
    named = RefineSettings(chunk_tokens=64, chunk_overlap=20, chunk_tokenizer=str(tmp_path))
    tables = {name: empty("rejects") for name in ("rejects:cut", "rejects:deduplicate")}
    found = Chunk(named).run({"passages": passages_table(rows)} | tables)["chunks"].to_pylist()
    tokenizer = load(tmp_path)
    assert len(found) > 3
    for chunk in found:
        assert chunk["tokens"] == len(tokenizer.encode(chunk["text"])) <= 64
        assert chunk["tokens"] != count_tokens(chunk["text"])
    with pytest.raises(ModelError):
        counter("no/such/folder/here")


def test_a_table_breaks_between_rows_only() -> None:
    rows = [passage("\n".join(f"row {n} | {n * n} | value" for n in range(20)), 0, kind="table")]
    found = chunks(rows)
    assert len(found) > 1
    assert all(chunk["text"].startswith("row ") for chunk in found)
    assert all(chunk["overlap"] == 0 for chunk in found)
