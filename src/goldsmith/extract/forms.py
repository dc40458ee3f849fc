"""The values of a PDF's form fields, as pieces among those of the text layer.

A field's value is not in the text layer: a widget draws it over the page. `read_fields` gives what
the visible widgets of a page show, and `with_fields` puts that among the page's pieces beside the
words they stand next to, so that reading order and tables need not know of forms. Each field has a
font number of its own, by which `apart` makes lines of their own of fields again.

Given are the lines of a text field, the labels of what is chosen in a list, and a sign for a box:
☒ or ☐, and ◉ or ○ where one of several is chosen. Not given are empty fields, hidden ones,
passwords, buttons and signatures, and what the text layer says already in the same place.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import normalize

import numpy as np
import pypdfium2.raw as pdfium

from goldsmith.extract.characters import Frame, Pieces
from goldsmith.extract.fonts import Font
from goldsmith.extract.reading import Box
from goldsmith.extract.rows import Row
from goldsmith.extract.segments import View

ENGINE = "form"  # of lines that are the value of a field
_MOST = 4000  # widgets of a page, and options of a list
_LONGEST = 65536  # bytes of a value
_ALL = 2_000_000  # characters and options that are read of a document
_LINE = 16  # characters that a line counts for at the least
_UNSEEN = 0b100010  # annotation flags: hidden, no view (ISO 32000-1, 12.5.3)
_PASSWORD = 1 << 13  # flag of a text field (12.7.4.3)
_AUTOMATIC = 12.0  # points; the largest type of a field that leaves its size to the viewer
_SIZE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s+Tf")  # in the default appearance
_WIDTH = 0.5  # type sizes that a character takes, where only the field knows
_MARKS = {True: ("☐", "☒"), False: ("○", "◉")}  # by whether it is a check box: off, on


@dataclass(frozen=True)
class Field:
    """What one widget shows: its lines of text, its box in displayed points, its type size."""

    name: str
    lines: tuple[str, ...]
    box: Box
    size: float
    is_mark: bool = False  # a check box or radio button


class Form:
    """pdfium's view of the form of a document; `close` it before the document.

    ``left`` is how much more of it may be read, ``is_cut`` whether something was left out for it.
    """

    def __init__(self, document: Any) -> None:
        self._settings = pdfium.FPDF_FORMFILLINFO(version=2)  # pdfium keeps a pointer to it
        self.raw = pdfium.FPDFDOC_InitFormFillEnvironment(document.raw, self._settings)
        self.left = _ALL
        self.is_cut = False

    def may_read(self, amount: int) -> bool:
        """Whether so much more may be read; it is taken as read."""
        self.left -= amount
        self.is_cut |= self.left < 0
        return self.left >= 0

    def close(self) -> None:
        if self.raw:
            pdfium.FPDFDOC_ExitFormFillEnvironment(self.raw)
            self.raw = None


def open_form(document: Any) -> Form | None:
    """The form of a document; None where there is none, which costs one call."""
    if pdfium.FPDF_GetFormType(document.raw) == pdfium.FORMTYPE_NONE:
        return None
    form = Form(document)
    return form if form.raw else None


def read_fields(form: Form, page: Any, frame: Frame) -> list[Field]:
    """What the widgets of a loaded page show, in the order of the file."""
    fields: dict[tuple[Box, tuple[str, ...]], Field] = {}
    count = pdfium.FPDFPage_GetAnnotCount(page)
    form.is_cut |= count > _MOST
    for index in range(min(count, _MOST)):
        if not form.may_read(1):
            break
        widget = pdfium.FPDFPage_GetAnnot(page, index)
        if not widget:
            continue
        if pdfium.FPDFAnnot_GetSubtype(widget) == pdfium.FPDF_ANNOT_WIDGET:
            field = _field(form, widget, frame)
            if field is not None:
                fields.setdefault((field.box, field.lines), field)
        pdfium.FPDFPage_CloseAnnot(widget)
    return list(fields.values())


def _field(form: Form, widget: Any, frame: Frame) -> Field | None:
    if pdfium.FPDFAnnot_GetFlags(widget) & _UNSEEN:
        return None
    box = _box(widget, frame)
    if box is None:
        return None
    kind = pdfium.FPDFAnnot_GetFormFieldType(form.raw, widget)
    name = " ".join(_text(form, pdfium.FPDFAnnot_GetFormFieldName, form.raw, widget).split())
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        is_check = kind == pdfium.FPDF_FORMFIELD_CHECKBOX
        state = _text(form, pdfium.FPDFAnnot_GetStringValue, widget, b"AS")  # the look it has now
        if is_check and not state:
            state = _text(form, pdfium.FPDFAnnot_GetFormFieldValue, form.raw, widget)
        sign = _MARKS[is_check][state not in ("", "Off")]
        return Field(name, (sign,), box, min(box[3] - box[1], _AUTOMATIC), True)
    if kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        values = _chosen(form, widget)
    elif kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
        if pdfium.FPDFAnnot_GetFormFieldFlags(form.raw, widget) & _PASSWORD:
            return None
        values = [_text(form, pdfium.FPDFAnnot_GetFormFieldValue, form.raw, widget)]
    else:
        return None
    lines = [" ".join(line.split("\t")).strip() for one in values for line in one.splitlines()]
    lines = [line for line in lines if line]
    if not lines or not form.may_read(_LINE * len(lines)):
        return None
    said = _SIZE.search(_text(form, pdfium.FPDFAnnot_GetStringValue, widget, b"DA"))
    pitch = (box[3] - box[1]) / len(lines)
    own = float(said[1]) if said and float(said[1]) else min(0.7 * pitch, _AUTOMATIC)
    return Field(name, tuple(lines), box, max(min(own, pitch), 0.1))


def _box(widget: Any, frame: Frame) -> Box | None:
    """The widget in displayed points; None where it is not on the page or has no area."""
    area = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(widget, area):
        return None
    left, right = sorted((area.left, area.right))
    bottom, top = sorted((area.bottom, area.top))
    left, right = max(left, frame.left), min(right, frame.right)
    bottom, top = max(bottom, frame.bottom), min(top, frame.top)
    if not (right - left > 1.0 and top - bottom > 1.0):
        return None
    a, b, c, d, e, f = frame.shown
    x0, x1 = sorted((a * left + c * bottom + e, a * right + c * top + e))
    y0, y1 = sorted((b * left + d * bottom + f, b * right + d * top + f))
    return x0, y0, x1, y1


def _chosen(form: Form, widget: Any) -> list[str]:
    """The labels of the chosen options, or the value of a list that takes any text."""
    labels = []
    for index in range(min(pdfium.FPDFAnnot_GetOptionCount(form.raw, widget), _MOST)):
        if not form.may_read(1):
            return []
        if pdfium.FPDFAnnot_IsOptionSelected(form.raw, widget, index):
            labels.append(_text(form, pdfium.FPDFAnnot_GetOptionLabel, form.raw, widget, index))
    return labels or [_text(form, pdfium.FPDFAnnot_GetFormFieldValue, form.raw, widget)]


def _text(form: Form, ask: Callable[..., int], *about: Any) -> str:
    length = ask(*about, None, 0)
    if length <= 2:
        return ""
    form.is_cut |= length > _LONGEST
    if length > _LONGEST or not form.may_read(length // 2):
        return ""
    buffer = ctypes.create_string_buffer(length)
    ask(*about, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), length)
    text = buffer.raw[: length - 2].decode("utf-16-le", "replace")
    return "".join("\ufffd" if "\ud800" <= c < "\ue000" else c for c in text.replace("\0", ""))


def with_fields(
    pieces: Pieces | None, found: list[list[Field]]
) -> tuple[Pieces | None, dict[int, Field]]:
    """The pieces with those of the fields of each page among them; fields by number of font.

    A line of a field is one piece, spaces and all.
    """
    base = pieces or _none()
    fields: dict[int, Field] = {}
    codes: list[int] = []
    rows: list[tuple[int, int, int, int, Box, int, float, float]] = []
    for page, those in enumerate(found):
        mine = np.flatnonzero(base.page == page)
        for field in those:
            if _is_said(base, mine, field):
                continue
            font = len(base.fonts) + len(fields)
            fields[font] = field
            place = _place(base, mine, field, int(base.page.searchsorted(page)))
            for box, line in _lines(field):
                first = len(base.codes) + len(codes)
                codes += map(ord, line)
                pen = box[3] - 0.2 * field.size
                last = first + len(line) - 1
                rows.append((place, first, last, page, box, font, pen, field.size))
    if not rows:
        return pieces, {}
    rows.sort(key=lambda row: row[:2])
    places = [row[0] for row in rows]
    gap = base.gap.copy()
    gap[[at for at in places if at < len(gap)]] = 2  # what follows a field begins a segment
    boxes = np.array([row[4] for row in rows], np.float32).T
    pens = np.array([boxes[0], [row[6] for row in rows]], np.float32)
    return replace(
        base,
        codes=np.concatenate([base.codes, np.array(codes, np.uint32)]),
        first=np.insert(base.first, places, [row[1] for row in rows]),
        last=np.insert(base.last, places, [row[2] for row in rows]),
        page=np.insert(base.page, places, [row[3] for row in rows]),
        box=np.insert(base.box, places, boxes, axis=1),
        origin=np.insert(base.origin, places, pens, axis=1),
        size=np.insert(base.size, places, [row[7] for row in rows]),
        turn=np.insert(base.turn, places, 0),
        font=np.insert(base.font, places, [row[5] for row in rows]),
        gap=np.insert(gap, places, 2),
        backward=np.insert(base.backward, places, False),
        fonts=(*base.fonts, *(Font("", 400, False, ENGINE) for _ in fields)),
    ), fields


def _none() -> Pieces:
    """The pieces of pages without a text layer."""
    places, numbers = np.zeros(0, np.intp), np.zeros(0, np.int32)
    points = np.zeros((2, 0), np.float32)
    return Pieces(
        codes=np.zeros(0, np.uint32),
        first=places,
        last=places,
        page=places,
        box=np.zeros((4, 0), np.float32),
        origin=points,
        size=points[0],
        turn=numbers,
        font=numbers,
        gap=numbers,
        backward=np.zeros(0, bool),
        superior=places,
        fonts=(),
    )


def _is_said(pieces: Pieces, mine: Any, field: Field) -> bool:
    """Whether the text layer says the same in the field's box (``mine``: the page's pieces)."""
    x0, y0, x1, y1 = field.box
    box = pieces.box[:, mine]
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    inside = mine[(x > x0 - 1) & (x < x1 + 1) & (y > y0 - 1) & (y < y1 + 1)]
    if field.is_mark or len(inside) == 0:
        return len(inside) > 0
    codes = [
        chr(code)
        for piece in inside.tolist()
        for code in pieces.codes[pieces.first[piece] : pieces.last[piece] + 1].tolist()
    ]
    return _bare("".join(field.lines)) in _bare("".join(codes))


def _bare(text: str) -> str:
    return "".join(normalize("NFKC", text).split())


def _place(pieces: Pieces, mine: Any, field: Field, least: int) -> int:
    """Before which piece a field is put: after its neighbour to the left, or else from above.

    Columns are told apart by the order of drawing, so a field must be drawn beside its words.
    """
    if len(mine) == 0:
        return least
    x0, y0, x1, y1 = field.box
    box = pieces.box[:, mine]
    middle = (box[1] + box[3]) / 2
    beside = (middle > y0) & (middle < y1)
    left = np.flatnonzero(beside & (box[2] < x0 + 3))
    if len(left) and not (field.is_mark and _is_nearer(box, beside, field, left)):
        return int(mine[left[np.argmax(box[2, left])]]) + 1
    right = np.flatnonzero(beside & (box[0] > x1 - 3))
    if len(right):
        return int(mine[right[np.argmin(box[0, right])]])
    above = np.flatnonzero((middle < y0) & (box[0] < x1) & (box[2] > x0))
    above = above if len(above) else np.flatnonzero(middle < y0)
    return int(mine[above[np.argmax(middle[above])]]) + 1 if len(above) else least


def _is_nearer(box: Any, beside: Any, field: Field, left: Any) -> bool:
    """Whether a mark's words stand to the right of it."""
    right = np.flatnonzero(beside & (box[0] > field.box[2] - 3))
    if len(right) == 0:
        return False
    return bool(box[0, right].min() - field.box[2] < field.box[0] - box[2, left].max())


