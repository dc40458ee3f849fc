"""The stage that turns one file into its pages and lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from goldsmith.extract.files import DOCX, HTML, MARKDOWN, PDF, TEXT
from goldsmith.extract.reading import Reading, ReadingError, failed_tables, tables_of
from goldsmith.pipeline import return_pages
from goldsmith.pipeline.stage import Tables
from goldsmith.project import ExtractSettings

_HINTS = {
    "time limit": "raise extract.seconds_per_document",
    "memory limit": "raise extract.megabytes_per_worker",
}


@dataclass(frozen=True)
class ExtractStage:
    """files -> documents, pages, lines; one call reads one document.

    ``files`` has one row: id, uri, media_type, size, content. A document that cannot be read is a
    row with status "failed" and its reason, never an exception. Time and memory are the runner's
    to limit; `failed` gives what it commits when a limit was met.
    """

    settings: ExtractSettings

    def __post_init__(self) -> None:
        """Raise UserError when the chosen OCR engine has nothing to run with."""
        if self.settings.ocr == "auto" and self.settings.ocr_engine == "nougat":
            from goldsmith.extract.nougat import check

            check(self.settings.nougat)

    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 6
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("files",)
    writes: ClassVar[tuple[str, ...]] = ("documents", "pages", "lines")

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        """Read the document in ``tables["files"]``."""
        document = _only_row(tables)
        try:
            reading = _read(str(document["media_type"]), bytes(document["content"]), self.settings)
        except ReadingError as problem:
            return failed_tables(document, problem.reason, problem.detail)
        return tables_of(document, reading)

    def failed(self, tables: Tables, reason: str, detail: str) -> dict[str, pa.Table]:
        """What stands for a document whose reading did not come to an end.

        ``reason`` is one of DOCUMENT_REASONS: "time limit", "memory limit", "worker died".
        """
        hint = _HINTS.get(reason)
        return failed_tables(_only_row(tables), reason, f"{detail}; {hint}" if hint else detail)


def _only_row(tables: Tables) -> dict[str, Any]:
    (row,) = tables["files"].to_pylist()
    return dict(row)


def _read(media_type: str, content: bytes, settings: ExtractSettings) -> Reading:
    if not content:
        raise ReadingError("empty file", "the file has no bytes")
    if media_type == PDF:
        from goldsmith.extract.pdf import read_pdf

        return_pages()
        return read_pdf(content, settings)
    if media_type == DOCX:
        from goldsmith.extract.docx import read_docx

        return read_docx(content)
    if media_type == HTML:
        from goldsmith.extract.html import read_html

        return read_html(content)
    if media_type == MARKDOWN:
        from goldsmith.extract.markdown import read_markdown

        return read_markdown(content)
    if media_type == TEXT:
        from goldsmith.extract.text import read_text

        return read_text(content)
    raise ReadingError("unsupported type", f"{media_type} is not read")
