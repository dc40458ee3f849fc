"""Pages without a usable text layer are read by OCR; pages without ink are not."""

from __future__ import annotations

import io

import pypdfium2
import pytest
from conftest import WORDS, Extract, Typeset, files_row, texts

from goldsmith.extract import ExtractStage, render_page
from goldsmith.extract.files import PDF
from goldsmith.extract.render import MAXIMUM_PIXELS, has_ink, picture
from goldsmith.project import ExtractSettings

SMALL = "#set page(width: 300pt, height: 130pt, margin: 15pt)\n#set text(size: 11pt)\n"


def scanned(content: bytes, turn: int = 0) -> bytes:
    """The PDF as pictures of its pages, 150 dots per inch."""
    image = pypdfium2.PdfDocument(content)[0].render(scale=150 / 72).to_pil()
    output = io.BytesIO()
    image.rotate(turn, expand=True).save(output, "PDF", resolution=150)
    return output.getvalue()


@pytest.mark.parametrize("turn", [0, 90])
def test_a_scan_is_read(typeset: Typeset, extract: Extract, turn: int) -> None:
    distance = pytest.importorskip("rapidfuzz.distance", reason="rapidfuzz is not installed")
    tables = extract(scanned(typeset(SMALL + WORDS), turn), PDF, ocr="auto", ocr_dots_per_inch=150)
    assert tables["pages"]["route"].to_pylist() == ["ocr"]
    rows = tables["lines"].to_pylist()
    assert {row["engine"] for row in rows} == {"rapidocr"}
    assert all(0.5 <= row["confidence"] <= 1.0 and not row["replaced"] for row in rows)
    read = " ".join(row["text"] for row in rows)
    assert distance.Indel.normalized_similarity(read, WORDS.strip()) > 0.97
    width, height = (tables["pages"][name][0].as_py() for name in ("width", "height"))
    assert all(0 <= row["x0"] < row["x1"] <= width + 1 for row in rows)
    assert all(0 <= row["y0"] < row["y1"] <= height + 1 for row in rows)


def test_lines_that_cannot_be_deciphered_are_read_alone(
    typeset: Typeset, extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The codes are permuted and the deciphering is not trusted: the lines' regions are read."""
    from goldsmith.extract import repair

    monkeypatch.setattr(repair, "MINIMUM_CONFIDENCE", 1.01)
    content = permuted_codes(typeset(SMALL + WORDS))
    tables = extract(content, PDF, ocr="auto", ocr_dots_per_inch=150)
    (page,) = tables["pages"].to_pylist()
    assert page["damage"] > 0.5
    assert page["route"] == "ocr"
    rows = tables["lines"].to_pylist()
    assert {(row["engine"], row["replaced"]) for row in rows} == {
        ("pdfium", True),
        ("rapidocr", False),
    }
    read = " ".join(row["text"] for row in rows if not row["replaced"])
    assert "river carries sand" in read
    blocks = tables["lines"]["block"].to_pylist()
    assert blocks == sorted(blocks)
    old = [row for row in rows if row["replaced"]]
    for row in rows:
        if not row["replaced"]:
            middle = (row["y0"] + row["y1"]) / 2
            assert any(one["y0"] <= middle <= one["y1"] for one in old)


def permuted_codes(content: bytes) -> bytes:
    """Turn the letters of every ToUnicode map round by seven."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    import re

    def moved(match: re.Match[bytes]) -> bytes:
        code = int(match[2], 16)
        for first in (97, 65):
            if first <= code < first + 26:
                code = first + (code - first + 7) % 26
        return match[1] + f"<{code:04X}>".encode()

    writer = pypdf.PdfWriter(io.BytesIO(content))
    for number in range(len(writer._objects)):
        one = writer._objects[number]
        data = one.get_data() if isinstance(one, pypdf.generic.StreamObject) else b""
        if b"beginbfchar" in data:
            one.set_data(re.sub(rb"(<[0-9A-Fa-f]+>\s*)<([0-9A-Fa-f]{4})>", moved, data))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def test_a_blank_page_gives_no_text(typeset: Typeset) -> None:
    stage = ExtractStage(ExtractSettings())
    tables = stage.run(files_row(typeset(SMALL), PDF))
    assert tables["pages"]["route"].to_pylist() == ["empty"]
    assert texts(tables) == []


def test_huge_pages_are_rendered_small(typeset: Typeset) -> None:
    document = pypdfium2.PdfDocument(
        typeset("#set page(width: 9000pt, height: 9000pt)\n#set text(size: 400pt)\nx")
    )
    page = document[0]
    image, scale = picture(page.raw, 4.0)
    assert image.shape[0] * image.shape[1] <= MAXIMUM_PIXELS * 1.01
    assert scale < 1.0
    assert has_ink(image)


def test_render_page(typeset: Typeset, tmp_path: object) -> None:
    from pathlib import Path

    from PIL import Image

    from goldsmith.errors import UserError

    path = Path(str(tmp_path)) / "a.pdf"
    path.write_bytes(typeset(SMALL + WORDS))
    image = Image.open(io.BytesIO(render_page(path, 1, 2.0)))
    assert (image.format, image.size) == ("PNG", (600, 260))
    assert image.getextrema()[0][0] < 100
    with pytest.raises(UserError, match="no page 2"):
        render_page(path, 2, 1.0)
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be rendered"):
        render_page(path, 1, 1.0)


def test_failed_gives_the_row_that_stands_for_a_document() -> None:
    stage = ExtractStage(ExtractSettings())
    tables = stage.failed(files_row(b"x", PDF, "b.pdf"), "time limit", "took too long")
    (document,) = tables["documents"].to_pylist()
    assert (document["uri"], document["status"]) == ("b.pdf", "failed")
    assert document["reason"] == "time limit"
    assert document["detail"] == "took too long; raise extract.seconds_per_document"
    assert tables["lines"].num_rows == tables["pages"].num_rows == 0


def test_stage_refuses_what_it_does_not_read() -> None:
    stage = ExtractStage(ExtractSettings())
    (document,) = stage.run(files_row(b"x", "image/png"))["documents"].to_pylist()
    assert (document["status"], document["reason"]) == ("failed", "unsupported type")
