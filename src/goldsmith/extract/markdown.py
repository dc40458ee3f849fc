"""Markdown: the blocks that CommonMark (with tables) sees, as lines with a hint.

Each source line of a block is one line, without the marks of the markup (``#``, ``>``, ``*``,
link targets); code keeps its lines as they are, a table row is one line with tabs between cells.
The first heading of level 1 is the title. HTML inside Markdown is read as its text.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from goldsmith.extract.reading import Line, Reading, one_page
from goldsmith.extract.text import decode

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.S)


def read_markdown(content: bytes) -> Reading:
    """Read a Markdown file."""
    source = _FRONT_MATTER.sub("", decode(content).replace("\r\n", "\n").replace("\x00", "\ufffd"))
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 50}).enable("table")
    lines: list[Line] = []
    title: str | None = None
    block, hint, lists = 0, "paragraph", 0
    row: list[str] | None = None
    for token in parser.parse(source):
        if token.type == "heading_open":
            hint = f"heading:{token.tag[1:]}"
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            lines.append(_line(block, "\t".join(row), "table"))
            row = None
        elif token.type == "table_close":
            block += 1
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            lists += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists -= 1
        elif token.type == "inline" and row is not None:
            row.append(_plain(token).replace("\n", " "))
        elif token.type == "inline":
            text = _plain(token)
            title = title or (text if hint == "heading:1" else None)
            kind = "list" if lists and hint == "paragraph" else hint
            lines += [_line(block, part, kind) for part in text.split("\n")]
            hint, block = "paragraph", block + 1
        elif token.type in ("fence", "code_block"):
            lines += [_line(block, part, "code") for part in token.content.split("\n")]
            block += 1
        elif token.type == "html_block":
            lines += [
                _line(block, part, "paragraph") for part in _TAG.sub("", token.content).split("\n")
            ]
            block += 1
    return one_page(lines, title)


def _line(block: int, text: str, hint: str) -> Line:
    return Line(1, block, text, engine="markdown", hint=hint)


def _plain(token: Token) -> str:
    pieces: list[str] = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            pieces.append("\n")
        elif child.type in ("text", "code_inline"):
            pieces.append(child.content)
        elif child.type == "image":
            pieces.append(_plain(child))
    return "".join(pieces)
