"""An index gives back what it was built from, in a stated order, and says what is wrong with it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import LakeError, UserError
from goldsmith.pipeline.artifact import MANIFEST, is_current
from goldsmith.project import IndexSettings
from goldsmith.retrieval import Index, build_index
from goldsmith.retrieval.index import quoted

Tables = tuple[pa.Table, pa.Table]
TFIDF = IndexSettings(embedder="tfidf")


def test_a_question_finds_its_chunk(index: Index) -> None:
    hits = index.search("How often does a quartz crystal vibrate?", 3)
    assert index.chunks[hits[0].row]["heading_path"] == ["Clocks", "Quartz"]
    assert index.chunk(hits[0].chunk) == index.chunks[hits[0].row]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_headings_are_searched_too(index: Index) -> None:
    [hit] = index.search("hive quartz", 1, 0.0)
    assert index.chunks[hit.row]["heading_path"] == ["Clocks", "Quartz"]
    paths = [index.chunks[hit.row]["heading_path"] for hit in index.search("clocks", 4, 0.0)]
    assert ["Clocks", "Quartz"] in paths  # whose text has no such word
    assert index.search("nothing of the kind", 4, 0.0) == []


def test_a_quoted_part_must_be_there_as_it_is(index: Index) -> None:
    assert len(index.search("pendulum", 10)) > 1
    [hit] = index.search('pendulum "first pendulum clock in 1656"', 10)
    assert "Huygens" in index.chunks[hit.row]["text"]
    assert index.search('"First Pendulum"', 10) == []
    assert quoted('say "a  b" and “c d” or ""') == ["a b", "c d"]


@given(st.text(max_size=80))
def test_no_query_raises(index: Index, query: str) -> None:
    hits = index.search(query, 5)
    assert len({hit.chunk for hit in hits}) == len(hits) <= 5


@pytest.mark.parametrize("query", ['a AND (b OR "', "title:x^2 ~3", "* ? [a TO b]", "\\", "", "\0"])
def test_no_query_is_syntax(index: Index, query: str) -> None:
    index.search(query, 5)


def test_the_same_chunks_give_the_same_bytes(tables: Tables, tmp_path: Path) -> None:
    chunks, documents = tables
    build_index(chunks, documents, TFIDF, tmp_path / "a", "key")
    turned = chunks.take(list(reversed(range(chunks.num_rows))))
    build_index(turned, documents, TFIDF, tmp_path / "b", "key")
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()
    assert is_current(tmp_path / "a", "key")


def test_an_index_without_a_document_does_not_know_it(tables: Tables, tmp_path: Path) -> None:
    chunks, documents = tables
    bees = documents["id"].to_pylist()[0]
    rest = chunks.filter(pa.compute.not_equal(chunks["document"], bees))
    build_index(rest, documents, TFIDF, tmp_path / "index", "key")
    index = Index.open(tmp_path / "index")
    assert bees not in index.documents
    assert all(chunk["document"] != bees for chunk in index.chunks)
    assert b"honey" not in (tmp_path / "index" / "terms.json").read_bytes()


def test_one_chunk_is_enough(tables: Tables, tmp_path: Path) -> None:
    chunks, documents = tables
    build_index(chunks.slice(0, 1), documents, TFIDF, tmp_path / "index", "key")
    assert len(Index.open(tmp_path / "index").search("queen eggs", 5)) == 1


def test_no_chunks_is_said(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no chunk to index"):
        build_index(tables[0].slice(0, 0), tables[1], TFIDF, tmp_path / "index", "key")
    assert not (tmp_path / "index").exists()


def test_no_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(str(tmp_path)) + ".*goldsmith index"):
        Index.open(tmp_path)


def test_a_damaged_file_is_said(index: Index, tmp_path: Path) -> None:
    files = [path.relative_to(index.folder) for path in index.folder.rglob("*") if path.is_file()]
    damaged = tmp_path / "index"
    for name in files:
        if name.name == MANIFEST:
            continue
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(index.folder, damaged)
        data = (damaged / name).read_bytes()
        (damaged / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(LakeError, match="goldsmith index"):
            Index.open(damaged)
