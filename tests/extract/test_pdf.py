"""PDFs of known content: order, columns, rotation, raised characters, hyphens, broken files."""

from __future__ import annotations

import io
import subprocess
import sys

import pyarrow as pa
import pytest
from conftest import WORDS, Extract, Typeset, texts

from goldsmith.extract.files import PDF
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import ReadingError
from goldsmith.lake.schemas import KEYS, SCHEMAS
from goldsmith.project import ExtractSettings

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")

NEVER = ExtractSettings(ocr="never")
PAGE = '#set page(width: 400pt, height: 500pt, margin: 40pt)\n#set text(size: 10pt, lang: "en")\n'
TWO_COLUMNS = (
    "#set page(width: 500pt, height: 600pt, margin: 50pt, columns: 2,"
    " header: [Running head #h(1fr) 7], footer: align(center)[foot 12])\n"
    '#set text(size: 10pt, hyphenate: true, lang: "en")\n#set par(justify: true)\n'
    '#place(top + center, scope: "parent", float: true)[#text(16pt)[Title over both columns]]\n'
    f"LEFTFIRST {WORDS * 5} LEFTLAST#footnote[The note of the left column.]\n#colbreak()\n"
    f"RIGHTFIRST {WORDS * 5} RIGHTLAST\n"
)


def place_of(lines: list[str], part: str) -> int:
    (place,) = [index for index, line in enumerate(lines) if part in line]
    return place


def test_two_columns_are_read_one_after_the_other(typeset: Typeset, extract: Extract) -> None:
    tables = extract(typeset(TWO_COLUMNS), PDF)
    lines = texts(tables)
    assert lines[0] == "Running head\t7"
    assert lines[-1] == "foot 12"
    order = ["Title over", "LEFTFIRST", "LEFTLAST", "The note", "RIGHTFIRST", "RIGHTLAST"]
    places = [place_of(lines, part) for part in order]
    assert places == sorted(places)
    body = tables["lines"].to_pylist()[places[1] : places[-1] + 1]
    assert all(row["x1"] <= 250 or row["x0"] >= 250 for row in body)
    joined = " ".join(row["text"] for row in body).replace("- ", "")
    assert joined.count(WORDS.strip()) == 10


def test_footnote_marks_and_exponents_are_raised(typeset: Typeset, extract: Extract) -> None:
    source = (
        PAGE
        + "Alpha#footnote[The note.] beta $x^2$ and 10#super(typographic: false)[th] with H#sub[2]O\n\n#super[3] end"
    )
    rows = extract(typeset(source), PDF)["lines"].to_pylist()
    marks = {
        row["text"]: [row["text"][one["start"] : one["end"]] for one in row["raised"]]
        for row in rows
    }
    assert marks["Alpha1 beta 𝑥2 and 10th with H2O"] == ["1", "2", "th"]
    assert marks["1The note."] == ["1"]
    assert marks["3 end"] == ["3"]


def test_hyphens_at_the_end_of_a_line_are_hyphens(typeset: Typeset, extract: Extract) -> None:
    source = (
        '#set page(width: 120pt, height: 200pt, margin: 20pt)\n#set text(size: 10pt, lang: "en",'
        " hyphenate: true)\n#set par(justify: true)\nInternationalization of extraordinary"
        " typographical considerations\n"
    )
    lines = texts(extract(typeset(source), PDF))
    assert any(line.endswith("-") for line in lines)
    assert not any(ord(c) < 32 or c in "\ufffe\ufffd\xad" for line in lines for c in line)
    assert "".join(lines).replace("-", "").startswith("Internationalization")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_and_cropped_pages_are_seen_as_displayed(
    typeset: Typeset, extract: Extract, rotation: int
) -> None:
    """A page drawn sideways and turned back by /Rotate gives the same lines and boxes."""
    source = PAGE + "\n\n".join(f"Line {name} of the page" for name in ("one", "two", "three"))
    plain = extract(typeset(source), PDF)
    writer = pypdf.PdfWriter(io.BytesIO(typeset(source)))
    page = writer.pages[0]
    page.rotate(rotation)
    page.transfer_rotation_to_content()  # the drawing itself is turned now
    page.rotate(-rotation)
    output = io.BytesIO()
    writer.write(output)
    turned = extract(output.getvalue(), PDF)
    assert texts(turned) == texts(plain)
    for name in ("x0", "y0", "x1", "y1"):
        expected = plain["lines"][name].to_pylist()
        assert turned["lines"][name].to_pylist() == pytest.approx(expected, abs=0.6)
    page.cropbox = pypdf.generic.RectangleObject((0, 0, 1000, 445))
    sizes = ("width", "height")
    assert [turned["pages"][name][0].as_py() for name in sizes] == pytest.approx([400, 500])
    assert turned["pages"]["rotation"][0].as_py() == (360 - rotation) % 360


