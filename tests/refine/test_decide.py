"""Scores, cuts and merges."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Cut, Deduplicate, Screen
from goldsmith.refine.gibberish import gibberish
from goldsmith.refine.screen import repetition

from .made import empty, passage, passages_table

ENGLISH = (
    "The committee met in the old town hall and heard reports from each district. Rain had fallen "
    "for three days, so the lower road was closed to wagons. Nobody could say when the bridge "
    "would open again, and few of those present believed what the mayor told them that night."
)
GERMAN = (
    "Der Ausschuss traf sich im alten Rathaus und hörte Berichte aus jedem Bezirk. Es hatte drei "
    "Tage lang geregnet, deshalb war die untere Straße für Wagen gesperrt. Niemand konnte sagen, "
    "wann die Brücke wieder öffnen würde, und wenige glaubten dem Bürgermeister an diesem Abend."
)


def noise(seed: int, words: int = 30) -> str:
    source = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(source.choices(letters, k=source.randint(3, 9))) for _ in range(words))


def cut(rows: list[dict[str, Any]], **chosen: Any) -> dict[str, str]:
    """Rule by text of what was cut."""
    settings = RefineSettings(**chosen)
    passages = passages_table(rows)
    scores = Screen(settings).run({"passages": passages, "lines": empty("lines")})["scores"]
    rejects = Cut(settings).run({"passages": passages, "scores": scores})["rejects"]
    text = {row["id"]: row["text"] for row in rows}
    return {text[row["subject"]]: row["rule"] for row in rejects.to_pylist()}


@pytest.mark.parametrize("seed", range(20))
def test_random_letters_are_gibberish(seed: int) -> None:
    assert gibberish(noise(seed, 8)) > 0.9


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        GERMAN,
        "Les jeunes gens qui arrivent à Paris chaque année cherchent du travail.",
        "Krisztián Szöllösy, Wojciechowski, Mkrtchyan, Nguyen Phuong, Rzeszów",
        "sin(x) = cos(y) + tan(z), a_ij = b_ik c_kj",
        "BMDS C2 C2BMC CBRN CEC CP C-RAM DPICC FAAD FCE FDL",
        "12.5 | 13.7 | 0.4 | 88 | 1,204",
        "Introduction",
    ],
)
def test_language_names_and_signs_are_not(text: str) -> None:
    assert gibberish(text) < 0.2


def test_shifted_letters_are_gibberish() -> None:
    shifted = "".join(chr((ord(c) - 96) % 26 + 97) if c.isalpha() else c for c in ENGLISH.lower())
    assert gibberish(shifted) > 0.9


def test_repetition() -> None:
    assert repetition(ENGLISH) == 0.0
    assert repetition("buy it now " * 20) > 0.9


def test_the_other_language_goes_with_its_heading_and_formula() -> None:
    rows = [
        passage("The bridge", 0, kind="heading", level=1),
        passage(ENGLISH, 1),
        passage("Results", 2),
        passage("x = 1", 3, kind="equation"),
        passage(f"{ENGLISH} Again. {ENGLISH}", 4),
        passage("Die Brücke", 5, kind="heading", level=1, page=2),
        passage(GERMAN, 6, page=2),
        passage("Ergebnis 7", 7, page=2),
        passage(GERMAN + " Ende.", 8, page=2),
    ]
    found = cut([*rows, passage(ENGLISH + " More of it.", 0, "d-2")])
    assert found == {row["text"]: "language" for row in rows[5:]}
    assert cut(rows, languages=("en", "de")) == {}
    assert set(cut(rows, languages=("de",))) == {row["text"] for row in rows[:5]}


def test_gibberish_goes_and_its_good_heading_stays() -> None:
    rows = [
        passage("The bridge", 0, kind="heading", level=1),
        passage(noise(1), 1),
        passage(ENGLISH, 2),
        passage("Appendix", 3, kind="heading", level=1),
        passage(noise(2), 4),
    ]
    found = cut(rows, languages=("en",))
    assert ENGLISH not in found
    assert "The bridge" not in found
    assert found[rows[1]["text"]] in ("gibberish", "language")
    assert "Appendix" in found


def test_too_short_spares_headings_and_tables() -> None:
    rows = [
        passage("Roads", 0, kind="heading", level=1),
        passage(".", 1),
        passage("7", 2, kind="table"),
        passage(ENGLISH, 3),
    ]
    assert cut(rows) == {".": "too short"}


def deduplicate(
    rows: list[dict[str, Any]], **uris: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Merge documents whose uris are their ids, unless given (d_a="name")."""
    names = {row["document"]: row["document"] for row in rows}
    names |= {key.replace("_", "-"): uri for key, uri in uris.items()}
    files = [
        dict.fromkeys(SCHEMAS["documents"].names) | {"id": i, "uri": u} for i, u in names.items()
    ]
    documents = pa.Table.from_pylist(files, SCHEMAS["documents"])
    made = Deduplicate(RefineSettings()).run(
        {
            "passages": passages_table(rows),
            "rejects:cut": empty("rejects"),
            "documents": documents,
            "pages": empty("pages"),
            "scores": empty("scores"),
        }
    )
    assert made["clusters"].schema == SCHEMAS["clusters"]
    return made["clusters"].to_pylist(), made["rejects"].to_pylist()


