"""What other papers call a line: counted by papers, looked up by hashes, silent on the unknown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.refine.line_lexicon import (
    KINDS,
    REACH,
    TOKENS,
    Tokens,
    count_tokens,
    edge_tokens,
    look_up,
)
from goldsmith.refine.line_model import CLASSES
from goldsmith.refine.line_text import Integers, read_characters

FOOTNOTE, HEADNOTE = CLASSES.index("footnote"), CLASSES.index("headnote")
FOOT = "PLoS Genetics | www.plosgenetics.org"


def tokens_of(texts: list[str], foot: int = 0) -> Tokens:
    """Tokens of lines that stand ``foot`` lines above the foot of a long page."""
    rank = np.full(len(texts), foot)
    return edge_tokens(read_characters(texts), rank + 50, rank)


def classes(lines: int, number: int) -> Integers:
    return np.full(lines, number)


def test_a_paper_is_one_witness_however_often_it_says_so() -> None:
    loud = (tokens_of([FOOT] * 100), classes(100, HEADNOTE))
    quiet = [(tokens_of([FOOT]), classes(1, FOOTNOTE)) for _ in range(3)]
    told = look_up(tokens_of([FOOT]), *count_tokens([loud, *quiet]))[0, :KINDS]
    assert told[3] > told[1] > told[2]


def test_a_line_is_known_whatever_its_numbers_and_spaces() -> None:
    papers = [(tokens_of([f"Vol. {n}  No. 12 , {n}"]), classes(1, FOOTNOTE)) for n in (1, 22)]
    lexicon = count_tokens(papers)
    same = look_up(tokens_of(["Vol. 1999 No. 3, 4"]), *lexicon)
    assert same[0, 3] > 1.0
    assert not look_up(tokens_of(["Vol.: (1999) No. 3, 4"]), *lexicon)[0, :KINDS].any()


def test_tokens_of_one_paper_are_not_believed() -> None:
    tokens, _ = count_tokens([(tokens_of([FOOT] * 9), classes(9, FOOTNOTE))])
    assert not len(tokens)


def test_lines_far_from_the_edges_have_no_tokens() -> None:
    assert not tokens_of([FOOT], foot=REACH).any()
    assert tokens_of([FOOT], foot=REACH - 1).any()


def test_the_two_halves_of_a_page_are_two_places_of_a_line() -> None:
    characters, rank = read_characters([FOOT]), np.array([0])
    foot, head = edge_tokens(characters, rank + 9, rank), edge_tokens(characters, rank, rank + 9)
    assert (foot[0, :2] != head[0, :2]).all()
    assert (foot[0, 2:] == head[0, 2:]).all()


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_text_is_counted_and_looked_up(papers: list[list[str]]) -> None:
    clean = [[t.encode("utf-8", "ignore").decode() for t in texts] for texts in papers]
    held = [(tokens_of(texts), classes(len(texts), HEADNOTE)) for texts in clean]
    tokens, counts = count_tokens(held)
    assert (np.diff(tokens.astype(np.int64)) > 0).all()
    assert (counts.sum(axis=1) <= len(papers) + 1e-4).all()
    assert (counts.sum(axis=1) > 1.99).all()
    told = look_up(held[0][0], tokens, counts)
    assert held[0][0].shape[1] == TOKENS
    assert np.isfinite(told).all()
    assert (told[:, 1] >= 0).all()  # nothing but headnotes was ever seen
