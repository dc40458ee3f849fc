"""The extract room: files become pages and lines.

`list_files` says what lies in a folder. `ExtractStage` reads one file and gives its ``documents``,
``pages`` and ``lines``: PDF through its text layer (pdfium) or, page by page, by OCR; HTML, DOCX,
Markdown and plain text through their own markup. Lines come in reading order with what the next
room needs to judge them: box, font, size, raised characters, the format's own hint. Nothing is
thrown away and nothing is cleaned here; a text layer that OCR replaces stays, marked as such.
A bad document is a row with a reason, not an exception. `render_page` makes a picture of a page.
`to_mmd` writes lines as MultiMarkdown. One module a format: `pdf` (with `calls`, `characters`,
`fonts`, `segments`, `layout`, `rows`, `damage`, `render`, `ocr`), `html`, `docx`, `markdown`,
`text`; `reading` is what they all give back; `mmd` and `grid` write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from goldsmith.extract.files import list_files
from goldsmith.extract.stage import ExtractStage

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ExtractStage", "list_files", "render_page", "to_mmd"]


def render_page(path: Path, page: int, scale: float) -> bytes:
    """Return a page (from 1) of a PDF as PNG, ``scale`` pixels a point; see `extract.render`."""
    from goldsmith.extract.render import render_page as render

    return render(path, page, scale)


def to_mmd(lines: pa.Table, labels: Mapping[str, str] | None = None) -> str:
    """Return the ``lines`` of one document as MultiMarkdown; see `extract.mmd`."""
    from goldsmith.extract.mmd import to_mmd as write

    return write(lines, labels)
