"""The pages of a PDF that are loaded, with their text.

Loading a page and its text is a third of all the work on it, so no page is loaded twice if that can
be helped: the first pages stay open until the document is done, since the second look at doubtful
fonts (`repair`) may need them again. Of the other pages only those at work are open, so that memory
does not grow with the number of pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from goldsmith.extract.characters import LARGEST_SIDE, Frame

_KEPT = 5  # pages, the first of the document, that stay open


@dataclass(frozen=True)
class OpenPage:
    """A loaded page, by number from 1: pdfium's page, its text page (or None), and its frame."""

    number: int
    handle: Any
    text: Any
    frame: Frame


class OpenPages:
    """The loaded pages of a document; `close` it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._open: dict[int, OpenPage] = {}

    def page(self, number: int) -> OpenPage | None:
        """Return the page of that number, or None where it cannot be loaded."""
        if number not in self._open:
            handle = pdfium.FPDF_LoadPage(self.document.raw, number - 1)
            if not handle:
                return None
            text = pdfium.FPDFText_LoadPage(handle) or None
            self._open[number] = OpenPage(number, handle, text, _frame(handle))
        return self._open[number]

    def release(self, number: int) -> None:
        """Close a page, unless it is one of the first."""
        if number > _KEPT and number in self._open:
            _close(self._open.pop(number))

    def close(self) -> None:
        """Close what is still open."""
        for page in self._open.values():
            _close(page)
        self._open.clear()


def _close(page: OpenPage) -> None:
    if page.text:
        pdfium.FPDFText_ClosePage(page.text)
    pdfium.FPDF_ClosePage(page.handle)


def _frame(handle: Any) -> Frame:
    box = pdfium.FS_RECTF()
    rotation = pdfium.FPDFPage_GetRotation(handle) % 4 * 90
    if not pdfium.FPDF_GetPageBoundingBox(handle, box) or box.right <= box.left:
        return Frame(0.0, 0.0, 612.0, 792.0, rotation)
    right, top = min(box.right, box.left + LARGEST_SIDE), min(box.top, box.bottom + LARGEST_SIDE)
    return Frame(box.left, box.bottom, right, top, rotation)
