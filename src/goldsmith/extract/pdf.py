"""PDF: pages and lines from the text layer, or by OCR where the layer is of no use.

Each page is judged alone: its text layer is read and its damage measured; a page with no text but
ink, with a damaged layer, or that is a scan with a stamp on it, is rendered and read by OCR
(``ocr = "auto"``). The text layer of such a page stays, marked ``replaced``. A page that pdfium
cannot load becomes an empty page and a word in the document's detail; the other pages stand.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from goldsmith.extract.characters import ASKEW, Frame, Pieces, read_pieces
from goldsmith.extract.forms import ENGINE, Field, Form, apart, open_form, read_fields, with_fields
from goldsmith.extract.formulas import is_mathematical, join_formulas
from goldsmith.extract.glance import Run
from goldsmith.extract.initials import find_initials, place_initials
from goldsmith.extract.layout import reading_order
from goldsmith.extract.opened import OpenPage, OpenPages
from goldsmith.extract.reading import Box, Line, Page, Reading, ReadingError
from goldsmith.extract.render import has_ink, picture
from goldsmith.extract.repair import RegionReader, repaired
from goldsmith.extract.rows import make_lines, make_rows
from goldsmith.extract.rulings import Lattice, find_lattices, read_rulings
from goldsmith.extract.segments import make_view
from goldsmith.extract.tables import mark_tables
from goldsmith.project import ExtractSettings

_BATCH = 10  # pages that are open at the same time
_STAMP = 100  # characters; a page-wide image with fewer on it is a scan with a stamp
_SCAN_COVER = 0.5  # share of the page that images must cover to make it a scan


def read_pdf(content: bytes, settings: ExtractSettings) -> Reading:
    """Read a PDF. Raises ReadingError: "encrypted", "unreadable", "no pages", "too many pages"."""
    document = _open(content)
    form = open_form(document)
    try:
        count = pdfium.FPDF_GetPageCount(document.raw)
        if count < 1:
            raise ReadingError("no pages", "the PDF opens, but has no pages")
        if count > settings.maximum_pages:
            detail = f"{count} pages; extract.maximum_pages is {settings.maximum_pages}"
            raise ReadingError("too many pages", detail)
        return _read_pages(document, form, count, settings)
    finally:
        if form is not None:
            form.close()
        document.close()


def _open(content: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD:
            detail = "the PDF needs a password; save a copy without one"
            raise ReadingError("encrypted", detail) from error
        raise ReadingError("unreadable", "no PDF structure that can be followed") from error


def _read_pages(document: Any, form: Form | None, count: int, settings: ExtractSettings) -> Reading:
    pages: list[Page] = []
    lines: list[Line] = []
    runs: list[Run] = []
    scans: list[int] = []
    lost: list[int] = []
    opened = OpenPages(document)
    try:
        for first in range(1, count + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, count + 1))
            batch = [loaded for number in numbers if (loaded := opened.page(number))]
            with _uncollected():
                found = _text_layers(batch, runs, form)
            layers = {
                loaded.number: (loaded, layer) for loaded, layer in zip(batch, found, strict=True)
            }
            for number in numbers:
                if number not in layers:
                    lost.append(number)
                    pages.append(Page(number, None, None, 0, "empty", 0.0))
                    continue
                page, mine = _judge(*layers[number], settings, scans)
                pages.append(page)
                lines += mine
                opened.release(number)
        if len(lost) == count:
            raise ReadingError("unreadable", f"none of the {count} pages can be read")
        regions = _region_reader(settings) if settings.ocr == "auto" else None
        pages, lines = repaired(opened, pages, lines, runs, regions)
    finally:
        opened.close()
    if scans:
        from goldsmith.extract.nougat import read_scans

        pages, lines = read_scans(document, scans, pages, lines, settings)
    details = [f"{len(lost)} pages cannot be read, first page {lost[0]}"] if lost else []
    if form is not None and form.is_cut:
        details.append("its form holds more than is read")
    return Reading(tuple(pages), tuple(lines), _title(document), "; ".join(details) or None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: reading makes many objects, and no cycles of them."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def _judge(
    opened: OpenPage, layer: list[Line], settings: ExtractSettings, scans: list[int]
) -> tuple[Page, list[Line]]:
    """The page and the lines that stand for it: those of its text layer, or OCR's as well.

    The number of a page that another engine is to read goes into ``scans``.
    """
    number, frame = opened.number, opened.frame
    filled = any(line.engine == ENGINE for line in layer)
    visible = sum([len(line.text) for line in layer if line.engine != ENGINE])
    route = "text layer" if layer else "empty"
    useless = visible < _STAMP and _is_scan(opened.handle, frame, visible)
    if useless and settings.ocr == "auto" and settings.ocr_engine == "nougat":
        scans.append(number)
    elif useless and settings.ocr == "auto":
        from goldsmith.extract.ocr import read_picture

        # The values of fields are known: OCR need not see them.
        resolution = settings.ocr_dots_per_inch / 72
        image, scale = picture(opened.handle, resolution, annotated=not filled)
        read = read_picture(image, scale, number) if has_ink(image) else []
        if read:
            route = "ocr"
            layer = [_replaced(line) for line in layer] + _after(read, layer)
    page = Page(number, round(frame.width, 2), round(frame.height, 2), frame.rotation, route, 0.0)
    return page, layer


def _text_layers(
    batch: list[OpenPage], runs: list[Run], form: Form | None = None
) -> list[list[Line]]:
    """The lines of the text layers of loaded pages, and of their fields.

    What each font says on each page is added to ``runs``.
    """
    layers: list[list[Line]] = [[] for _ in batch]
    places = [place for place, page in enumerate(batch) if page.text]
    frames = [batch[place].frame for place in places]
    pieces = read_pieces([batch[place].text for place in places], frames)
    if pieces is not None:
        runs += _font_runs(pieces, [batch[place].number for place in places])
    fields: dict[int, Field] = {}
    if form is not None:
        shown = [read_fields(form, batch[place].handle, batch[place].frame) for place in places]
        pieces, fields = with_fields(pieces, shown)
    if pieces is None:
        return layers
    counts = np.bincount(pieces.page * 5 + pieces.turn, minlength=5 * len(places)).reshape(-1, 5)
    views = {
        turn: make_view(pieces, turn, frames)
        for turn in np.flatnonzero(counts.sum(axis=0)).tolist()
    }
    formal = [is_mathematical(font.name) for font in pieces.fonts]
    initials = {turn: find_initials(view, formal) for turn, view in views.items()}
    for index, place in enumerate(places):
        here, lines = counts[index], layers[place]
        turns = np.flatnonzero(here).tolist()
        for turn in sorted(turns, key=lambda t: (t == ASKEW, -here[t], t)):
            view = views[turn]
            block = lines[-1].block + 1 if lines else 0
            groups = [
                join_formulas(view, place_initials(view, rows, initials[turn]), formal)
                for rows in (
                    make_rows(view.segments, group)
                    for group in reading_order(view.segments, view.pages[index])
                )
            ]
            lattices = partial(_lattices, batch[place]) if turn == 0 else None
            mark_tables(view, [row for rows in groups for row in rows], formal, lattices)
            parts = partial(apart, view, fields) if fields else None
            lines += make_lines(view, pieces.fonts, groups, batch[place].number, block, parts)
    return layers


def _lattices(opened: OpenPage) -> list[Lattice]:
    return find_lattices(*read_rulings(opened.handle, opened.frame))


def _font_runs(pieces: Pieces, numbers: list[int]) -> list[Run]:
    """What each font says on each page, its words apart; ``numbers`` are those of the pages."""
    order = np.lexsort((pieces.font, pieces.page))
    page, font, first = pieces.page[order], pieces.font[order], pieces.first[order]
    length = pieces.last[order] - first + 1
    changed = np.ones(len(order), np.bool_)
    changed[1:] = (page[1:] != page[:-1]) | (font[1:] != font[:-1])
    apart = changed | (pieces.gap[order] > 0)
    apart[1:] |= order[1:] - order[:-1] != 1
    ends = length.cumsum()
    start = ends + apart.cumsum() - length
    source = np.arange(ends[-1]) + (first + length - ends).repeat(length)
    codes = np.full(start[-1] + length[-1], ord(" "), np.uint32)
    codes[np.arange(ends[-1]) + apart.cumsum().repeat(length)] = pieces.codes[source]
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "replace")
    begins = np.flatnonzero(changed)
    borders = [*(start[begins] - 1).tolist(), len(text)]
    return [
        (numbers[page[place]], pieces.fonts[font[place]].name, text[begin:end].replace("\0", ""))
        for place, begin, end in zip(begins.tolist(), borders, borders[1:], strict=False)
    ]


def _region_reader(settings: ExtractSettings) -> RegionReader:
    def read(handle: Any, number: int, boxes: list[Box]) -> list[list[Line]]:
        from goldsmith.extract.ocr import read_regions

        image, scale = picture(handle, settings.ocr_dots_per_inch / 72)
        return read_regions(image, scale, number, boxes)

    return read


def _is_scan(handle: Any, frame: Frame, visible: int) -> bool:
    """Whether images cover most of the page; a page without any text is taken for one."""
    if visible == 0:
        return True
    covered = 0.0
    for index in range(min(pdfium.FPDFPage_CountObjects(handle), 2000)):
        one = pdfium.FPDFPage_GetObject(handle, index)
        if pdfium.FPDFPageObj_GetType(one) == pdfium.FPDF_PAGEOBJ_IMAGE:
            edges = [ctypes.c_float() for _ in range(4)]
            if pdfium.FPDFPageObj_GetBounds(one, *edges):
                left, bottom, right, top = (edge.value for edge in edges)
                covered += max(right - left, 0.0) * max(top - bottom, 0.0)
    return covered >= _SCAN_COVER * frame.width * frame.height


def _replaced(line: Line) -> Line:
    return line if line.engine == ENGINE else line._replace(replaced=True)


def _after(read: list[Line], layer: list[Line]) -> list[Line]:
    """The lines that OCR read, their blocks numbered on from those of the text layer."""
    first = layer[-1].block + 1 if layer else 0
    return [line._replace(block=line.block + first) for line in read]


def _title(document: Any) -> str | None:
    length = pdfium.FPDF_GetMetaText(document.raw, b"Title", None, 0)
    if not 2 < length <= 8192:
        return None
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDF_GetMetaText(document.raw, b"Title", buffer, length)
    title = buffer.raw[: length - 2].decode("utf-16-le", "replace").replace("\x00", "").strip()
    return title or None
