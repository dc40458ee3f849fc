"""HTML: what a reader of the page would see, as lines with hints.

Parsed with lxml without network and without entities of its own. Scripts, styles and other parts
that are not text are left out, and so is what the page marks as hidden. Running text is one line
an element (white space means nothing in HTML); ``pre`` keeps its lines; a table row is one line
with tabs between cells. Navigation and page furniture stay in: what is furniture the next room
decides.
"""

from __future__ import annotations

import re
from typing import Any

from goldsmith.extract.reading import Line, Reading, ReadingError, one_page
from goldsmith.extract.text import decode

_NOT_TEXT = """
    script style noscript template head svg iframe object canvas audio video select button textarea
"""
_IN_A_LINE = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark math mfrac
    mi mn mo mrow msqrt msub msup mtext q rp rt ruby s samp semantics small span strike strong sub
    sup time tt u var wbr
"""
_DROPPED = frozenset(_NOT_TEXT.split())
_INLINE = frozenset(_IN_A_LINE.split())
_HINTS = {"li": "list", "dt": "list", "dd": "list", "caption": "caption", "figcaption": "caption"}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.I)
_DEEPEST = 250


def read_html(content: bytes) -> Reading:
    """Read an HTML page. Raises ReadingError where there is no markup at all."""
    from lxml import etree, html

    parser = html.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = html.document_fromstring(_markup(content).encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ReadingError("unreadable", "the file holds no HTML") from error
    title = root.findtext(".//title")
    walker = _Walker()
    body = root.find("body")
    walker.element(root if body is None else body, "paragraph", 0)
    walker.close("paragraph")
    return one_page(walker.lines, _SPACE.sub(" ", title).strip() or None if title else None)


def _markup(content: bytes) -> str:
    """The page as text; the charset it declares counts where its bytes are not UTF-8."""
    declared = _CHARSET.search(content[:4096])
    if declared and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
        try:
            return content.decode(declared[1].decode("ascii"), "replace")
        except LookupError:
            pass
    text = decode(content)
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).replace("\x00", "")


class _Walker:
    """Collects the text of inline elements until a block begins or ends."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.pieces: list[str] = []
        self.block = 0

    def close(self, hint: str) -> None:
        """End the current line, if there is text in it."""
        text = _SPACE.sub(" ", "".join(self.pieces)).strip()
        self.pieces.clear()
        if text:
            self.lines.append(Line(1, self.block, text, engine="html", hint=hint))
            self.block += 1

    def element(self, element: Any, hint: str, depth: int) -> None:
        """Read an element and what is in it; its tail belongs to the parent."""
        tag = element.tag.lower() if isinstance(element.tag, str) else "script"
        if tag in _DROPPED or _is_hidden(element):
            return
        if tag == "br":
            self.close(hint)
        elif tag == "pre":
            self.close(hint)
            self._keep_lines("".join(element.itertext()))
        elif tag == "tr" and not element.findall(".//table"):
            self.close(hint)
            cells = ["".join(_words(cell)) for cell in element if cell.tag in ("td", "th")]
            self.pieces.append("\x00".join(_SPACE.sub(" ", cell).strip() for cell in cells))
            self._close_row()
        elif tag in _INLINE:
            self._inside(element, hint, depth)
        else:
            self.close(hint)
            heading = f"heading:{tag[1]}" if re.fullmatch("h[1-6]", tag) else None
            inner = heading or _HINTS.get(tag) or (hint if hint == "list" else "paragraph")
            self._inside(element, inner, depth)
            self.close(inner)

    def _inside(self, element: Any, hint: str, depth: int) -> None:
        if depth > _DEEPEST:
            self.pieces.append(" ".join(element.itertext()))
            return
        self.pieces.append(element.text or "")
        for child in element:
            self.element(child, hint, depth + 1)
            self.pieces.append(child.tail or "")

    def _keep_lines(self, text: str) -> None:
        for part in text.replace("\r\n", "\n").strip("\n").split("\n"):
            self.lines.append(Line(1, self.block, part, engine="html", hint="code"))
        self.block += 1

    def _close_row(self) -> None:
        text = "".join(self.pieces).replace("\x00", "\t")
        self.pieces.clear()
        if text.strip():
            last = self.lines[-1] if self.lines else None
            joined = last is not None and last.hint == "table" and last.block == self.block
            self.block += 0 if joined or not self.lines else 1
            self.lines.append(Line(1, self.block, text, engine="html", hint="table"))


def _words(element: Any) -> list[str]:
    """The texts inside a table cell, without those that are not shown."""
    if not isinstance(element.tag, str) or element.tag in _DROPPED or _is_hidden(element):
        return []
    pieces = [element.text or ""]
    for child in element:
        apart = [] if child.tag in _INLINE else [" "]
        pieces += [*apart, *_words(child), *apart, child.tail or ""]
    return pieces


def _is_hidden(element: Any) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return bool(_HIDDEN.search(element.get("style") or ""))
