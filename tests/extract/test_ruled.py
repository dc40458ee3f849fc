"""Ruled tables: cells as the rulings part them, and no table where rulings are something else."""

from __future__ import annotations

from itertools import pairwise

from conftest import WORDS, Extract, Typeset
from hypothesis import given, settings
from hypothesis import strategies as st
from written import pdf, text

from goldsmith.extract import to_mmd
from goldsmith.extract.files import PDF
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.rulings import Ruling, find_lattices
from goldsmith.project import ExtractSettings

Rule = tuple[float, float, float, float]


def rules(lines: list[Rule]) -> str:
    return "\n".join(f"{a} {b} m {c} {d} l S" for a, b, c, d in lines)


def lattice(xs: list[float], ys: list[float]) -> str:
    level = [(xs[0], y, xs[-1], y) for y in ys]
    return rules(level + [(x, ys[0], x, ys[-1]) for x in xs])


def boxes(xs: list[float], ys: list[float]) -> str:
    """Each cell drawn as a box of its own."""
    return "\n".join(
        f"{x} {y} {right - x} {top - y} re S"
        for x, right in pairwise(xs)
        for y, top in pairwise(ys)
    )


def bars(xs: list[float], ys: list[float]) -> str:
    """The same as one path of thin filled rectangles."""
    wide, high = xs[-1] - xs[0], ys[-1] - ys[0]
    level = [f"{xs[0]} {y} {wide} 0.6 re" for y in ys]
    return "\n".join([*level, *(f"{x} {ys[0]} 0.6 {high} re" for x in xs), "f"])


def hints(extract: Extract, content: bytes) -> list[str | None]:
    hinted: list[str | None] = extract(content, PDF)["lines"]["hint"].to_pylist()
    return hinted


def grid(extract: Extract, content: bytes) -> list[str]:
    lines = to_mmd(extract(content, PDF)["lines"]).splitlines()
    return [line for line in lines if line.startswith(("|", "<tr"))]


XS, YS = [40, 140, 240, 340], [200, 220, 240]
TWO = text(
    [
        *((45, 226, "Tree"), (145, 226, "Age"), (245, 226, "Girth")),
        *((45, 206, "Birch"), (145, 206, "31"), (245, 206, "2 m")),
    ]
)


def test_two_rows_are_a_table_however_the_rulings_are_drawn(extract: Extract) -> None:
    for drawn in (lattice, boxes, bars):
        found = grid(extract, pdf(f"{TWO}\n{drawn(XS, YS)}"))
        assert found == ["| Tree | Age | Girth |", "|---|---|---|", "| Birch | 31 | 2 m |"]
    assert not any(hints(extract, pdf(TWO)))


def test_a_page_on_its_side_has_its_rulings_there_too(extract: Extract) -> None:
    turned = f"q 0 1 -1 0 350 -20 cm\n{TWO}\n{lattice(XS, YS)}\nQ"
    content = pdf(turned, page="/Rotate 90 /MediaBox [0 0 400 400]")
    assert grid(extract, content)[:1] == ["| Tree | Age | Girth |"]


def test_merged_cells_span_what_they_span(extract: Extract) -> None:
    words = [(45, 246, "Trees"), (150, 246, "In the year of measuring")]
    words += [(145, 226, "Age"), (245, 226, "Girth"), (45, 206, "Birch"), (145, 206, "31")]
    walls: list[Rule] = [(40, y, 340, y) for y in (200, 220, 260)]
    walls += [(140, 240, 340, 240), (40, 200, 40, 260), (140, 200, 140, 260)]
    walls += [(240, 200, 240, 240), (340, 200, 340, 260)]
    content = pdf(text([*words, (245, 206, "2 m")]) + "\n" + rules(walls))
    assert hints(extract, content) == ["table:0:c0,1-2", "table:1:c1,2", "table:2:c0,1,2"]
    assert "colspan" in "".join(grid(extract, content))


def test_words_a_space_apart_are_parted_by_a_wall(extract: Extract) -> None:
    xs = [40, 95, 200, 300]
    words = [(43, 246, "full row"), (98, 246, "of the words"), (204, 246, "apart")]
    words += [(43, 226, "next one in"), (98, 226, "and one for her"), (204, 226, "two")]
    words += [(43, 206, "first"), (98, 206, "second"), (204, 206, "third")]
    found = grid(extract, pdf(text(words) + "\n" + lattice(xs, [200, 220, 240, 260])))
    assert found[2] == "| next one in | and one for her | two |"


