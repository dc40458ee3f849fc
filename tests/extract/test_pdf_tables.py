"""Tables of PDFs: cells, columns, heads, lines of one row; and what is no table."""

from __future__ import annotations

from conftest import WORDS, Extract, Typeset
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.extract import to_mmd
from goldsmith.extract.files import PDF
from goldsmith.extract.grid import read_cells, render_table

PAGE = '#set page(width: 420pt, height: 600pt, margin: 40pt)\n#set text(size: 10pt, lang: "en")\n'


def grid_of(mmd: str) -> list[list[str]]:
    rows = [line for line in mmd.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in [rows[0], *rows[2:]]]


def test_a_ruled_and_an_unruled_table_are_the_same_grid(typeset: Typeset, extract: Extract) -> None:
    names = ("Alder", "Birch", "Cedar", "Douglas fir")
    rows = [[name, f"{n * 7}.5", f"{n * 31} cm"] for n, name in enumerate(names)]
    cells = ", ".join(f"[{cell}]" for row in [["Tree", "Age", "Girth"], *rows] for cell in row)
    for stroke in ("none", "0.5pt"):
        source = f"{PAGE}{WORDS}\n\n#table(columns: (1fr, 1fr, 1fr), stroke: {stroke}, {cells})\n"
        mmd = to_mmd(extract(typeset(source + WORDS), PDF)["lines"])
        assert grid_of(mmd) == [["Tree", "Age", "Girth"], *rows]


def test_an_empty_cell_does_not_move_its_neighbours(typeset: Typeset, extract: Extract) -> None:
    rows = [["one", "11", "12", "13"], ["two", "", "22", "23"], ["three", "31", "32", ""]]
    rows += [["four", "41", "42", "43"], ["five", "51", "52", "53"]]
    cells = ", ".join(f"[{cell}]" for row in rows for cell in row)
    source = f"{PAGE}#table(columns: (1fr, 1fr, 1fr, 1fr), stroke: none, {cells})"
    assert grid_of(to_mmd(extract(typeset(source), PDF)["lines"])) == rows


def test_lines_of_one_cell_are_one_row(typeset: Typeset, extract: Extract) -> None:
    long = "a cell that is set on several lines"
    rows = [["one", "11", "12"], ["two", long, "22"], ["three", "31", "32"], ["four", "41", "42"]]
    cells = ", ".join(f"[{cell}]" for row in rows for cell in row)
    source = f"{PAGE}#table(columns: (90pt, 90pt, 90pt), inset: 8pt, stroke: none, {cells})"
    assert grid_of(to_mmd(extract(typeset(source), PDF)["lines"])) == rows


def test_a_head_over_columns_spans_them(typeset: Typeset, extract: Extract) -> None:
    body = ", ".join(f"[row {n}], [{n}1], [{n}2], [{n}3], [{n}4]" for n in range(5))
    head = "[], table.cell(colspan: 2, align: center)[First], table.cell(colspan: 2, align: center)"
    source = (
        f"{PAGE}#table(columns: (1fr,) * 5, align: center, stroke: none, {head}[Second], {body})"
    )
    mmd = to_mmd(extract(typeset(source), PDF)["lines"])
    assert '<th colspan="2">First</th><th colspan="2">Second</th>' in mmd


def test_text_lists_and_contents_are_no_tables(typeset: Typeset, extract: Extract) -> None:
    sources = (
        PAGE + "#set par(justify: true)\n" + WORDS * 6,
        PAGE + "\n".join(f"+ {WORDS}" for _ in range(4)),
        PAGE + "\n".join(f"- point {n}" for n in range(8)),
        PAGE + "#outline()\n" + "\n".join(f"= Chapter {n}\n{WORDS}" for n in range(6)),
        PAGE + '#set math.equation(numbering: "(1)")\n' + "$ a = b + c $\n\n" * 5,
    )
    for source in sources:
        hints = extract(typeset(source), PDF)["lines"]["hint"].to_pylist()
        assert not any((hint or "").startswith("table") for hint in hints)


@given(
    st.lists(
        st.lists(
            st.text(
                st.characters(
                    codec="utf-8",
                    exclude_characters="\t\n\r|\\<>&\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e",
                ),
                max_size=8,
            ),
            min_size=2,
            max_size=5,
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_cell_is_in_the_grid_once(rows: list[list[str]]) -> None:
    width = max(map(len, rows))
    rows = [[cell.strip() for cell in row] + [""] * (width - len(row)) for row in rows]
    places = ",".join(map(str, range(width)))
    lines = [("\t".join(row), f"table:{number}:c{places}") for number, row in enumerate(rows)]
    cells = read_cells(lines)
    assert [[cells[r, c][1] for c in range(width)] for r in range(len(rows))] == rows
    drawn = render_table(lines).split("\n")
    assert len(drawn) == len(rows) + 1
    assert all(line.count("|") == width + 1 for line in drawn)
