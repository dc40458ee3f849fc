"""Hyphens at the ends of lines: the document, then the corpus, then the parts of the word."""

from __future__ import annotations

import pyarrow.compute as pc
import pytest

from goldsmith.project import RefineSettings
from goldsmith.refine import Clean, Divide

from .made import line, lines_table, tags_table


def cleaned(*documents: list[str]) -> list[str]:
    """The first passage of each document of a corpus."""
    rows = {
        f"d-{number}": [line(text, order, document=f"d-{number}") for order, text in enumerate(one)]
        for number, one in enumerate(documents)
    }
    every = lines_table([row for one in rows.values() for row in one])
    divisions = Divide(RefineSettings()).run({"lines": every})["divisions"]
    texts = []
    for document, own in rows.items():
        tables = {
            "lines": lines_table(own),
            "tags": tags_table(own, ["CONTENT"] * len(own)),
            "divisions": divisions.filter(pc.equal(divisions["document"], document)),
        }
        texts.append(Clean(RefineSettings()).run(tables)["passages"].to_pylist()[0]["text"])
    return texts


def test_the_corpus_decides_what_the_document_does_not_say() -> None:
    texts = cleaned(
        ["a state of near-", "duplicate rows"], ["near-duplicate rows are near-duplicate"]
    )
    assert texts[0] == "a state of near-duplicate rows"
    texts = cleaned(["a state of non-", "linear rows"], ["nonlinear rows are nonlinear"])
    assert texts[0] == "a state of nonlinear rows"


def test_the_document_comes_first() -> None:
    own = ["it is non-linear and the non-", "linear rows"]
    texts = cleaned(own, ["nonlinear rows are nonlinear, nonlinear"])
    assert texts[0] == "it is non-linear and the non-linear rows"


def test_two_words_of_the_corpus_make_a_compound() -> None:
    corpus = ["best best fit line and good good work, work of best fits, the line of good work"]
    assert cleaned(["the good-", "work of it"], corpus)[0] == "the good-work of it"
    assert cleaned(["the com-", "mittee of it"], corpus)[0] == "the committee of it"


def test_a_ligature_is_its_letters() -> None:
    texts = cleaned(["a state of co-", "eﬃcient rows"], ["co-efficient rows are co-efficient"])
    assert texts[0] == "a state of co-efficient rows"


@pytest.mark.parametrize("block", [0, 3])
def test_lines_of_two_blocks_make_no_new_word_of_a_known_one(block: int) -> None:
    rows = [
        line("see the note of it and the lines of Außenwin-", 0),
        line("note of the margin", 1, block=block),
    ]
    tables = {"lines": lines_table(rows), "tags": tags_table(rows, ["CONTENT"] * 2)}
    text = Clean(RefineSettings()).run(tables)["passages"].to_pylist()[0]["text"]
    assert ("Außenwinnote" in text) == (block == 0)
