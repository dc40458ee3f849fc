"""What cleaning does to a text, case by case: this comes in, that goes out, by that rule."""

from __future__ import annotations

from typing import Any

import pytest

from goldsmith.project import RefineSettings
from goldsmith.refine import Clean, check_cover

from .made import line, lines_table, tags_table

REFERENCES = ["[1] Lee, A. (2019). The Bridge.", "[2] Smith, B. (2020).", "[3] Wu, C. (2021)."]


def clean(
    rows: list[dict[str, Any]], labels: list[str] | None = None, **chosen: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    lines = lines_table(rows)
    tags = tags_table(rows, labels or ["CONTENT"] * len(rows))
    made = Clean(RefineSettings(**chosen)).run({"lines": lines, "tags": tags})
    assert check_cover(lines, made["passages"], made["rejects"]) == []
    return made["passages"].to_pylist(), made["rejects"].to_pylist()


def text_of(*texts: str, references: bool = False, **chosen: Any) -> str:
    """The first passage of one block of lines."""
    rows = [line(text, order) for order, text in enumerate(texts)]
    labels = ["CONTENT"] * len(rows)
    if references:
        rows += [line(text, len(rows) + n, block=9) for n, text in enumerate(REFERENCES)]
        labels += ["REFERENCE"] * 3
    return clean(rows, labels, **chosen)[0][0]["text"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["The com-", "mittee met."], "The committee met."),
        (["a low-rank form, a low-", "rank form"], "a low-rank form, a low-rank form"),
        (["state-of-the-", "art methods"], "state-of-the-art methods"),
        (["The Anglo-", "American war"], "The Anglo-American war"),
        (["from 1990-", "2000 on"], "from 1990-2000 on"),
        (["the deci\u00ad", "sion"], "the decision"),
        (["The eﬀect of ﬁne ﬂow"], "The effect of fine flow"),
        (["It was cafe\u0301  time\x07"], "It was café time"),
        (["Itâ€™s here"], "It’s here"),
        (["x ∈ ℝ² and 𝑎 = 10²"], "x ∈ ℝ² and 𝑎 = 10²"),
    ],
)
def test_characters_and_hyphens(lines: list[str], expected: str) -> None:
    assert text_of(*lines) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This is known [1, 2] and used [1]–[3].", "This is known and used."),
        ("As shown in [3] it works.", "As shown in [3] it works."),
        ("A value in [0, 1] is drawn.", "A value in [0, 1] is drawn."),
        ("The interval x ∈ [1, 2] is closed.", "The interval x ∈ [1, 2] is closed."),
        ("The entry a[1] is read.", "The entry a[1] is read."),
        ("Nobody cites [7] here.", "Nobody cites [7] here."),
        ("Roads matter (Smith et al., 2020; Lee, 2019).", "Roads matter."),
        ("It rained (May 2020) for days.", "It rained (May 2020) for days."),
        ("The war (1914-1918) ended.", "The war (1914-1918) ended."),
    ],
)
def test_citation_marks(text: str, expected: str) -> None:
    assert text_of(text, references=True) == expected
    assert text_of(text, references=True, citation_marks="keep") == text


def test_citations_without_a_reference_list_stay() -> None:
    assert text_of("This is known [1, 2].") == "This is known [1, 2]."


def test_a_citation_across_lines() -> None:
    assert text_of("This is known [1,", "2] to all.", references=True) == "This is known to all."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jo.doe@example.org now.", "Write to [EMAIL] now."),
        ("Call us at +41 (0)96 471 07 95.", "Call us at [PHONE]."),
        ("Fax: 358 0594", "Fax: [PHONE]"),
        ("My card 4007070753690781 is lost.", "My card [CARD] is lost."),
        ("My card 4007070753690782 is lost.", "My card 4007070753690782 is lost."),
        ("ISBN 978-3-16-148410-0", "ISBN 978-3-16-148410-0"),
        ("From 2019-2020 to 2021-2022.", "From 2019-2020 to 2021-2022."),
        ("The sum 1234567 is large.", "The sum 1234567 is large."),
        ("id 123-45-6789-00", "id 123-45-6789-00"),
    ],
)
def test_personal_data(text: str, expected: str) -> None:
    assert text_of(text) == expected
    assert text_of(text, pii="keep") == text


def test_footnote_marks_go_and_exponents_stay() -> None:
    text = "The mayor3 spoke of 5 km2, of x2 and of 106 men.4"
    ends = [text.index(word) + len(word) for word in ("mayor3", "km2", "x2", "106", "men.4")]
    raised = [{"start": end - 1, "end": end} for end in ends]
    rows = [line(text, 0, raised=raised)]
    passages, rejects = clean(rows)
    assert passages[0]["text"] == "The mayor spoke of 5 km2, of x2 and of 106 men."
    assert [row["rule"] for row in rejects] == ["footnote mark"] * 2


def test_raised_digits_within_a_formula_stay() -> None:
    text = "The sum iλ2r of it"
    rows = [line(text, 0, raised=[{"start": 10, "end": 11}])]
    assert text[10:11] == "2"
    assert clean(rows)[0][0]["text"] == text


def test_a_paragraph_runs_over_a_page_with_its_furniture() -> None:
    rows = [
        line("The committee met in the old town hall and heard", 0),
        line("1 See the minutes.", 1, block=1, size=8.0),
        line("12", 2, block=2),
        line("reports from each district.", 3, page=2, y0=90.0, y1=101.0),
        line("A new paragraph begins.", 4, page=2, block=1, y0=120.0, y1=131.0),
    ]
    passages, rejects = clean(rows, ["CONTENT", "FOOTNOTE", "PAGE_NUMBER", "CONTENT", "CONTENT"])
    assert [row["text"] for row in passages] == [
        "The committee met in the old town hall and heard reports from each district.",
        "A new paragraph begins.",
    ]
    assert {row["rule"] for row in rejects} == {"FOOTNOTE", "PAGE_NUMBER"}
    assert [span["page"] for span in passages[0]["spans"]] == [1, 2]


def test_headings_have_levels_and_paths() -> None:
    rows = [
        line("The Town", 0, size=20.0),
        line("1 Roads", 1, block=1, size=16.0),
        line("1.1 Bridges", 2, block=2, size=13.0),
        line("Text.", 3, block=3),
        line("2 Water", 4, block=4, size=16.0),
        line("Text.", 5, block=5),
    ]
    passages, _ = clean(rows, ["HEADING"] * 3 + ["CONTENT", "HEADING", "CONTENT"])
    assert [row["level"] for row in passages] == [1, 2, 3, 0, 2, 0]
    assert passages[3]["heading_path"] == ["The Town", "1 Roads", "1.1 Bridges"]
    assert passages[5]["heading_path"] == ["The Town", "2 Water"]


def test_tables_and_code_keep_their_shape() -> None:
    rows = [line("Name\tYear", 0), line("Lee\t2019", 1), line("if x:", 2), line("    y = 1", 3)]
    passages, _ = clean(rows, ["TABLE", "TABLE", "CODE", "CODE"])
    assert passages[0]["text"] == "Name | Year\nLee | 2019"
    assert passages[1]["text"] == "if x:\n    y = 1"


def test_another_reading_replaces_a_line() -> None:
    passages, rejects = clean([line("c0rrupt", 0, replaced=True), line("correct", 1)])
    assert [row["text"] for row in passages] == ["correct"]
    assert rejects[0]["rule"] == "replaced reading"
