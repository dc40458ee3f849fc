"""Documents of known content, made when they are needed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pytest

from goldsmith.extract import ExtractStage
from goldsmith.lake.ids import content_id
from goldsmith.project import ExtractSettings

Typeset = Callable[[str], bytes]
Extract = Callable[..., dict[str, pa.Table]]

WORDS = (
    "The river carries sand from the hills to the sea and leaves it where the water is slow. "
    "Every spring the banks move a little and the farmers measure their fields again. "
)


@pytest.fixture(scope="session")
def typeset() -> Typeset:
    """Typst source to PDF bytes; the same source is typeset once."""
    typst = pytest.importorskip("typst", reason="typst is not installed")
    known: dict[str, bytes] = {}

    def make(source: str) -> bytes:
        if source not in known:
            known[source] = typst.compile(source.encode("utf-8"))
        return known[source]

    return make


def files_row(content: bytes, media_type: str, uri: str = "a") -> dict[str, pa.Table]:
    """The one-row table that the stage reads."""
    row = {
        "id": [content_id("document", content)],
        "uri": [uri],
        "media_type": [media_type],
        "size": pa.array([len(content)], pa.int64()),
        "content": pa.array([content], pa.large_binary()),
    }
    return {"files": pa.table(row)}


@pytest.fixture
def extract() -> Extract:
    def run(content: bytes, media_type: str, **settings: object) -> dict[str, pa.Table]:
        stage = ExtractStage(ExtractSettings.model_validate({"ocr": "never"} | settings))
        return stage.run(files_row(content, media_type))

    return run


def texts(tables: dict[str, pa.Table]) -> list[str]:
    return tables["lines"]["text"].to_pylist()


def docx(body: str, **parts: str) -> bytes:
    """A small Word document around the given body XML; parts are further XML files by name."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>"
        )
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", content.replace("SPACE", space))
    return output.getvalue()
