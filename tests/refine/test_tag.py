"""Labels of lines: furniture goes, text never."""

from __future__ import annotations

from typing import Any

from goldsmith.project import RefineSettings
from goldsmith.refine import Tag

from .made import line, lines_table

SENTENCES = [
    "The committee met in the old town hall and heard reports from each district.",
    "Rain had fallen for three days, so the lower road was closed to wagons.",
    "Nobody could say when the bridge would open, and few believed the mayor.",
    "A second meeting was planned for the spring, after the thaw.",
]


def book(pages: int, head: str = "Chapter 3", number: bool = True) -> list[dict[str, Any]]:
    """Pages of running text with a head on top and a number at the foot."""
    rows: list[dict[str, Any]] = []

    def add(text: str, page: int, y: float, **fields: Any) -> None:
        place = {"page": page, "y0": y, "y1": y + 11.0}
        rows.append(line(text, len(rows), **place, **fields))

    for page in range(1, pages + 1):
        if head:
            add(head, page, 40.0, size=9.0)
        for row in range(24):
            words = SENTENCES[row % 4].split()
            turned = words[page % 7 :] + words[: page % 7]
            add(f"{' '.join(turned)} ({page}.{row})", page, 90.0 + 14 * row, block=1)
        if number:
            add(str(page + 12), page, 740.0, block=2)
    return rows


def labels(rows: list[dict[str, Any]]) -> dict[str, str]:
    tags = Tag(RefineSettings()).run({"lines": lines_table(rows)})["tags"].to_pylist()
    named = {tag["line"]: tag["label"] for tag in tags}
    return {row["text"]: named[row["id"]] for row in rows if row["id"] in named}


def test_repeated_heads_and_counting_numbers_are_furniture() -> None:
    found = labels(book(6))
    assert found["Chapter 3"] == "HEADER"
    assert {found[str(page + 12)] for page in range(1, 7)} == {"PAGE_NUMBER"}
    assert all(label == "CONTENT" for text, label in found.items() if "(" in text)


def test_alternating_heads_with_their_page_numbers() -> None:
    rows = book(8, head="", number=False)
    for page in range(1, 9):
        text = f"{page + 40}\tThe Town" if page % 2 else f"Closing the Road\t{page + 40}"
        rows.append(line(text, len(rows), page=page, y0=40.0, y1=51.0))
    found = labels(rows)
    assert {found[row["text"]] for row in rows[-8:]} == {"HEADER"}


def test_one_page_loses_no_text() -> None:
    found = labels(book(1, head="Minutes of the town council", number=False))
    assert set(found.values()) <= {"CONTENT", "HEADING"}


def test_page_three_of_nine_needs_no_other_page() -> None:
    rows = book(1, head="", number=False)
    rows.append(line("Page 3 of 9", len(rows), y0=740.0, y1=751.0))
    assert labels(rows)["Page 3 of 9"] == "PAGE_NUMBER"


def test_numbers_of_a_table_at_the_foot_are_no_page_numbers() -> None:
    rows = book(4, head="", number=False)
    for page in range(1, 5):
        rows.append(line(str(page * 171 % 83), len(rows), page=page, y0=426.0, y1=437.0))
    found = labels(rows)
    assert "PAGE_NUMBER" not in found.values()


def test_headings_lists_captions_notes_references() -> None:
    rows = book(3, head="", number=False)

    def add(text: str, **fields: Any) -> None:
        rows.append(line(text, len(rows), **({"page": 4} | fields)))

    add("4.2 The bridge", y0=90, y1=106, size=16.0, weight=700, block=1)
    add("Three things were asked for:", y0=120, y1=131, block=2)
    add("• a new rail on the north side,", y0=134, y1=145, block=2)
    add("• lamps at both ends.", y0=148, y1=159, block=2)
    add("Figure 3: The bridge from the south.", y0=200, y1=210, size=9.5, block=3)
    for row in range(6):
        add(f"{SENTENCES[row % 4]} 4{row}", y0=230 + 14 * row, y1=241 + 14 * row, block=4)
    add("1 See the minutes of the year before.", y0=700, y1=708, size=8.0, block=5)
    add("References", page=5, y0=90, y1=106, size=16.0, weight=700, block=1)
    add("[1] Lee, A. The Bridge. 1999.", page=5, y0=120, y1=131, block=2)
    add("[2] Smith, B. The Road. 2004.", page=5, y0=134, y1=145, block=2)
    add("Appendix", page=5, y0=160, y1=176, size=16.0, weight=700, block=3)
    add("The plans follow on the next page.", page=5, y0=190, y1=201, block=4)
    found = labels(rows)
    assert found["4.2 The bridge"] == "HEADING"
    assert found["• lamps at both ends."] == "LIST"
    assert found["Figure 3: The bridge from the south."] == "CAPTION"
    assert found["1 See the minutes of the year before."] == "FOOTNOTE"
    assert found["[2] Smith, B. The Road. 2004."] == "REFERENCE"
    assert found["Appendix"] == "HEADING"
    assert found["The plans follow on the next page."] == "ANNEX"


def test_the_format_knows_better() -> None:
    rows = [
        line("42", 0, hint="paragraph", engine="html", x1=0.0),
        line("A title", 1, hint="heading:1", engine="html", x1=0.0, block=1),
        line("x = 1", 2, hint="code", engine="html", x1=0.0, block=2),
    ]
    assert list(labels(rows).values()) == ["CONTENT", "TITLE", "CODE"]


def test_replaced_lines_get_no_tag() -> None:
    rows = [line("good words", 0), line("g00d w0rds", 1, replaced=True)]
    assert Tag(RefineSettings()).run({"lines": lines_table(rows)})["tags"].num_rows == 1
