"""DOCX: the paragraphs, lists and tables of a Word document, as lines with hints.

Read straight from the zip with lxml, with limits, since both layers can be made to explode: the
unpacked size and the ratio of every part are checked before and while it is unpacked, and a
document with a DTD (the way to entity expansion and outside files) is refused. Deleted text of
tracked changes is left out, inserted text is in; footnotes follow the body. Headers and footers
are page furniture by definition and are not read.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from goldsmith.extract.reading import Line, Reading, ReadingError, one_page

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MAXIMUM_PART = 64 * 2**20  # bytes of one unpacked part
MAXIMUM_RATIO = 200  # unpacked to packed; text rarely packs better than 30
_LONG_ENOUGH_TO_JUDGE = 2**20
_DEEPEST = 200


def read_docx(content: bytes) -> Reading:
    """Read a Word document. Raises ReadingError: "unreadable", "encrypted" or "too large"."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ReadingError(
            "encrypted", "an old or password-protected Word file; save it as plain DOCX"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            body = _parse(archive, "word/document.xml")
            styles = _optional(archive, "word/styles.xml")
            notes = _optional(archive, "word/footnotes.xml")
            core = _optional(archive, "docProps/core.xml")
    except (
        zipfile.BadZipFile,
        KeyError,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise ReadingError("unreadable", "not a complete Word document") from error
    except RuntimeError as error:  # zipfile's word for a password
        raise ReadingError("encrypted", "the file needs a password; save it without one") from error
    levels = _heading_levels(styles)
    lines: list[Line] = []
    _collect(body, levels, lines, 0)
    if notes is not None:
        _collect(notes, levels, lines, 0)
    title = core.findtext("{http://purl.org/dc/elements/1.1/}title") if core is not None else None
    return one_page(lines, title or None)


def _optional(archive: zipfile.ZipFile, name: str) -> Any:
    return _parse(archive, name) if name in archive.namelist() else None


def _parse(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    about = archive.getinfo(name)
    suspicious = about.file_size > MAXIMUM_RATIO * max(about.compress_size, 1)
    if about.file_size > MAXIMUM_PART or (suspicious and about.file_size > _LONG_ENOUGH_TO_JUDGE):
        raise ReadingError("too large", f"{name} unpacks to {about.file_size} bytes")
    with archive.open(about) as file:
        data = file.read(MAXIMUM_PART + 1)
    if len(data) > MAXIMUM_PART:
        raise ReadingError("too large", f"{name} unpacks to more than it says")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadingError("unreadable", f"{name} is not valid XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ReadingError("unreadable", f"{name} declares a DTD, which Word never writes")
    return root


def _heading_levels(styles: Any) -> dict[str, int]:
    """Style id to heading level, by outline level or by the built-in names."""
    levels: dict[str, int] = {}
    for style in styles.iter(f"{_W}style") if styles is not None else ():
        identifier = style.get(f"{_W}styleId") or ""
        name = style.find(f"{_W}name")
        called = (name.get(f"{_W}val") or "").lower() if name is not None else ""
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        level = outline.get(f"{_W}val") if outline is not None else None
        if match := re.fullmatch(r"heading (\d)", called):
            levels[identifier] = int(match[1])
        elif called == "title":
            levels[identifier] = 1
        elif level is not None and level.isdigit() and int(level) < 6:
            levels[identifier] = int(level) + 1
    return levels


def _collect(element: Any, levels: dict[str, int], lines: list[Line], depth: int) -> None:
    for child in element:
        if child.tag == f"{_W}p":
            _paragraph(child, levels, lines)
        elif child.tag == f"{_W}tbl":
            block = _next_block(lines)
            for row in child.iter(f"{_W}tr"):
                cells = [
                    " ".join(" ".join(_texts(p, 0)) for p in cell.iter(f"{_W}p")).strip()
                    for cell in row.findall(f"{_W}tc")
                ]
                if any(cells):
                    lines.append(Line(1, block, "\t".join(cells), engine="docx", hint="table"))
        elif isinstance(child.tag, str) and depth < _DEEPEST and child.tag != f"{_W}del":
            _collect(child, levels, lines, depth + 1)


def _paragraph(paragraph: Any, levels: dict[str, int], lines: list[Line]) -> None:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = (style.get(f"{_W}val") or "") if style is not None else ""
    hint = "paragraph"
    if name in levels:
        hint = f"heading:{min(levels[name], 6)}"
    elif paragraph.find(f"{_W}pPr/{_W}numPr") is not None or name.lower().startswith("list"):
        hint = "list"
    elif "caption" in name.lower():
        hint = "caption"
    elif "code" in name.lower() or "preformatted" in name.lower():
        hint = "code"
    block = _next_block(lines)
    for text in _texts(paragraph, 0):
        if text.strip():
            lines.append(Line(1, block, text, engine="docx", hint=hint))


def _next_block(lines: list[Line]) -> int:
    return lines[-1].block + 1 if lines else 0


def _texts(element: Any, depth: int) -> list[str]:
    """The lines of a paragraph: its runs' text, broken where Word breaks a line."""
    pieces: list[str] = []
    for child in element:
        if child.tag in (f"{_W}t", f"{_M}t"):
            pieces.append(child.text or "")
        elif child.tag == f"{_W}tab":
            pieces.append("\t")
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            pieces.append("\n")
        elif child.tag == f"{_W}noBreakHyphen":
            pieces.append("-")
        elif child.tag in (f"{_W}del", f"{_W}pPr", f"{_W}rPr", f"{_W}txbxContent"):
            continue
        elif isinstance(child.tag, str) and depth < _DEEPEST:
            pieces.append("\n".join(_texts(child, depth + 1)))
    return "".join(pieces).split("\n")