def test_lines_of_a_cell_are_one_row_of_the_lattice(extract: Extract) -> None:
    words = [(45, 266, "Head"), (145, 266, "Other"), (45, 246, "one"), (145, 246, "a longer")]
    words += [(145, 234, "cell of"), (145, 222, "lines"), (45, 206, "two"), (145, 206, "short")]
    found = grid(extract, pdf(text(words) + "\n" + lattice([40, 140, 340], [200, 218, 260, 280])))
    assert found[2:] == ["| one | a longer cell of lines |", "| two | short |"]


def test_a_frame_around_unruled_rows_leaves_them_apart(extract: Extract) -> None:
    rows = [(x, 246 - 14 * n, f"{n}{x}") for n in range(6) for x in (45, 145, 245)]
    content = pdf(text(rows) + "\n" + lattice(XS, [170, 242, 262]))
    assert len(grid(extract, content)) == 7


def test_a_table_that_is_larger_than_its_rulings_is_not_divided(extract: Extract) -> None:
    rows = [(x, 266 - 20 * n, f"{n}{x}") for n in range(5) for x in (45, 145, 245)]
    content = pdf(text(rows) + "\n" + lattice(XS, [200, 220, 240, 260]))
    assert [hint and hint.split(":")[1] for hint in hints(extract, content)] == list("01234")


def test_the_space_around_boxed_cells_is_no_column(extract: Extract) -> None:
    shaded = "\n".join(f"{x + 5} {y + 4} 90 14 re f" for x in XS[:-1] for y in YS[:-1])
    found = grid(extract, pdf(f"0.9 g\n{shaded}\n0 g\n{TWO}\n{lattice(XS, YS)}"))
    assert found == ["| Tree | Age | Girth |", "|---|---|---|", "| Birch | 31 | 2 m |"]


def test_axes_and_boxed_text_are_no_tables(extract: Extract) -> None:
    ticks = text([(30 + 60 * n, 90, str(n)) for n in range(6)] + [(20, 250, "y"), (330, 250, "b")])
    chart = ticks + "\n" + lattice([40 + 60 * n for n in range(6)], [100, 140, 180, 220, 260])
    assert not any(hints(extract, pdf(chart)))
    through = text([(45, 226, "words that run through a wall that is here"), (300, 226, "x")])
    through += "\n" + text([(45, 206, "and on the next line they do so again"), (300, 206, "y")])
    assert not any(hints(extract, pdf(through + "\n" + lattice(XS, YS))))


def test_a_typeset_table_between_paragraphs(typeset: Typeset, extract: Extract) -> None:
    source = (
        '#set page(width: 420pt, height: 600pt, margin: 40pt)\n#set text(size: 10pt, lang: "en")\n'
        f"{WORDS}\n\n#table(columns: (1fr, 1fr, 1fr), [Tree], [Age], [Girth], [Birch], [31], [2 m])"
        f"\n{WORDS}"
    )
    tables = extract(typeset(source), PDF)
    assert grid(extract, typeset(source))[2:] == ["| Birch | 31 | 2 m |"]
    marked = [row for row in tables["lines"].to_pylist() if row["hint"]]
    assert len(marked) == 2


def test_drawings_of_many_paths_are_read_to_a_limit() -> None:
    many = "\n".join(f"{n % 390} 0 m {n % 390} 300 l S" for n in range(2500))
    long = " ".join(f"{n % 390} {n % 290} l" for n in range(9000))
    for drawing in (many, f"0 0 m {long} S", "0 0 m 9 9 100 100 200 200 c S"):
        lines = read_pdf(pdf(f"{TWO}\n{drawing}"), ExtractSettings(ocr="never")).lines
        assert [line.text for line in lines] == ["Tree\tAge\tGirth", "Birch\t31\t2 m"]


PLACES = st.lists(st.integers(0, 30), min_size=3, max_size=6, unique=True)


@given(PLACES, PLACES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_lattice_is_found_from_its_pieces_in_any_order(
    columns: list[int], rows: list[int], random: object
) -> None:
    xs, ys = sorted(20.0 * one for one in columns), sorted(20.0 * one for one in rows)
    level = [Ruling(y, xs[0], xs[-1]) for y in ys]
    upright = [Ruling(x, ys[0], ys[-1]) for x in xs]
    random.shuffle(level)  # type: ignore[attr-defined]
    (found,) = find_lattices(level, upright)
    assert (found.xs, found.ys) == (xs, ys)
    assert found.upright.all()
    assert found.level.all()
    without = [Ruling(x, ys[1], ys[-1]) if x == xs[1] else Ruling(x, *rest) for x, *rest in upright]
    (merged,) = find_lattices(level, without)
    assert merged.columns(0, 0) == (0, 1)
    assert merged.columns(1, 0) == (0, 0)