def test_equal_documents_keep_the_first_by_name() -> None:
    rows = [passage(ENGLISH, 0, "d-b"), passage(ENGLISH, 0, "d-a"), passage(GERMAN, 0, "d-c")]
    clusters, rejects = deduplicate(rows)
    (cluster,) = clusters
    assert cluster == {
        "member": "d-b",
        "kept": "d-a",
        "method": "exact",
        "similarity": 1.0,
        "reason": "first",
    }
    assert [(row["subject"], row["merged_into"]) for row in rejects] == [(rows[0]["id"], "d-a")]
    clusters, _ = deduplicate(rows, d_a="z.pdf", d_b="a.pdf")
    assert [(row["member"], row["kept"]) for row in clusters] == [("d-a", "d-b")]


def test_of_near_documents_a_few_words_more_do_not_count() -> None:
    rows = [
        passage(ENGLISH, 0, "d-a"),
        passage(ENGLISH + " They went home.", 0, "d-b"),
        passage(GERMAN, 0, "d-c"),
    ]
    clusters, _ = deduplicate(rows)
    assert [(row["member"], row["kept"], row["method"]) for row in clusters] == [
        ("d-b", "d-a", "minhash")
    ]
    assert 0.7 <= clusters[0]["similarity"] < 1.0


def test_of_near_documents_a_much_longer_one_is_kept() -> None:
    more = " They went home by the upper road, which was dry, and slept until noon. Nobody spoke."
    rows = [passage(ENGLISH, 0, "d-a"), passage(ENGLISH + more, 0, "d-b")]
    clusters, _ = deduplicate(rows)
    assert [(row["member"], row["kept"]) for row in clusters] == [("d-a", "d-b")]


def test_documents_in_two_languages_both_stay() -> None:
    rows = [passage(ENGLISH, 0, "d-a"), passage(ENGLISH, 1, "d-a"), passage(GERMAN, 0, "d-b")]
    assert cut(rows) == {}


def test_equal_paragraphs_within_and_across_documents() -> None:
    rows = [
        passage(GERMAN, 0, "d-a"),
        passage(ENGLISH, 1, "d-a"),
        passage("Short.", 2, "d-a"),
        passage(" ".join(noise(n) for n in range(9)), 0, "d-b"),
        passage(ENGLISH.upper(), 1, "d-b"),
        passage("Short.", 2, "d-b"),
    ]
    clusters, rejects = deduplicate(rows)
    assert [(row["member"], row["kept"]) for row in clusters] == [(rows[4]["id"], rows[1]["id"])]
    assert {row["subject"] for row in rejects} == {rows[4]["id"]}


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [passage(ENGLISH + f" {n % 3}", n, f"d-{n}") for n in range(7)]
    assert deduplicate(rows) == deduplicate(rows[::-1])
    settings = RefineSettings()
    one, other = (
        Screen(settings).run({"passages": passages_table(some), "lines": empty("lines")})["scores"]
        for some in (rows, rows[::-1])
    )
    order = [("document", "ascending"), ("subject", "ascending"), ("name", "ascending")]
    assert one.sort_by(order).equals(other.sort_by(order))
    assert isinstance(one, pa.Table)
