"""Values of form fields: lines with page and box beside their words, once, and nothing invented."""

from __future__ import annotations

import pytest
from conftest import Extract, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from written import check_box, pdf, text, text_field

from goldsmith.extract import to_mmd
from goldsmith.extract.files import PDF
from goldsmith.extract.pdf import read_pdf
from goldsmith.project import ExtractSettings

LABELS = text([(40, 250, "Name:"), (40, 220, "Town:"), (220, 250, "Born:"), (40, 190, "Signed")])
WIDGETS = [
    text_field("person.name", "Ada Lovelace", (80, 246, 200, 262)),
    text_field("town", "London", (80, 216, 200, 232)),
    text_field("born", "10 December 1815", (260, 246, 380, 262)),
    check_box("signed", True, (20, 187, 32, 199)),
]


def test_values_are_lines_of_their_own_beside_their_words(extract: Extract) -> None:
    rows = extract(pdf(LABELS, WIDGETS), PDF)["lines"].to_pylist()
    assert [row["text"] for row in rows] == [
        "Name:", "Ada Lovelace", "Born:", "10 December 1815", "Town:", "London", "☒", "Signed",
    ]  # fmt: skip
    value = rows[1]
    assert (value["engine"], value["hint"]) == ("form", "field:person.name")
    assert value["page"] == 1
    assert value["font"] is None
    assert value["size"] == 9
    assert 80 <= value["x0"] < value["x1"] <= 200
    assert 38 <= value["y0"] < value["y1"] <= 54
    assert {row["engine"] for row in rows if row["hint"] is None} == {"pdfium"}


def test_a_value_that_the_page_says_in_its_place_is_not_said_twice(extract: Extract) -> None:
    drawn = LABELS + "\n" + text([(84, 250, "Ada"), (104, 250, "Lovelace"), (22, 189, "X")])
    lines = texts(extract(pdf(drawn, WIDGETS), PDF))
    assert " ".join(lines).count("Lovelace") == 1
    assert "☒" not in lines
    assert "London" in lines


def test_boxes_lists_and_lines_are_told_as_the_page_shows_them(extract: Extract) -> None:
    options = "/Opt [[(de) (Germany)] [(fr) (France)] [(it) (Italy)]]"
    group = "/FT /Btn /Ff 32768 /T (way) /V /a /AP << /N << /{} << >> /Off << >> >> >> /F 4"
    widgets = [
        check_box("one", True, (40, 250, 50, 260)),
        check_box("two", False, (40, 230, 50, 240)),
        group.format("a") + " /AS /a /Rect [40 210 50 220]",
        group.format("b") + " /AS /Off /Rect [40 190 50 200]",
        f"/FT /Ch /Ff 131072 /T (country) /V (fr) {options} /Rect [40 165 140 180] /F 4",
        text_field("notes", r"first line\nsecond line", (40, 100, 240, 160), "/Ff 4096"),
    ]
    lines = texts(extract(pdf(text([(60, 280, "Choose")]), widgets), PDF))
    assert lines == ["Choose", "☒", "☐", "◉", "○", "France", "first line", "second line"]


def test_what_the_page_does_not_show_is_not_given(extract: Extract) -> None:
    hidden = text_field("hidden", "unseen", (80, 200, 200, 215)).replace("/F 4", "/F 6")
    widgets = [
        text_field("empty", "", (80, 246, 200, 262)),
        hidden,
        text_field("secret", "password", (80, 170, 200, 185), "/Ff 8192"),
        text_field("flat", "nowhere", (80, 150, 80, 150)),
        text_field("beside", "off the page", (500, 150, 600, 170)),
        "/FT /Btn /Ff 65536 /T (push) /MK << /CA (Send) >> /Rect [80 100 140 120] /F 4",
        "/FT /Sig /T (sig) /Rect [80 60 140 80] /F 4",
    ]
    assert texts(extract(pdf(LABELS, widgets), PDF)) == ["Name:\tBorn:", "Town:", "Signed"]


