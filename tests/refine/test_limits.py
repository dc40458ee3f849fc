"""Cuts in the settings, the corpus' own language, and what a recut would move."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from goldsmith.errors import ConfigError, UserError
from goldsmith.lake.schemas import REJECT_RULES
from goldsmith.project import RefineSettings
from goldsmith.refine import Cut, Familiarity, Screen, classifier_scores, moves, without_cuts
from goldsmith.refine.cut import CUT_SETTINGS
from goldsmith.refine.gibberish import compression, entropy, single_letter_share, vowel_share
from goldsmith.refine.limits import SCORES, parse
from goldsmith.refine.profanity import profanity
from goldsmith.refine.screen import twice_read

from .made import empty, line, passage, passages_table
from .test_decide import ENGLISH

SETTINGS = RefineSettings()


def broken(text: str) -> str:
    draw = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(
        draw.choice(letters) if c.isalpha() and draw.random() < 0.12 else c for c in text
    )


def corpus() -> pa.Table:
    rows = [passage(f"{ENGLISH} {ENGLISH} Part {n}.", n, f"d-{n % 4}") for n in range(8)]
    return passages_table([*rows, passage(broken(ENGLISH), 8, "d-0"), passage(ENGLISH, 9, "d-5")])


def scored(passages: pa.Table, settings: RefineSettings = SETTINGS) -> pa.Table:
    screen = Screen(settings).run({"passages": passages, "lines": empty("lines")})["scores"]
    own = Familiarity(settings).run({"passages": passages, "scores:screen": screen})["scores"]
    return pa.concat_tables([screen, own])


def cut(passages: pa.Table, scores: pa.Table, **chosen: Any) -> dict[str, str]:
    rows = Cut(RefineSettings(**chosen)).run({"passages": passages, "scores": scores})["rejects"]
    return {row["subject"]: row["rule"] for row in rows.to_pylist()}


def test_a_cut_over_a_score_takes_what_lies_beyond() -> None:
    passages = corpus()
    scores = scored(passages)
    ids = {row["order"]: row["id"] for row in passages.to_pylist()}
    assert cut(passages, scores) == {}
    assert cut(passages, scores, cuts=("damage > 0.04",)) == {ids[8]: "damage"}
    assert cut(passages, scores, cuts=("damage < 0.04",)).keys() == set(ids.values()) - {ids[8]}
    document = cut(passages, scores, cuts=("document heuristic:words < 90",))
    assert document == {ids[9]: "gopher quality"}
    page = cut(passages, scores, cuts=("page damage > 0.001",), minimum_grade=0.0)
    assert ids[8] in page
    assert set(cut(passages, scores, filters=("c4",)).values()) == {"c4"}


@pytest.mark.parametrize(
    "text", ["damage", "damage = 3", "chapter damage > 1", "nosuch > 1", "heuristic:nosuch > 1"]
)
def test_a_cut_that_cannot_be_read_says_why(text: str) -> None:
    with pytest.raises(ConfigError, match=r"refine\.cuts"):
        parse(text)


def test_every_rule_of_a_cut_is_a_word_of_the_schema() -> None:
    for score in SCORES:
        assert parse(f"{score} > 0.5").rule in REJECT_RULES["cut"]
    assert parse("heuristic:top_2_gram > 0.3").rule in REJECT_RULES["cut"]
    assert parse("passage language:de > 0.5").rule == "language"


def test_only_cuts_are_reset() -> None:
    changed = RefineSettings(minimum_grade=0.5, cuts=("damage > 1",), languages=("de",), pii="keep")
    assert without_cuts(changed) == RefineSettings(pii="keep")
    assert set(CUT_SETTINGS) <= set(RefineSettings.model_fields)


def test_moves_are_told_both_ways_and_agree_with_the_cut() -> None:
    passages = corpus()
    scores = scored(passages)
    before = Cut(SETTINGS).run({"passages": passages, "scores": scores})["rejects"]
    stricter = RefineSettings(cuts=("damage > 0.04",))
    planned = moves(passages, scores, before, stricter)
    after = Cut(stricter).run({"passages": passages, "scores": scores})["rejects"]
    assert planned.kept_before == 10
    assert planned.kept_after == 10 - len(set(after["subject"].to_pylist())) == 9
    assert [(row.document, row.way, row.rule, row.passages) for row in planned.rows] == [
        ("d-0", "out", "damage", 1)
    ]
    assert planned.total("out") == (1, len(ENGLISH))
    back = moves(passages, scores, after, SETTINGS)
    assert [(row.way, row.rule) for row in back.rows] == [("back", "damage")]
    assert moves(passages, scores, after, stricter).rows == []


def test_familiarity_knows_the_language_and_not_noise() -> None:
    passages = corpus()
    rows = scored(passages).to_pylist()
    ids = {row["order"]: row["id"] for row in passages.to_pylist()}
    by_name = {
        name: {row["subject"]: row["value"] for row in rows if row["name"] == name}
        for name in ("letter_surprise", "word_surprise", "unfamiliar")
    }
    for values in by_name.values():
        assert values[ids[8]] > 1.5 * values[ids[9]] + 0.05
    assert by_name["unfamiliar"][ids[9]] == 0.0


def test_familiarity_does_not_depend_on_the_order_of_rows() -> None:
    passages = corpus()
    turned = passages.take(list(range(passages.num_rows))[::-1])
    one, other = (scored(table).sort_by([("subject", "ascending"), ("name", "ascending")])
                  for table in (passages, turned))  # fmt: skip
    for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True):
        assert a["name"] == b["name"]
        assert a["value"] == pytest.approx(b["value"])


def test_a_classifier_gives_scores_that_a_cut_can_use() -> None:
    passages = corpus()

    def classifier(texts: list[str]) -> list[float]:
        return [0.9 if "Part 3" in text else float("nan") for text in texts]

    rows = classifier_scores(passages, "toxicity", "test-1", classifier)
    assert rows["value"].to_pylist() == [0.9]
    assert list(cut(passages, rows, cuts=("toxicity > 0.5",)).values()) == ["toxicity"]
    with pytest.raises(UserError, match="no cut can use"):
        classifier_scores(passages, "vibes", "test-1", classifier)


def test_shares_of_letters_and_characters() -> None:
    assert 0.3 < vowel_share(ENGLISH) < 0.45
    assert vowel_share("rhythm myths") < vowel_share("aerie")
    assert single_letter_share("t h e word is here") == 0.5
    assert single_letter_share(ENGLISH) == 0.0
    assert entropy("aaaa") == 0.0
    assert entropy("abab") == 1.0
    assert compression("buy it now " * 40) < 0.2 < compression(ENGLISH)
    assert entropy("") == compression("") == 0.0


def test_profanity_counts_whole_words_of_both_lists() -> None:
    assert profanity("What the fuck is this shit?") == pytest.approx(2 / 6)
    assert profanity("The class assessed a shitake in Scunthorpe and Essex.") == 0.0
    assert profanity("You frobnicator!", ("frobnicator",)) == 0.5


def test_two_readings_of_a_page_give_loss_and_disorder() -> None:
    text = [part.strip() for part in (ENGLISH * 2).split(". ")]
    layer = [line(t, n, replaced=True) for n, t in enumerate(text)]
    reading = [line(t, 50 + n, engine="rapidocr") for n, t in enumerate(text)]
    same = twice_read([*layer, *reading])
    half = twice_read([*layer, *reading[: len(text) // 2]])
    assert set(same) == {"page:1:loss", "page:1:disorder"}
    assert half["page:1:loss"] > same["page:1:loss"] + 0.1
    assert twice_read(reading) == {}
