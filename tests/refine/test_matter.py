"""Title, authors, appendices: what is named keeps its words, what it was, and its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.extract import to_mmd
from goldsmith.project import RefineSettings
from goldsmith.refine import Clean, Tag, check_cover
from goldsmith.refine.lines import body_size, read_lines
from goldsmith.refine.matter import find_matter

from .made import line, lines_table

TEXT = [
    "the committee met in the old town hall and heard reports from each district,",
    "and rain had fallen for three days, so the lower road was closed to wagons.",
    "Nobody could say when the bridge would open, and few believed the mayor at all.",
]


def paper(front: list[tuple[str, dict[str, Any]]], parts: list[str]) -> list[dict[str, Any]]:
    """A first page with this front and an introduction, then a page for each part."""
    rows: list[dict[str, Any]] = []
    y = 60.0

    def add(text: str, **fields: Any) -> None:
        nonlocal y
        size = fields.get("size", 11.0)
        block = fields.pop("block", len(rows))
        rows.append(line(text, len(rows), y0=y, y1=y + size, block=block, **fields))
        y += size + 4

    def running(page: int) -> None:
        for row in range(9):
            words = TEXT[row % 3].split()
            add(" ".join(words[page:] + words[:page]), page=page, block=1000 + page)

    for text, fields in front:
        add(text, **fields)
    add("1 Introduction", size=13.0, weight=700)
    running(1)
    for page, part in enumerate(parts, start=2):
        y = 60.0
        add(part, page=page, size=13.0, weight=700)
        running(page)
    return rows


FRONT: list[tuple[str, dict[str, Any]]] = [
    ("On Bridges and the Roads", {"size": 18.0, "weight": 700, "block": 0}),
    ("That Lead to Them", {"size": 18.0, "weight": 700, "block": 0}),
    ("Ada Lovelace and Charles Babbage", {"size": 13.0}),
    ("Department of Engines, University of London", {"size": 10.0, "block": 3}),
    ("12 St James's Square, England", {"size": 10.0, "block": 3}),
    ("ada@engines.ac.uk", {"size": 10.0}),
    ("March 1843", {"size": 10.0}),
]


def tagged(rows: list[dict[str, Any]], tagger: str = "rules") -> list[tuple[str, str]]:
    stage = Tag(RefineSettings.model_validate({"tagger": tagger}))
    tags = stage.run({"lines": lines_table(rows)})["tags"].column("label").to_pylist()
    return [(row["text"], label) for row, label in zip(rows, tags, strict=True)]


@pytest.mark.parametrize("tagger", ["rules", "trained"])
def test_title_and_authors(tagger: str) -> None:
    found = tagged(paper(FRONT, ["2 Results", "3 Summary"]), tagger)
    assert [label for _, label in found[:8]] == [
        *["TITLE"] * 2,
        *["AUTHOR"] * 4,
        "CONTENT",
        "HEADING",
    ]
    assert {label for _, label in found[8:]} == {"CONTENT", "HEADING"}


def test_a_document_without_a_title_has_none() -> None:
    assert {label for _, label in tagged(paper([], ["2 Results"]))} == {"CONTENT", "HEADING"}


def test_a_subtitle_is_no_author_and_text_after_a_title_is_text() -> None:
    front = [FRONT[0], ("A Guide for the Patient Traveller", {"size": 14.0, "weight": 700})]
    found = dict(tagged(paper(front, ["Rivers", "Roads"])))
    assert found["A Guide for the Patient Traveller"] == "HEADING"
    assert "AUTHOR" not in found.values()


def test_an_appendix_goes_on_to_the_next_main_part() -> None:
    parts = ["2 Results", "Appendix A. Proofs", "A.1 The long one", "References"]
    rows = paper(FRONT, parts)
    rows += [
        line(f"[{number}] Lee, A. The Bridge. {1990 + number}.", 200 + number, page=6, block=99)
        for number in range(1, 6)
    ]
    labels = [label for _, label in tagged(rows)]
    pages: dict[int, set[str]] = {}
    for row, label in zip(rows, labels, strict=True):
        pages.setdefault(row["page"], set()).add(label)
    assert pages[2] == {"HEADING", "CONTENT"}
    assert pages[3] == pages[4] == {"HEADING", "ANNEX"}
    assert "ANNEX" not in pages[5] | pages[6]


def test_what_is_no_running_text_keeps_its_label_in_an_appendix() -> None:
    rows = paper(FRONT, ["2 Results", "Appendix"])
    last = len(rows)
    rows += [
        line(f"{TEXT[0][:20]}\t{n}.5\t{n * 7}", last + n, page=3, y0=300 + 14 * n, block=9)
        for n in range(4)
    ]
    found = tagged(rows)
    assert {label for _, label in found[last:]} == {"TABLE"}
    assert found[last - 1][1] == "ANNEX"


def test_a_title_stands_above_all_headings() -> None:
    rows = paper(FRONT, ["2 Results", "2.1 Again", "Thanks", "Appendix A"])
    tables = {"lines": lines_table(rows)}
    tables |= Tag(RefineSettings()).run(tables)
    made = Clean(RefineSettings()).run(tables)
    passages = made["passages"].to_pylist()
    title = "On Bridges and the Roads That Lead to Them"
    levels = {row["text"]: row["level"] for row in passages if row["kind"] == "heading"}
    assert levels.pop(title) == 1
    assert levels == {
        "1 Introduction": 2,
        "2 Results": 2,
        "2.1 Again": 3,
        "Thanks": 2,
        "Appendix A": 2,
    }
    assert {row["heading_path"][0] for row in passages} == {title}
    assert passages[-1]["kind"] == "paragraph"
    assert passages[-1]["heading_path"] == [title, "Appendix A"]
    labels = {tag["line"]: tag["label"] for tag in tables["tags"].to_pylist()}
    text = to_mmd(tables["lines"], labels)
    assert text.startswith(f"# {title}\n\nAda Lovelace and Charles Babbage\n\nDepartment of")
    assert "\n## 1 Introduction\n" in text
    assert "\n## Appendix A\n" in text
    assert not list(check_cover(tables["lines"], made["passages"], made["rejects"]))


words = st.text(st.sampled_from("Abc d.@1,"), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(words, st.sampled_from([9.0, 11.0, 18.0]), st.booleans()), max_size=12))
def test_only_text_and_headings_get_new_labels(drawn: list[tuple[str, float, bool]]) -> None:
    rows = [
        line(text, order, size=size, weight=700 if bold else 400, block=order // 2)
        for order, (text, size, bold) in enumerate(drawn)
    ]
    lines = read_lines(lines_table(rows))
    kinds = ["HEADING" if one.bold else ("FOOTNOTE", "CONTENT")[one.order % 2] for one in lines]
    found = find_matter(lines, kinds, body_size(lines))
    for one, kind in zip(lines, kinds, strict=True):
        label = found.get(one.id, (kind, 1.0))[0]
        assert label == kind or kind != "FOOTNOTE"
        assert label != "ANNEX" or kind == "CONTENT"
