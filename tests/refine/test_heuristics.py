"""Vectorised heuristics against the plain definitions, word by word."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.refine.heuristics import Heuristics
from goldsmith.refine.rules import FILTERS, REPEATED, RULES, TOP, first_reason
from goldsmith.refine.tokens import split_chunk

WORDS = st.lists(st.sampled_from(["ab", "a", "b", "cat", "sat.", "(the", "x"]), max_size=60)


def top(words: list[str], n: int) -> int:
    counts = Counter(" ".join(words[at : at + n]) for at in range(len(words) - n + 1))
    if not counts:
        return 0
    run, count = max(counts.items(), key=lambda pair: pair[1])  # the first of several
    return len(run) * count


def doubled(words: list[str], n: int) -> int:
    seen, at, total = set(), 0, 0
    while at <= len(words) - n:
        run = "".join(words[at : at + n])
        if run in seen:
            total += len(run)
            at += n
        else:
            seen.add(run)
            at += 1
    return total


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_repetition_is_that_of_a_plain_count(documents: list[list[str]]) -> None:
    texts = [" ".join(words) for words in documents]
    scores = Heuristics().scores(texts)
    for index, text in enumerate(texts):
        words = [token for chunk in text.split() for token in split_chunk(chunk)]
        for n in TOP:
            assert scores[f"top_{n}_gram"][index] * max(len(text), 1) == pytest.approx(
                top(words, n)
            )
        for n in REPEATED:
            assert scores[f"duplicate_{n}_grams"][index] * max(len(text), 1) == pytest.approx(
                doubled(words, n)
            )


@given(st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_a_document_has_the_same_scores_alone_and_among_others(texts: list[str]) -> None:
    together = Heuristics().scores(texts)
    for index, text in enumerate(texts):
        alone = Heuristics().scores([text])
        for name, values in alone.items():
            assert values[0] == together[name][index], name


def test_what_has_been_seen_before_changes_nothing() -> None:
    measure = Heuristics()
    texts = ["The cat's hat. It isn't (as they say) his.", "Don't! " * 30]
    first = measure.scores(texts)
    again = measure.scores(texts[::-1])
    assert {k: v.tolist() for k, v in first.items()} == {
        k: v[::-1].tolist() for k, v in again.items()
    }


def reason(text: str, name: str) -> str | None:
    scores = {key: float(value[0]) for key, value in Heuristics().scores([text]).items()}
    assert set(scores) == {rule.score for rule in RULES}
    return first_reason(scores, name)


PROSE = "\n".join(
    f"On day {day} the boats that lay in the harbour were made ready, and by noon all of them "
    f"had sailed with {day + 3} men who knew the coast to the north of it well."
    for day in range(8)
)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (PROSE, "gopher quality", None),
        (PROSE, "c4", None),
        ("A few words only.", "gopher quality", "gopher_short_doc"),
        ("a b c " * 40, "gopher quality", "gopher_below_avg_threshold"),
        ("# one more of the kind " * 30, "gopher quality", "gopher_too_many_hashes"),
        ("1234 5678 of the men " * 30, "gopher quality", "gopher_below_alpha_threshold"),
        ("many other words here stand " * 30, "gopher quality", "gopher_enough_stop_words"),
        ("\n".join(f"- the item of {n} apples" for n in range(30)), "gopher quality",
         "gopher_too_many_bullets"),
        ("Buy the best now.\n" * 20, "gopher repetition", "dup_line_frac"),
        ("buy the best now and " * 20, "gopher repetition", "top_2_gram"),
        ("One. Two. Three.", "c4", "too_few_sentences"),
        (PROSE + "\nAnd then f(x) { was it all.", "c4", "curly_bracket"),
        (PROSE + "\nAnd Lorem ipsum was all.", "c4", "lorem_ipsum"),
        ("short\nlines\nonly", "c4 paragraphs", "< 3 paragraphs"),
    ],
)  # fmt: skip
def test_this_text_that_reason(text: str, name: str, expected: str | None) -> None:
    assert name in FILTERS
    assert reason(text, name) == expected


@pytest.mark.parametrize("text", ["", " \n ", "\n\n\n", "…", "[12]"])
def test_texts_without_words(text: str) -> None:
    assert reason(text, "gopher quality") == "gopher_short_doc"
    assert reason(text, "c4") == "too_few_sentences"


@pytest.mark.parametrize(
    ("chunk", "tokens"),
    [
        ("don't", ["do", "n't"]),
        ("(word),", ["(", "word", ")", ","]),
        ("well-known", ["well", "-", "known"]),
        ("e.g.", ["e.g."]),
        ("end.", ["end", "."]),
        ("U.S.", ["U.S."]),
        ("John's", ["John", "'s"]),
        ("$12.50.", ["$", "12.50", "."]),
        ("www.example.org/a,", ["www.example.org/a", ","]),
        ("wait...", ["wait", "..."]),
        ("10am", ["10", "am"]),
        ("its", ["its"]),
    ],
)
def test_tokens(chunk: str, tokens: list[str]) -> None:
    assert split_chunk(chunk) == tokens


@given(st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]), max_size=20))
def test_tokens_lose_nothing(chunk: str) -> None:
    assert "".join(split_chunk(chunk)) == chunk