def _lines(field: Field) -> Iterator[tuple[Box, str]]:
    """The boxes that the lines of a field take, about, and the lines."""
    x0, y0, x1, y1 = field.box
    count = len(field.lines)
    pitch = (y1 - y0) / count if count > 1 else y1 - y0
    pitch = min(pitch, 1.15 * field.size) if count > 1 else pitch
    for number, line in enumerate(field.lines):
        middle = y0 + (number + 0.5) * pitch
        low, high = middle - 0.5 * field.size, middle + 0.5 * field.size
        inset = min(2.0, 0.1 * (x1 - x0))
        right = x0 + inset + _WIDTH * field.size * len(line)
        if field.is_mark:
            yield (x0, low, x1, high), line
        else:
            yield (x0 + inset, low, max(min(right, x1), x0 + inset + 1.0), high), line


def apart(view: View, fields: dict[int, Field], row: Row) -> list[Row]:
    """A row as rows of its own for the text layer and for each field, from left to right."""
    owner = [font if (font := view.font[member]) in fields else -1 for member in row.members]
    if all(one == -1 for one in owner):
        return [row]
    begins = sorted(row.cells, key=view.left.__getitem__)
    number, _, spans = (row.hint or "").rpartition(":c")
    span = dict(zip(begins, spans.split(","), strict=True)) if begins else {}
    rows: list[Row] = []
    here = ""  # the columns of the cell that a member goes on with
    for member, one in zip(row.members, owner, strict=True):
        inside = [piece for piece in range(view.start[member], view.end[member]) if piece in span]
        if not rows or one != -1 or view.font[rows[-1].members[0]] in fields:
            hint = f"field:{fields[one].name}" if one != -1 and not number else row.hint
            rows.append(replace(row, members=[], cells=frozenset(), hint=hint))
            held = [] if inside and inside[0] == view.start[member] else [here]
        last = rows[-1]
        last.members.append(member)
        last.cells |= frozenset(inside)
        held += [span[piece] for piece in inside]
        if begins:
            last.hint = f"{number}:c{','.join(filter(None, held))}"
            here = held[-1]
    return rows
