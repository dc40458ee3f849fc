"""Our heuristics against datatrove's filters: the same documents fall, for the same reasons.

Known departures, none of which occurs here: white space of two characters or more inside a line
begins a sentence there when a sign follows it; addresses and letters of rare scripts are told apart
by shorter patterns here. C4's list of bad words is not used (it is downloaded); see `profanity`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldsmith.refine.heuristics import Heuristics
from goldsmith.refine.rules import FILTERS, first_reason
from goldsmith.refine.tokens import split_chunk

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "data" / "corpus"


@pytest.fixture(scope="module")
def pages() -> list[str]:
    pytest.importorskip("datatrove")
    path = CORPUS / "c4_demo.jsonl"
    if not path.is_file():
        pytest.skip("the shared data folder with corpus/c4_demo.jsonl is not beside the project")
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    # The set was filtered before: changed copies make every kind of reason occur.
    changed = [text + "\n" + text[: len(text) // 2] for text in texts[:60]]
    changed += [text.replace(". ", "...\n- ") for text in texts[60:90]]
    changed += [text.replace("the ", "# ").replace("e", "3") for text in texts[90:110]]
    changed += [text + " { lorem ipsum." for text in texts[110:120]]
    return texts + changed


@pytest.mark.slow
def test_the_same_decisions_for_the_same_reasons(pages: list[str]) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.pipeline.filters.c4_filters import C4ParagraphFilter

    theirs = (GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter())
    filters = dict(zip(FILTERS, (*theirs, C4ParagraphFilter()), strict=True))
    scores = Heuristics().scores(pages)
    seen = set()
    for index, text in enumerate(pages):
        own = {name: float(values[index]) for name, values in scores.items()}
        for name, peer in filters.items():
            result = peer.filter(Document(text=text, id=str(index)))
            expected = None if result is True else result[1]
            seen.add(expected)
            assert first_reason(own, name) == expected, f"document {index}, {name}"
    assert len(seen) > 8  # otherwise this compares little


def test_nearly_all_words_are_taken_apart_alike(pages: list[str]) -> None:
    import spacy

    tokenizer = spacy.blank("en").tokenizer
    chunks = sorted({chunk for text in pages[:300] for chunk in text.split()})
    different = [c for c in chunks if split_chunk(c) != [token.text for token in tokenizer(c)]]
    assert len(different) <= len(chunks) / 1000, different