def test_text_outside_the_crop_box_is_not_on_the_page(typeset: Typeset, extract: Extract) -> None:
    writer = pypdf.PdfWriter(io.BytesIO(typeset(PAGE + "above\n\n#v(200pt)\n\nbelow")))
    writer.pages[0].cropbox = pypdf.generic.RectangleObject((30, 0, 400, 300))
    output = io.BytesIO()
    writer.write(output)
    tables = extract(output.getvalue(), PDF)
    assert texts(tables) == ["below"]
    (row,) = tables["lines"].to_pylist()
    assert row["x0"] == pytest.approx(10, abs=1)
    assert (tables["pages"]["width"][0].as_py(), tables["pages"]["height"][0].as_py()) == (370, 300)


def test_a_stamp_up_the_side_does_not_touch_the_lines(typeset: Typeset, extract: Extract) -> None:
    stamp = "#place(left + horizon, dx: -30pt, rotate(-90deg, reflow: true)[side stamp 2024])\n"
    tables = extract(typeset(PAGE + stamp + WORDS * 4), PDF)
    lines = texts(tables)
    assert lines[-1] == "side stamp 2024"
    assert " ".join(lines[:-1]).replace("  ", " ").startswith(WORDS)
    stamp_row = tables["lines"].to_pylist()[-1]
    assert stamp_row["y1"] - stamp_row["y0"] > 5 * (stamp_row["x1"] - stamp_row["x0"])


def test_table_rows_stay_rows(typeset: Typeset, extract: Extract) -> None:
    cells = ", ".join(f"[Item {i}], [{i * 11}.5], [{i * 7}]" for i in range(1, 12))
    lines = texts(extract(typeset(PAGE + f"#table(columns: (1fr, 1fr, 1fr), {cells})"), PDF))
    assert lines[0].split("\t") == ["Item 1", "11.5", "7"]
    assert len(lines) == 11


def test_paragraphs_are_blocks(typeset: Typeset, extract: Extract) -> None:
    tables = extract(typeset(PAGE + f"= Heading\n{WORDS * 2}\n\n{WORDS * 2}"), PDF)
    rows = tables["lines"].to_pylist()
    starts = [i for i, row in enumerate(rows) if i == 0 or row["block"] != rows[i - 1]["block"]]
    assert [rows[i]["text"].split()[0] for i in starts] == ["Heading", "The", "The"]
    assert rows[0]["weight"] == 700
    assert rows[0]["size"] == pytest.approx(14, abs=0.1)
    assert rows[1]["weight"] == 400
    assert rows[1]["size"] == pytest.approx(10, abs=0.1)


def test_tables_follow_their_schemas_and_keys(typeset: Typeset, extract: Extract) -> None:
    first, second = (extract(typeset(TWO_COLUMNS), PDF) for _ in range(2))
    for name in ("documents", "pages", "lines"):
        assert first[name].schema == SCHEMAS[name]
        assert first[name].equals(second[name])
        keys = list(zip(*(first[name][key].to_pylist() for key in KEYS[name]), strict=True))
        assert keys == sorted(set(keys))
    assert len(set(first["lines"]["id"].to_pylist())) == first["lines"].num_rows
    blocks = first["lines"]["block"].to_pylist()
    assert blocks == sorted(blocks)
    assert set(blocks) == set(range(max(blocks) + 1))


