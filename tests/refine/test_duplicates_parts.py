"""Long strings and vectors: what stands twice goes once, and its account stays whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Chunk, Deduplicate
from goldsmith.refine.duplicates_index import Rank
from goldsmith.refine.duplicates_substring import Repeated, repeated
from goldsmith.refine.duplicates_vectors import clusters_by_vectors
from goldsmith.refine.segments import remaining

from .made import empty, passage, passages_table

NOTICE = "This notice must stand on every page of every copy that anyone makes of this text. "


def by_hand(texts: list[str], length: int) -> list[set[int]]:
    """The characters of each text that lie in a string of ``length`` that stands further ahead."""
    seen: set[str] = set()
    gone = []
    for text in texts:
        places: set[int] = set()
        for at in range(len(text) - length + 1):
            if text[at : at + length] in seen:
                places |= set(range(at, at + length))
            seen.add(text[at : at + length])
        gone.append(places)
    return gone


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abé", max_size=40), max_size=5), st.integers(1, 9))
def test_repeated_strings_are_those_found_by_hand(texts: list[str], length: int) -> None:
    found = repeated(texts, length)
    gone: list[set[int]] = [set() for _ in texts]
    for one in found:
        gone[one.text] |= set(range(one.start, one.end))
        assert one.end - one.start >= length
        string = texts[one.text][one.start : one.start + length]
        assert string in texts[one.first]
    assert gone == by_hand(texts, length)


def test_the_first_of_a_string_stays() -> None:
    assert repeated(["one " + NOTICE, NOTICE + "two"], 50) == [Repeated(1, 0, len(NOTICE), 0)]
    assert repeated([], 5) == repeated(["abc"], 5) == []


def test_a_notice_goes_from_the_second_paragraph_and_comes_back() -> None:
    first = passage("The bridge was built of oak. " + NOTICE + "It held for a century.", 0, "d-a")
    other = passage("Nobody remembers the ferry. " + NOTICE + "Its rope was sold.", 0, "d-b")
    documents = [
        dict.fromkeys(SCHEMAS["documents"].names) | {"id": name, "uri": name}
        for name in ("d-a", "d-b")
    ]
    tables = {
        "passages": passages_table([first, other]),
        "rejects:cut": empty("rejects"),
        "documents": pa.Table.from_pylist(documents, SCHEMAS["documents"]),
        "pages": empty("pages"),
        "scores": empty("scores"),
    }
    chosen = RefineSettings(duplicates=("substring",), substring_characters=60)
    rejects = Deduplicate(chosen).run(tables)["rejects"]
    rows = rejects.to_pylist()
    assert {(row["subject"], row["rule"], row["merged_into"]) for row in rows} == {
        (other["id"], "substring", first["id"])
    }
    removed = "".join(row["text"] for row in sorted(rows, key=lambda row: row["start"]))
    assert NOTICE.strip() in removed
    chunks = Chunk(chosen).run({**tables, "rejects:deduplicate": rejects})["chunks"].to_pylist()
    text = "\n".join(row["text"] for row in chunks)
    assert text.count("every copy") == 1
    assert "Nobody remembers the ferry." in text
    left = remaining(other, rows)
    assert left is not None
    kept = sum(span["length"] for span in left["spans"])
    assert kept + len(removed) == sum(span["length"] for span in other["spans"])
    for span in left["spans"]:
        part = left["text"][span["at"] : span["at"] + span["length"]]
        assert part in other["text"]
    whole = [row | {"start": 0, "end": 10**6} for row in rows]
    assert remaining(other, whole) is None


def test_vectors_that_point_the_same_way_are_one() -> None:
    source = np.random.default_rng(1)
    vectors = source.normal(size=(40, 16)).astype(np.float32)
    vectors[30] = 2 * vectors[3]
    vectors[31] = vectors[4] + 0.01 * vectors[5]
    vectors[32] = 0
    vectors[33] = 0
    ranks = [Rank(False, 0, 0, f"{number:02}", f"{number:02}") for number in range(40)]
    found = clusters_by_vectors(ranks, vectors, 0.95)
    assert [(row.member, row.kept, row.method) for row in found] == [
        ("30", "03", "vectors"),
        ("31", "04", "vectors"),
    ]
    order = source.permutation(40)
    assert clusters_by_vectors([ranks[at] for at in order], vectors[order], 0.95) == found
    with pytest.raises(ValueError, match="39 ranks"):
        clusters_by_vectors(ranks[1:], vectors, 0.95)
