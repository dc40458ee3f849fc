"""The trained tagger: the same network twice, and features that do not depend on the source."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.refine.line_features import Layout, line_features
from goldsmith.refine.line_model import (
    CLASSES,
    decide,
    network_probabilities,
    shipped_weights,
)
from goldsmith.refine.line_pages import (
    marks_of_pages,
    near_edges,
    page_numbers,
    shared_words,
)
from goldsmith.refine.line_tagger import layout_of
from goldsmith.refine.line_text import WORDS
from goldsmith.refine.lines import read_lines

from .made import line, lines_table

ROOT = Path(__file__).parents[2]


def layout(texts: list[str], page: list[int]) -> Layout:
    none = np.zeros(len(texts), np.bool_)
    return Layout(texts, np.array(page), none, none, np.zeros(len(texts), np.int64), none, none)


@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 1)), min_size=1, max_size=30))
def test_any_text_has_features(rows: list[tuple[str, int]]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text, _ in rows]
    page = np.cumsum([step for _, step in rows]).tolist()
    features = line_features(layout(texts, page))
    assert features.dense.shape[0] == len(rows) == len(features.words) == len(features.groups)
    assert features.words.shape[1] == WORDS
    assert np.isfinite(features.dense).all()


def test_features_do_not_depend_on_where_pages_start_to_count() -> None:
    texts = ["The Town", "some words here", "17", "The Town", "more words", "18"]
    one = line_features(layout(texts, [0, 0, 0, 1, 1, 1]))
    other = line_features(layout(texts, [9, 9, 9, 10, 10, 10]))
    np.testing.assert_array_equal(one.dense, other.dense)
    assert one.groups[0, 0] == one.groups[3, 0] != one.groups[1, 0]


def test_the_network_is_the_one_that_was_trained() -> None:
    """numpy here and torch there give the same chances for weights at random."""
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import fit_line_tagger as fit
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    texts = [f"Line {row} of the town, {row * 7 % 5}" for row in range(90)]
    features = line_features(layout(texts, [row // 30 for row in range(90)]))
    torch.manual_seed(3)
    size = features.dense.shape[1]
    network = fit.Network(np.zeros(size, np.float32), np.ones(size, np.float32)).eval()
    with torch.no_grad():
        network.words[0] = 0.0
        chances = network(*fit.laid_out([features])).softmax(1).numpy()[: len(texts)]
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    np.testing.assert_allclose(network_probabilities(features, weights), chances, atol=2e-5)


def test_nothing_goes_on_a_bare_majority() -> None:
    chances = np.zeros((2, len(CLASSES)), np.float32)
    chances[0, [0, 3, 4]] = 0.6, 0.3, 0.1
    chances[1, [0, 3, 4]] = 0.1, 0.5, 0.4
    assert decide(chances).tolist() == [0, 3]


def test_type_is_compared_by_block() -> None:
    rows = [
        line("A head", 0, size=9.0, block=0),
        line("Text that follows", 1, size=11.0, block=1),
        line("and goes on in small type", 2, size=8.0, block=1),
        line("A bold start", 3, size=11.0, block=2, weight=700, font="Helvetica"),
    ]
    found = layout_of(read_lines(lines_table(rows)))
    assert found.opens.tolist() == [True, True, False, True]
    assert found.size.tolist() == [0, 1, 0, 0]
    assert found.new_font.tolist() == [False, False, False, True]
    assert found.bold.tolist() == [False, False, False, True]


def test_the_weights_ship_and_are_small() -> None:
    weights = shipped_weights()
    assert sum(array.size for array in weights.values()) * 2 < 5_000_000


def test_numbers_that_count_with_the_pages_have_support() -> None:
    texts, page = [], []
    for number in range(6):
        texts += [f"Text of page {number}", f"12{number} spades", "more words", f"1 {number}"]
        page += [number] * 4
    counting = line_features(layout(texts, page)).dense
    texts[3::4] = ["17", "4", "230", "61", "9", "88"]
    jumping = line_features(layout(texts, page)).dense
    changed = np.flatnonzero((counting[3::4] != jumping[3::4]).all(axis=0))
    assert len(changed) >= 3  # how many pages agree, of all and of numbers alone
    assert (counting[3::4, changed] > jumping[3::4, changed]).any()


def test_numbers_in_other_dress_count_with_the_pages() -> None:
    """A prefix, "page n of m" and single letters are page numbers as bare digits are."""
    forms = {
        "bare": [f"{number + 4}" for number in range(6)],
        "prefixed": [f"S-{number + 4}" for number in range(6)],
        "of": [f"Page {number + 4} of 90" for number in range(6)],
        "letters": [chr(ord("M") + number) for number in range(6)],
    }
    for texts in forms.values():
        page = np.arange(6)
        edge = np.ones(6, np.bool_)
        found = page_numbers(texts, pa.array(texts, pa.string()), page, edge, 6)
        np.testing.assert_allclose(found[:, 3], np.log1p(6) / 2, rtol=1e-6)


def test_pieces_of_a_stamp_have_one_key_and_hide_no_edge() -> None:
    texts, page = [], []
    for number in range(8):
        texts += [f"A head {'abcdefgh'[number]}", *["text"] * 6, "W", "W", "W"]
        page += [number] * 10
    pages = np.array(page)
    lone = np.arange(len(texts)).astype(np.uint64) + np.uint64(1 << 40)
    lone[[row for row, text in enumerate(texts) if text == "W"]] -= np.uint64(1 << 40)
    key = marks_of_pages(lone, texts, pages, 8)
    stamped = key[[row for row, text in enumerate(texts) if text == "W"]]
    assert len(set(stamped.tolist())) == 1
    edge = near_edges(key, pages, 8, 2).reshape(8, 10)
    assert edge[:, [0, 1, 5, 6]].all()  # the last text before the stamp is near the foot
    assert not edge[:, 3].any()


def test_words_shared_at_the_edges_tell_a_head_that_changes() -> None:
    texts, page = [], []
    for number in range(6):
        texts += [f"Notes on towns {['alpha', 'beta', 'gamma', 'delta', 'eps', 'zeta'][number]}"]
        texts += [f"word{number}x{row} here" for row in range(12)]
        page += [number] * 13
    features = line_features(layout(texts, page))
    edge = np.tile(np.arange(13) < 1, 6)
    shared = shared_words(features.words, np.array(page), edge, 6)
    heads = shared[::13, 0]
    others = np.delete(shared[:, 0], np.s_[::13])
    assert heads.min() > others.max()