def test_a_page_with_nothing_but_a_form_has_its_values(extract: Extract) -> None:
    tables = extract(pdf("", WIDGETS[:2]), PDF)
    assert texts(tables) == ["Ada Lovelace", "London"]
    assert tables["pages"]["route"].to_pylist() == ["text layer"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_box_is_that_of_the_page_as_displayed(extract: Extract, rotation: int) -> None:
    content = pdf(LABELS, WIDGETS[:1], page=f"/Rotate {rotation}")
    (row,) = [r for r in extract(content, PDF)["lines"].to_pylist() if r["engine"] == "form"]
    x, y = (row["x0"] + row["x1"]) / 2, (row["y0"] + row["y1"]) / 2
    x0, y0, x1, y1 = {
        0: (80, 38, 200, 54), 90: (246, 80, 262, 200), 180: (200, 246, 320, 262),
        270: (38, 200, 54, 320),
    }[rotation]  # fmt: skip
    assert x0 < x < x1
    assert y0 < y < y1


def test_fields_of_a_table_stand_in_its_cells(extract: Extract) -> None:
    heads = [(40, 250, "Item"), (160, 250, "Count"), (280, 250, "Price")]
    names = [(40, 230 - 20 * n, name) for n, name in enumerate(("Bolt", "Nut", "Screw", "Pin"))]
    widgets = [
        text_field(f"{what}{n}", f"{value}{n}", (x, 226 - 20 * n, x + 60, 240 - 20 * n))
        for n in range(4)
        for what, value, x in (("count", 4, 160), ("price", 7, 280))
    ]
    tables = extract(pdf(text(heads + names), widgets), PDF)
    grid = [line for line in to_mmd(tables["lines"]).splitlines() if line.startswith("|")]
    assert grid[0] == "| Item | Count | Price |"
    assert grid[2:] == [
        f"| {name} | 4{n} | 7{n} |" for n, name in enumerate(("Bolt", "Nut", "Screw", "Pin"))
    ]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(min_codepoint=48, max_codepoint=122), min_size=1, max_size=12),
            st.integers(0, 9),
            st.integers(0, 3),
        ),
        max_size=8,
        unique_by=lambda one: one[1:],
    )
)
@settings(max_examples=60, deadline=None)
def test_every_value_is_given_once_and_no_character_of_the_page_is_lost(
    values: list[tuple[str, int, int]],
) -> None:
    words = [(20, 275 - 25 * row, f"label{row}") for row in range(10)]
    widgets = [
        text_field(f"f{number}", said.replace("\\", r"\\"), (70 + 80 * column, 272 - 25 * row,
                   140 + 80 * column, 286 - 25 * row))
        for number, (said, row, column) in enumerate(values)
    ]  # fmt: skip
    lines = read_pdf(pdf(text(words), widgets), ExtractSettings(ocr="never")).lines
    given_values = [line.text for line in lines if line.engine == "form"]
    assert sorted(given_values) == sorted(said for said, _, _ in values)
    layer = " ".join(line.text for line in lines if line.engine == "pdfium").split()
    assert sorted(layer) == sorted(said for _, _, said in words)


def test_the_values_of_a_form_pass_the_next_room_beside_their_words(extract: Extract) -> None:
    from goldsmith.project import RefineSettings
    from goldsmith.refine import Tag

    tables = extract(pdf(LABELS, WIDGETS), PDF)
    tags = Tag(RefineSettings()).run(tables)["tags"].to_pylist()
    labels = {tag["line"]: tag["label"] for tag in tags}
    form = [row for row in tables["lines"].to_pylist() if row["engine"] == "form"]
    assert {labels[row["id"]] for row in form} == {"CONTENT"}
    assert "Name: Ada Lovelace Born: 10 December 1815" in to_mmd(tables["lines"], labels)


def test_fields_that_are_their_own_parents_and_values_leave_the_page_as_it_is(
    extract: Extract,
) -> None:
    loops = [
        text_field("self", "v", (10, 10, 90, 30)) + " /Parent 6 0 R /Kids [6 0 R]",
        text_field("one", "w", (110, 10, 190, 30)) + " /Parent 8 0 R /Kids [8 0 R]",
        text_field("other", "w", (210, 10, 290, 30)) + " /Parent 7 0 R /Kids [7 0 R 3 0 R 1 0 R]",
        "/FT /Ch /T (list) /Opt [9 0 R [9 0 R]] /V [9 0 R] /Rect [10 50 90 70] /F 4",
    ]
    tables = extract(pdf(LABELS, loops), PDF)
    assert tables["documents"]["status"].to_pylist() == ["ok"]
    assert texts(tables)[:1] == ["Name:\tBorn:"]


def test_a_form_is_read_to_a_limit_and_the_document_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [text_field(f"f{n}", "said", (10, 10 + 14 * n, 90, 22 + 14 * n)) for n in range(20)]
    never = ExtractSettings(ocr="never")
    whole = read_pdf(pdf(LABELS, many), never)
    assert (sum(line.engine == "form" for line in whole.lines), whole.detail) == (20, None)
    for name, limit in (("_ALL", 200), ("_MOST", 7), ("_LONGEST", 8)):
        with monkeypatch.context() as smaller:
            smaller.setattr(f"goldsmith.extract.forms.{name}", limit)
            cut = read_pdf(pdf(LABELS, many), never)
        assert sum(line.engine == "form" for line in cut.lines) < 20, name
        assert sum(line.engine == "pdfium" for line in cut.lines) == 3
        assert cut.detail == "its form holds more than is read"
