"""Clusters as a relation: order, parts and repetition do not matter; no guess merges."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.errors import UserError
from goldsmith.refine.duplicates_index import Cluster, DuplicateIndex, Entry, Rank, clusters_of
from goldsmith.refine.duplicates_noise import MINIMUM, alignment, anchors, folded, twin_similarity
from goldsmith.refine.duplicates_shingles import jaccard, shingled, shingles
from goldsmith.refine.duplicates_sketch import NAMES

WORDS = [
    "river",
    "bridge",
    "meadow",
    "winter",
    "harvest",
    "letter",
    "captain",
    "village",
    "engine",
    "copper",
    "signal",
    "window",
    "garden",
    "market",
    "summer",
    "bottle",
    "ladder",
    "anchor",
    "throne",
    "castle",
    "planet",
    "silver",
    "forest",
    "mirror",
    "hammer",
    "saddle",
    "candle",
    "thunder",
    "blanket",
    "corridor",
    "lantern",
    "orchard",
    "pebble",
    "quarry",
    "ribbon",
]


def text_of(seed: int, words: int = 120) -> str:
    source = random.Random(seed)
    return " ".join(source.choice(WORDS) + str(source.randrange(3) or "") for _ in range(words))


def changed(text: str, seed: int, words: int) -> str:
    source = random.Random(seed)
    parts = text.split()
    for place in source.sample(range(len(parts)), words):
        parts[place] = "another"
    return " ".join(parts)


def misread(text: str, seed: int, rate: float) -> str:
    source = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(source.choice(letters) if source.random() < rate else c for c in text)


def entry(name: str, text: str, *, recognised: bool = False, step: int = 0) -> Entry:
    return Entry(Rank(recognised, step, 0, name, name), text)


def corpus() -> list[Entry]:
    """Four families of an original, a copy in capitals, an edited copy and a misread one."""
    found = []
    for family in range(4):
        text = text_of(family)
        found += [
            entry(f"{family}-a", text),
            entry(f"{family}-b", text.upper()),
            entry(f"{family}-c", changed(text, family, 2)),
            entry(f"{family}-d", misread(text, family, 0.1), recognised=True),
        ]
    return [*found, entry("9-a", text_of(99)), entry("9-b", ""), entry("9-c", "!")]


def test_every_family_is_one_cluster_and_says_how_and_why() -> None:
    found = clusters_of(corpus(), 0.7)
    assert {(row.member, row.kept, row.method) for row in found} == {
        (f"{family}-{member}", f"{family}-a", method)
        for family in range(4)
        for member, method in (("b", "exact"), ("c", "minhash"), ("d", "noise"))
    }
    assert {row.reason for row in found if row.method == "noise"} == {"born digital"}
    assert {row.reason for row in found if row.method == "exact"} == {"first"}


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(19)), st.lists(st.integers(0, 4), min_size=19, max_size=19))
def test_order_and_parts_do_not_matter(order: list[int], parts: list[int]) -> None:
    everything = corpus()
    one = clusters_of(everything, 0.7)
    assert clusters_of([everything[at] for at in order], 0.7) == one
    # A kept document is nobody's member, nobody is merged twice: an equivalence with one head each.
    members = [row.member for row in one]
    assert len(set(members)) == len(members)
    assert not {row.kept for row in one} & set(members)
    # What stays has no duplicates left.
    left = [item for item in everything if item.rank.document not in members]
    assert clusters_of(left, 0.7) == []


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(19)), st.lists(st.integers(0, 3), min_size=19, max_size=19))
def test_the_index_gives_the_same_whatever_came_first(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], parts: list[int]
) -> None:
    everything = corpus()
    index = DuplicateIndex(tmp_path_factory.mktemp("index") / "duplicates")
    for part in range(4):
        coming = [everything[at] for at in order if parts[at] == part]
        assert index.add(coming) == len(coming)
        assert index.add(coming) == 0
    assert index.clusters(0.7) == clusters_of(everything, 0.7)


def test_an_index_forgets_and_refuses(tmp_path: Path) -> None:
    index = DuplicateIndex(tmp_path / "duplicates")
    assert index.clusters(0.7) == []
    index.add(corpus())
    assert index.remove(["0-a", "unknown"]) == 1
    found = [row for row in index.clusters(0.7) if row.kept.startswith("0")]
    assert {row.kept for row in found} == {"0-b"}
    assert not [path for path in tmp_path.rglob("*") if b"\x000-a" in path.name.encode()]
    with pytest.raises(UserError, match="another text"):
        index.add([entry("1-a", "something else")])


def test_half_a_segment_counts_for_nothing(tmp_path: Path) -> None:
    index = DuplicateIndex(tmp_path / "duplicates")
    everything = corpus()
    index.add(everything[:8])
    (segment,) = index.folder.iterdir()
    half = index.folder / f".{'0' * 32}.building"
    shutil.copytree(segment, half)
    (half / "manifest.json").unlink()
    assert index.add(everything) == len(everything) - 8
    assert index.clusters(0.7) == clusters_of(everything, 0.7)


def test_forgetting_takes_what_a_killed_process_left(tmp_path: Path) -> None:
    index = DuplicateIndex(tmp_path / "duplicates")
    index.add(corpus())
    (segment,) = index.folder.iterdir()
    for end in ("building", "gone"):  # it was killed while it wrote, or while it removed
        shutil.copytree(segment, index.folder / f".{segment.name}.{end}")
    secret = entry("0-a", "").rank.document.encode()
    assert index.remove(["0-a"]) == 1
    (left,) = index.folder.iterdir()
    assert left != segment
    assert secret not in (left / "about.json").read_bytes()


def test_an_index_of_another_version_says_so(tmp_path: Path) -> None:
    index = DuplicateIndex(tmp_path / "duplicates")
    index.add(corpus())
    (manifest,) = index.folder.rglob("manifest.json")
    manifest.write_text(manifest.read_text().replace('"gram": 8', '"gram": 9'))
    with pytest.raises(UserError, match="another version"):
        index.clusters(0.7)


def test_simhash_finds_what_minhash_finds_of_near_copies() -> None:
    text = text_of(5, 600)
    pair = [entry("a", text), entry("b", changed(text, 1, 4)), entry("c", text_of(6, 600))]
    (row,) = clusters_of(pair, 0.7, ["simhash"])
    assert isinstance(row, Cluster)
    assert row[:3] == ("b", "a", "simhash")
    assert row.similarity == jaccard(shingles(pair[0].text), shingles(pair[1].text))
    assert {"simhash"} < set(NAMES)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_batches_hash_as_single_texts(texts: list[str]) -> None:
    together = shingled(texts)
    for number, text in enumerate(texts):
        alone = shingled([text])
        start, end = together.offsets[number : number + 2]
        assert np.array_equal(together.flat[start:end], alone.flat)


def test_words_in_any_script_and_length() -> None:
    assert np.array_equal(shingles("Straße, ÜBER “dem” Fluß"), shingles("straße über dem fluß"))
    assert not np.array_equal(shingles("a" * 200), shingles("a" * 201))
    assert len(shingles("слово " * 7)) == 1
    assert len(shingles("")) == 0


def test_folding_takes_away_what_readers_confuse() -> None:
    assert folded("The modern ﬁle 10") == folded("Themodern file lO") == folded("THE M0DEM FI1E IO")
    assert folded("naïve") == folded("naive")
    assert folded("поле") != b""


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.15])
def test_misread_is_a_twin_and_rewritten_is_not(rate: float) -> None:
    text = text_of(7, 400)
    reading = folded(misread(text, 3, rate))
    assert twin_similarity(folded(text), reading, 0.7) > 0
    assert twin_similarity(folded(text), reading, 0.7) == twin_similarity(
        reading, folded(text), 0.7
    )
    source = random.Random(4)
    other = " ".join(
        source.choice(WORDS) if source.random() < 0.1 + rate else word for word in text.split()
    )
    assert twin_similarity(folded(text), folded(other), 0.7) == 0
    assert twin_similarity(folded(text), folded(text_of(8, 400)), 0.7) == 0


def test_a_lost_line_is_no_edit() -> None:
    words = text_of(11, 400).split()
    reading = " ".join([*words[:100], *words[112:250], *words[262:]])
    assert alignment(folded(" ".join(words)), folded(reading)).same > 0.97
    assert twin_similarity(folded(" ".join(words)), folded(reading), 0.7) > 0


def test_long_texts_have_few_anchors_and_share_them_with_excerpts() -> None:
    data = folded(text_of(12, 4000))
    whole, part = anchors(data), anchors(data[: len(data) // 3])
    assert 0 < len(whole) <= 400
    # The excerpt's sample is denser; of what the whole's sample has of it, none is missing.
    assert len(np.intersect1d(whole, part)) >= len(whole) // 4
    assert len(anchors(data[: MINIMUM - 1])) == 0
