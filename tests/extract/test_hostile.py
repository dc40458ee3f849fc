"""Files made to break a reader: each is read or refused with a reason, within its limits."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from conftest import Extract, Typeset
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.extract.files import PDF
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import ReadingError
from goldsmith.extract.render import MAXIMUM_PIXELS, render_page
from goldsmith.project import ExtractSettings

NEVER = ExtractSettings(ocr="never")
FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf(objects: dict[int, bytes]) -> bytes:
    """A PDF of these objects; 1 is the catalogue. No cross-reference table: readers rebuild it."""
    parts = [b"%PDF-1.7\n"]
    parts += [b"%d 0 obj\n%b\nendobj\n" % (number, body) for number, body in objects.items()]
    return b"".join(parts) + b"trailer<</Root 1 0 R/Size %d>>\n%%%%EOF" % (max(objects) + 1)


def stream(content: bytes, entries: str = "") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries.encode(), len(content), content)


def one_page(content: bytes, page: str = "", **more: bytes) -> bytes:
    resources = f"/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>{page}"
    return pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 300]>>",
            3: f"<</Type/Page/Parent 2 0 R/Contents 4 0 R{resources}>>".encode(),
            4: stream(content),
            5: FONT.encode(),
            **{int(name[1:]): body for name, body in more.items()},
        }
    )


def status(extract: Extract, content: bytes) -> tuple[str, str | None, int]:
    (row,) = extract(content, PDF)["documents"].to_pylist()
    return row["status"], row["reason"], row["pages"]


def test_ten_thousand_pages_are_read_and_more_than_the_limit_are_not(extract: Extract) -> None:
    count = 10_000
    kids = b" ".join(b"%d 0 R" % (number + 10) for number in range(count))
    pages = {10 + n: b"<</Type/Page/Parent 2 0 R>>" for n in range(count)}
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[%b]/Count %d/MediaBox[0 0 9 9]>>" % (kids, count),
        **pages,
    }
    content = pdf(objects)
    assert status(extract, content) == ("ok", None, count)
    with pytest.raises(ReadingError, match="too many pages"):
        read_pdf(content, ExtractSettings(ocr="never", maximum_pages=count - 1))


def test_no_pages(extract: Extract) -> None:
    content = pdf({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[]/Count 0>>"})
    assert status(extract, content)[:2] in (("failed", "no pages"), ("failed", "unreadable"))


def test_an_image_bomb_is_read_and_drawn_in_little_memory(tmp_path: Path) -> None:
    side = 40_000  # 200 MB as bits, 1.6 GB as grey
    picture = zlib.compress(bytes(side // 8 * side), 9)
    image = stream(
        picture,
        f"/Type/XObject/Subtype/Image/Width {side}/Height {side}/BitsPerComponent 1"
        "/ColorSpace/DeviceGray/Filter/FlateDecode",
    )
    content = one_page(b"BT /F 12 Tf 20 20 Td (words) Tj ET q 300 0 0 300 0 0 cm /X Do Q", x6=image)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = read_pdf(content, NEVER).lines
    assert line.text == "words"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    path = tmp_path / "bomb.pdf"
    path.write_bytes(one_page(b"", "/MediaBox[0 0 200000 200000]"))
    assert len(render_page(path, 1, 4.0)) < MAXIMUM_PIXELS


@pytest.mark.parametrize("depth", [1, 2])
def test_a_form_that_draws_itself(extract: Extract, depth: int) -> None:
    resources = "/Resources<</Font<</F 5 0 R>>/XObject<</X %d 0 R>>>>"
    entries = "/Type/XObject/Subtype/Form/BBox[0 0 300 300]" + resources
    content = b"BT /F 12 Tf 20 20 Td (again) Tj ET /X Do"
    forms = {
        "x6": stream(content, entries % (5 + depth)),
        "x7": stream(content, entries % 6),
    }
    state, reason, pages = status(extract, one_page(b"/X Do", **forms))
    assert (state, reason, pages) == ("ok", None, 1)


def test_objects_that_are_each_other(extract: Extract) -> None:
    content = pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1/Parent 3 0 R>>",
            3: b"<</Type/Page/Parent 3 0 R/Contents 4 0 R/MediaBox 5 0 R>>",
            4: b"4 0 R",
            5: b"6 0 R",
            6: b"5 0 R",
        }
    )
    state, reason, _ = status(extract, content)
    assert state == "ok" or reason is not None


NUMBERS = st.one_of(
    st.integers(-3, 900),
    st.floats(-1e9, 1e9, allow_nan=False),
    st.sampled_from([0, 1e-9, -1e38, 3.4e38, 2**31, -(2**31)]),
)


@given(
    box=st.lists(NUMBERS, min_size=4, max_size=4),
    rotate=st.integers(-1000, 1000),
    size=NUMBERS,
    matrix=st.lists(NUMBERS, min_size=6, max_size=6),
    words=st.lists(st.binary(max_size=6), max_size=6),
)
@settings(max_examples=80, deadline=None)
def test_numbers_of_any_size(
    box: list[float], rotate: int, size: float, matrix: list[float], words: list[bytes]
) -> None:
    numbers = " ".join(f"{number:.9f}" for number in matrix)
    shown = " ".join(
        f"<{word.hex()}> {number:.3f}" for word, number in zip(words, matrix, strict=False)
    )
    content = f"BT /F {size:.9f} Tf {numbers} Tm [{shown}] TJ ET BT /F 9 Tf 9 9 Td (plain) Tj ET"
    page = f"/MediaBox[{' '.join(f'{number:.9f}' for number in box)}]/Rotate {rotate}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = read_pdf(one_page(content.encode(), page), NEVER)
    assert len(reading.pages) == 1
    for line in reading.lines:
        assert line.box is not None
        assert line.box[0] < line.box[2]
        assert line.box[1] < line.box[3]


FUZZ = """
import sys
from goldsmith.extract.pdf import read_pdf
from goldsmith.extract.reading import ReadingError
from goldsmith.project import ExtractSettings
for line in sys.stdin:
    try:
        read_pdf(bytes.fromhex(line), ExtractSettings(ocr="never"))
    except ReadingError:
        pass
print("survived")
"""


def test_mutations_never_end_the_process(typeset: Typeset) -> None:
    """Bytes changed and taken out anywhere; a crash of pdfium would end the process it runs in."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    writer = pypdf.PdfWriter(io.BytesIO(typeset("= Title\nText $x^2/3$ #table(columns: 2)[a][b]")))
    output = io.BytesIO()
    writer.write(output)
    found: list[str] = []

    @given(st.data())
    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    def mutate(data: st.DataObject) -> None:
        content = bytearray(output.getvalue())
        for _ in range(data.draw(st.integers(1, 25))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            start = data.draw(st.integers(0, len(content) - 1))
            del content[start : start + data.draw(st.integers(1, 400))]
        found.append(bytes(content).hex())

    mutate()
    result = subprocess.run(
        [sys.executable, "-c", FUZZ], input="\n".join(found), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "survived" in result.stdout
