import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.datasets import find_overlaps

DEFAULT = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("GOLDSMITH_TEST_DATA", DEFAULT)) / "instructions"

LONG = "a train leaves the old station at nine and meets another one after it has gone forty miles"
TWELVE = " ".join(LONG.split()[:12])
TRUTH = [
    # (training text, evaluation item, kind, words shared, share)
    (LONG, LONG, "whole", 18, 1.0),
    (f"They say: {LONG.upper()}! And more.", LONG.replace(" and", ", and"), "whole", 18, 1.0),
    (" ".join(LONG.split()[2:16]), LONG, "partial", 14, 14 / 18),
    (" ".join(LONG.split()[:13]) + " and then nothing", LONG, "partial", 13, 13 / 18),
    (TWELVE, LONG, "clean", 0, 0.0),
    (LONG.replace("train", "bus"), LONG, "partial", 16, 16 / 18),
    (LONG.replace("has", "had"), LONG, "partial", 14, 14 / 18),
    (LONG.replace("station", "harbour"), LONG, "clean", 0, 0.0),
    (LONG.replace("another", "two").replace("old", "new"), LONG, "clean", 0, 0.0),
    ("x what is the capital of Peru? y", "What is the capital of Peru?", "whole", 6, 1.0),
    ("what was the capital of Peru", "What is the capital of Peru?", "clean", 0, 0.0),
    ("Who is it? Who is it?", "Who is it?", "clean", 0, 0.0),
    (LONG, "", "clean", 0, 0.0),
]


@pytest.mark.parametrize("case", range(len(TRUTH)))
def test_hand_made_truth(case):
    text, item, kind, longest, share = TRUTH[case]
    [found] = find_overlaps(["nothing of it", text, text], [item])
    assert (found.kind, found.longest) == (kind, longest)
    assert found.share == pytest.approx(share)
    assert found.text == (None if kind == "clean" else 1)


def test_halves_in_two_texts_cover_all_but_are_not_the_whole():
    words = " ".join(f"w{n}" for n in range(30)).split()
    [found] = find_overlaps([" ".join(words[:16]), " ".join(words[14:])], [" ".join(words)])
    assert (found.kind, found.longest, found.share, found.text) == ("partial", 16, 1.0, 0)


WORDS = st.lists(st.sampled_from("abc"), max_size=14)


def _slow(text, item, run):
    """The longest shared run, by trying all of them."""
    size = min(run, len(item))
    joined = f" {' '.join(text)} "
    if size < 4:
        return 0
    lengths = range(len(item), size - 1, -1)
    return next(
        (
            n
            for n in lengths
            for at in range(len(item) - n + 1)
            if f" {' '.join(item[at : at + n])} " in joined
        ),
        0,
    )


@given(st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=3), st.integers(4, 6))
def test_the_longest_run_is_found(texts, items, run):
    found = find_overlaps(map(" ".join, texts), [" ".join(item) for item in items], run)
    for item, overlap in zip(items, found, strict=True):
        assert overlap.longest == max((_slow(text, item, run) for text in texts), default=0)


def test_a_public_train_set_barely_touches_its_test_set():
    if not (DATA / "gsm8k_train.jsonl.gz").is_file():
        pytest.skip("no instructions/gsm8k_train.jsonl.gz below GOLDSMITH_TEST_DATA")
    with gzip.open(DATA / "gsm8k_train.jsonl.gz", "rt", encoding="utf-8") as file:
        training = [json.loads(line)["question"] for line in file]
    with (DATA / "gsm8k_test.jsonl").open(encoding="utf-8") as file:
        items = [json.loads(line)["question"] for line in file]
    found = find_overlaps(training, items)
    kinds = [overlap.kind for overlap in found]
    assert kinds.count("whole") == 0
    assert 0 < kinds.count("partial") < 0.05 * len(items)
    planted = find_overlaps([*training, f"Solve this. {items[5]} Show your work."], items)
    assert (planted[5].kind, planted[5].text) == ("whole", len(training))
    assert sum(a != b for a, b in zip(found, planted, strict=True)) == 1
