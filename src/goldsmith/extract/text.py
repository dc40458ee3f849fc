"""Plain text: bytes to lines, one line of the file a line, one paragraph a block.

The encoding is decided by what the bytes are: a byte order mark, else UTF-8 where they are valid
UTF-8, else Windows-1252, in which every byte means something (its five holes become U+FFFD).
"""

from __future__ import annotations

import codecs

from goldsmith.extract.reading import Line, Reading, one_page

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(content: bytes) -> str:
    """Return the text of the bytes; never raises, and drops nothing but a byte order mark."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_text(content: bytes) -> Reading:
    """Read a plain text file."""
    lines: list[Line] = []
    block, gap = 0, False
    for text in _lines(decode(content)):
        if not text.strip():
            gap = True
            continue
        if gap and lines:
            block += 1
        gap = False
        lines.append(Line(1, block, text, engine="text"))
    return one_page(lines, None)


def _lines(text: str) -> list[str]:
    """Split at line feeds and form feeds only: other separators stay inside a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").split("\n")