def test_password(typeset: Typeset, extract: Extract) -> None:
    writer = pypdf.PdfWriter(io.BytesIO(typeset(PAGE + "secret")))
    writer.encrypt("word", algorithm="RC4-128")
    output = io.BytesIO()
    writer.write(output)
    (document,) = extract(output.getvalue(), PDF)["documents"].to_pylist()
    assert (document["status"], document["reason"]) == ("failed", "encrypted")


def test_too_many_pages_and_no_pages(typeset: Typeset) -> None:
    content = typeset(PAGE + "one\n#pagebreak()\ntwo")
    with pytest.raises(ReadingError, match="too many pages"):
        read_pdf(content, ExtractSettings(ocr="never", maximum_pages=1))
    output = io.BytesIO()
    pypdf.PdfWriter().write(output)
    with pytest.raises(ReadingError):
        read_pdf(output.getvalue(), NEVER)


def test_good_pages_survive_a_bad_one(typeset: Typeset, extract: Extract) -> None:
    writer = pypdf.PdfWriter(
        io.BytesIO(typeset(PAGE + "first\n#pagebreak()\nsecond\n#pagebreak()\nthird"))
    )
    kids = writer._root_object["/Pages"]["/Kids"]
    kids[1] = pypdf.generic.IndirectObject(9999, 0, writer)
    output = io.BytesIO()
    writer.write(output)
    tables = extract(output.getvalue(), PDF)
    assert texts(tables) == ["first", "third"]
    (document,) = tables["documents"].to_pylist()
    assert document["status"] == "ok"
    assert document["pages"] == 3
    assert "page 2" in document["detail"]


def test_truncated_anywhere(typeset: Typeset, extract: Extract) -> None:
    content = typeset(TWO_COLUMNS)
    for share in range(10):
        tables = extract(content[: len(content) * share // 10], PDF)
        (document,) = tables["documents"].to_pylist()
        assert document["status"] in ("ok", "failed")
        assert (document["status"] == "failed") == (document["reason"] is not None)


FUZZ = """
import random, sys
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import ReadingError
from goldsmith.project import ExtractSettings
content = open(sys.argv[1], "rb").read()
chance = random.Random(7)
read = 0
for _ in range(120):
    damaged = bytearray(content)
    for _ in range(chance.randrange(1, 40)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    if chance.random() < 0.3:
        at = chance.randrange(len(damaged))
        del damaged[at : at + chance.randrange(500)]
    try:
        read_pdf(bytes(damaged), ExtractSettings(ocr="never"))
        read += 1
    except ReadingError:
        pass
print("survived", read)
"""


def test_damaged_bytes_never_end_the_process(typeset: Typeset, tmp_path: object) -> None:
    path = f"{tmp_path}/a.pdf"
    with open(path, "wb") as file:
        file.write(typeset(TWO_COLUMNS))
    result = subprocess.run(
        [sys.executable, "-c", FUZZ, path], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert "survived" in result.stdout


def test_an_endless_page_tree_is_refused() -> None:
    objects = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 3>>endobj\n",
    ]
    content = b"%PDF-1.4\n" + b"".join(objects) + b"trailer<</Root 1 0 R/Size 3>>\n%%EOF"
    try:
        reading = read_pdf(content, NEVER)
    except ReadingError as problem:
        assert problem.reason in ("unreadable", "no pages")
    else:
        assert reading.lines == ()


def test_no_text_and_no_ocr_is_an_empty_page(typeset: Typeset, extract: Extract) -> None:
    tables = extract(typeset(PAGE + "#rect(width: 50pt)"), PDF)
    assert tables["pages"]["route"].to_pylist() == ["empty"]
    assert isinstance(tables["lines"], pa.Table)
    assert tables["lines"].num_rows == 0
