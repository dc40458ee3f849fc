"""Signatures and similarities against datasketch."""

from __future__ import annotations

import random

import pytest

from goldsmith.refine.duplicates_index import Entry, Rank, clusters_of
from goldsmith.refine.duplicates_shingles import jaccard, shingled, shingles, signatures

datasketch = pytest.importorskip("datasketch", reason="the oracle for MinHash is not installed")

WORDS = [f"word{number}" for number in range(2000)]


def texts(changed: int) -> tuple[str, str]:
    """Two texts of 400 words, the second with some words replaced."""
    source = random.Random(changed)
    one = source.choices(WORDS, k=400)
    other = list(one)
    for place in source.sample(range(400), changed):
        other[place] = "another"
    return " ".join(one), " ".join(other)


def plain_jaccard(one: str, other: str) -> float:
    sets = [
        {tuple(words[at : at + 5]) for at in range(len(words) - 4)}
        for words in (one.split(), other.split())
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("changed", [0, 5, 15, 40, 120])
def test_similarity_is_the_plain_one_and_both_estimates_agree(changed: int) -> None:
    one, other = texts(changed)
    sets = [shingles(one), shingles(other)]
    true = jaccard(*sets)
    assert true == pytest.approx(plain_jaccard(one, other), abs=1e-12)
    ours = signatures(shingled([one, other]))
    assert float((ours[0] == ours[1]).mean()) == pytest.approx(true, abs=0.17)
    theirs = []
    for one_set in sets:
        sketch = datasketch.MinHash(num_perm=128, seed=1)
        for value in one_set.tolist():
            sketch.update(value.to_bytes(8, "little"))
        theirs.append(sketch)
    assert theirs[0].jaccard(theirs[1]) == pytest.approx(true, abs=0.17)


def test_every_pair_that_datasketch_finds_is_merged() -> None:
    pool = {}
    for number in range(30):
        one, other = texts(number)
        pool[f"a{number:02}"], pool[f"b{number:02}"] = one + f" end{number}", other
    entries = [Entry(Rank(False, 0, 0, name, name), text) for name, text in pool.items()]
    merged = {row.member: row.kept for row in clusters_of(entries, 0.7, ["exact", "minhash"])}
    for number in range(30):
        pair = (f"a{number:02}", f"b{number:02}")
        similar = plain_jaccard(*(pool[name] for name in pair)) >= 0.7
        assert (merged.get(pair[1]) == pair[0]) == similar
