"""The small Markdown of `source/*.md`: parse it, turn it into typst, and say what a reader will see.

Every piece of text gets an *ink*: a number that the layout can turn into a colour. Typeset once in
black and once in colour, a document tells for each letter on the page which piece it came from
(see truth.py). Mistakes in a source stop the build with the file and the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

BOOK = "Engineering Language Models from Documents"
DEFAULTS = {
    "columns": "1",
    "paper": "a4",
    "running_head": BOOK,
    "page_number": "bottom-center",
    "font": "Libertinus Serif",
    "hyphenate": "false",
    "citation_style": "numeric",
    "kind": "chapter",
    "language": "en",
    "first_page": "1",
}
CHOICES = {
    "columns": ("1", "2"),
    "page_number": ("bottom-center", "bottom-outside", "top-right"),
    "font": ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"),
    "hyphenate": ("true", "false"),
    "citation_style": ("numeric", "author-year"),
    "kind": ("chapter", "scan", "broken", "foreign"),
}
INLINE = re.compile(
    r"(?P<code>`[^`]+`)|(?P<math>\$[^$]+\$)|\[\^(?P<note>[\w-]+)\]|(?P<cite>\s*\[@[^\]]+\])"
    r"|(?<!\w)@(?P<place>(?:fig|tab)-[\w-]+)|\*\*(?P<strong>[^*]+)\*\*|\*(?P<emph>[^*]+)\*"
)
LIST_ITEM = re.compile(r"(?:-|\d+\.) +(.+)")


class SourceError(Exception):
    """A source file does not follow the format; the message starts with file and line."""


@dataclass(frozen=True)
class Piece:
    """A run of text in one style. `ink` is the colour number of this piece alone."""

    style: str  # text, strong, emph, code, math, cite, note
    text: str  # what a reader sees; for math the typst source; for a note its key
    ink: int


@dataclass
class Block:
    """One block in reading order; `kind` is a word of the truth's vocabulary, or "figure"."""

    kind: str
    line: int
    pieces: list[list[Piece]] = field(default_factory=list)  # one list an item, cell or paragraph
    level: int = 0
    ink: int = 0
    raw: str = ""  # code, equation, or path of a figure
    columns: list[str] = field(default_factory=list)  # alignment of a table's columns
    ordered: bool = False
    prefix: str = ""  # number of a heading, "Table 1." of a caption

    def inks(self) -> set[int]:
        return {self.ink} | {piece.ink for run in self.pieces for piece in run}


@dataclass
class Source:
    path: Path
    settings: dict[str, str]
    blocks: list[Block]
    notes: dict[str, list[Piece]]  # key -> text, in order of their marks
    cited: list[str]  # keys in order of first citation
    inks: list[tuple[str, int]]  # ink -> (role, index of block or note)
    note_marks: dict[str, int]  # key -> ink of its mark

    @property
    def title(self) -> str:
        return self.settings["title"]


def curl(text: str) -> str:
    """Typographic quotes, apostrophes and dashes."""
    text = text.replace("---", "—").replace("--", "–")
    text = re.sub(r'(^|[\s(\[—–/])"', r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(\[—–“])'", r"\1‘", text).replace("'", "’")


def parse(path: Path, text: str, number: str = "") -> Source:
    """Read one source. `number` is the chapter's number, shown in its headings."""
    lines = text.split("\n")
    settings, start = _front_matter(path, lines)
    inks: list[tuple[str, int]] = [("black", 0)] + [
        (role, 0) for role in ("HEADER", "PAGE_NUMBER", "FIGURE", "FOOTNOTE", "REFERENCE", "REFERENCES")
    ]
    source = Source(path, settings, [], {}, [], inks, {})
    reader = _Reader(source, number)
    reader.notes_source = {
        match[1]: (index + 1, match[2])
        for index, line in enumerate(lines)
        if (match := re.fullmatch(r"\[\^([\w-]+)\]: (.+)", line.rstrip()))
    }
    reader.labels = _labels(path, lines)
    reader.read(lines, start)
    unused = sorted(set(reader.notes_source) - set(source.notes))
    if unused:
        line = reader.notes_source[unused[0]][0]
        raise SourceError(f"{path.name}:{line}: footnote [^{unused[0]}] has no mark in the text")
    return source


def _front_matter(path: Path, lines: list[str]) -> tuple[dict[str, str], int]:
    if not lines or lines[0].strip() != "---":
        raise SourceError(f"{path.name}:1: must start with a '---' line and 'key: value' lines")
    settings = dict(DEFAULTS)
    for index, line in enumerate(lines[1:], start=1):
        if line.strip() == "---":
            if "title" not in settings:
                raise SourceError(f"{path.name}:1: the front matter has no title")
            return settings, index + 1
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or (key not in DEFAULTS and key != "title"):
            raise SourceError(f"{path.name}:{index + 1}: unknown front matter {line.strip()!r}")
        if key in CHOICES and value not in CHOICES[key]:
            raise SourceError(f"{path.name}:{index + 1}: {key} must be one of {CHOICES[key]}")
        if key == "paper" and not re.fullmatch(r"a4|us-letter|\d+x\d+", value):
            raise SourceError(
                f"{path.name}:{index + 1}: paper is a4, us-letter or WIDTHxHEIGHT in mm"
            )
        settings[key] = value
    raise SourceError(f"{path.name}:1: the front matter is not closed by a '---' line")


def _labels(path: Path, lines: list[str]) -> dict[str, str]:
    """{#fig-x} and {#tab-x} marks in order -> "Figure 1", "Table 1"."""
    counts = {"fig": 0, "tab": 0}
    labels: dict[str, str] = {}
    for index, line in enumerate(lines):
        if not line.startswith(("Table:", "![")):
            continue
        kind = "tab" if line.startswith("Table:") else "fig"
        counts[kind] += 1
        match = re.search(r"\{#((?:fig|tab)-[\w-]+)\}\s*$", line)
        if not match or not match[1].startswith(kind) or match[1] in labels:
            raise SourceError(f"{path.name}:{index + 1}: needs its own {{#{kind}-name}} at the end")
        labels[match[1]] = f"{'Table' if kind == 'tab' else 'Figure'} {counts[kind]}"
    return labels


class _Reader:
    """Goes once over the lines of a body; holds the counters."""

    def __init__(self, source: Source, number: str) -> None:
        self.source, self.number = source, number
        self.notes_source: dict[str, tuple[int, str]] = {}
        self.labels: dict[str, str] = {}
        self.section = 0
        self.line = 0

    def read(self, lines: list[str], start: int) -> None:
        title = self.add("heading", level=1, prefix=self.number)
        title.pieces = [self.inline(self.source.title, "heading")]
        index = start
        while index < len(lines):
            self.line = index + 1
            line = lines[index].rstrip()
            index += 1
            if not line or re.match(r"\[\^[\w-]+\]: ", line):
                continue
            if line.startswith("```"):
                index = self.code(lines, index)
            elif match := re.fullmatch(r"(#{1,3}) (.+)", line):
                self.heading(len(match[1]), match[2])
            elif line.startswith("Table:"):
                index = self.table(lines, index, line)
            elif line.startswith("!["):
                self.figure(line)
            elif line.startswith("$$"):
                if not (line.endswith("$$") and len(line) > 5):
                    self.fail("a display equation is one line between $$ and $$")
                self.add("equation", raw=line[2:-2].strip())
            elif LIST_ITEM.fullmatch(line):
                index = self.listing(lines, index - 1)
            elif line.startswith(("|", "#", ">", "+", "    ", "<")):
                self.fail(f"not part of the format: {line[:40]!r}")
            else:
                if index < len(lines) and lines[index].strip():
                    self.fail("a paragraph is one line followed by an empty line")
                block = self.add("paragraph")
                block.pieces = [self.inline(line, "paragraph")]

    def fail(self, message: str) -> None:
        raise SourceError(f"{self.source.path.name}:{self.line}: {message}")

    def add(self, kind: str, level: int = 0, raw: str = "", prefix: str = "") -> Block:
        block = Block(kind, self.line, level=level, raw=raw, prefix=prefix)
        self.source.blocks.append(block)
        block.ink = self.ink(kind)
        return block

    def ink(self, role: str, index: int | None = None) -> int:
        place = len(self.source.blocks) - 1 if index is None else index
        self.source.inks.append((role, place))
        return len(self.source.inks) - 1

    def heading(self, level: int, text: str) -> None:
        if level == 1:
            if text != self.source.title or len(self.source.blocks) > 1:
                self.fail("the only '# ' heading is the title of the front matter, at the top")
            return
        prefix = ""
        if level == 2 and self.number:
            self.section += 1
            prefix = f"{self.number}.{self.section}"
        self.add("heading", level, prefix=prefix).pieces = [self.inline(text, "heading")]

    def code(self, lines: list[str], index: int) -> int:
        end = index
        while end < len(lines) and lines[end].strip() != "```":
            end += 1
        if end == len(lines):
            self.fail("this code fence is never closed")
        self.add("code", raw="\n".join(lines[index:end]))
        return end + 1

    def listing(self, lines: list[str], index: int) -> int:
        block = self.add("list")
        block.ordered = not lines[index].startswith("-")
        while index < len(lines) and (match := LIST_ITEM.fullmatch(lines[index].rstrip())):
            self.line = index + 1
            if lines[index].startswith("-") == block.ordered:
                self.fail("a list is either '- ' or '1. ', not both")
            block.pieces.append(self.inline(match[1], "list"))
            index += 1
        if index < len(lines) and lines[index].strip():
            self.line = index + 1
            self.fail("a list item is one line, and a list is followed by an empty line")
        return index

    def caption(self, text: str, label: str) -> None:
        block = self.add("caption", prefix=self.labels[label] + ".")
        block.pieces = [self.inline(text, "caption")]

    def table(self, lines: list[str], index: int, line: str) -> int:
        match = re.fullmatch(r"Table: (.+?) \{#([\w-]+)\}", line)
        if not match:
            self.fail("a table starts with 'Table: caption {#tab-name}'")
        self.caption(match[1], match[2])
        while index < len(lines) and not lines[index].strip():
            index += 1
        block = self.add("table")
        rows = []
        while index < len(lines) and lines[index].startswith("|"):
            self.line = index + 1
            cells = re.split(r"(?<!\\)\|", lines[index].strip().strip("|"))
            rows.append([cell.strip().replace("\\|", "|") for cell in cells])
            if len(rows[-1]) != len(rows[0]):
                self.fail(f"this row has {len(rows[-1])} cells, the first has {len(rows[0])}")
            if len(rows) == 2 and not all(re.fullmatch(r":?-+:?", cell) for cell in rows[1]):
                self.fail("the second row of a table is |---|---|")
            if len(rows) != 2:
                block.pieces += [self.inline(cell, "table") for cell in rows[-1]]
            index += 1
        if len(rows) < 3:
            self.fail("a table needs a head, a |---| row and a body right after its 'Table:' line")
        block.columns = [
            "center" if rule.startswith(":") and rule.endswith(":")
            else "right" if rule.endswith(":") else "left"
            for rule in rows[1]
        ]  # fmt: skip
        return index

    def figure(self, line: str) -> None:
        match = re.fullmatch(r"!\[(.+)\]\((figures/[\w-]+\.typ)\)\{#([\w-]+)\}", line)
        if not match:
            self.fail("a figure is ![caption](figures/name.typ){#fig-name}")
        path = self.source.path.parent
        root = path if path.name == "source" else path.parent
        if not (root / match[2]).exists():
            self.fail(f"{match[2]} does not exist")
        self.add("figure", raw=match[2])
        self.caption(match[1], match[3])

    def inline(self, text: str, role: str) -> list[Piece]:
        pieces: list[Piece] = []
        at = 0

        def plain(part: str) -> None:
            if part:
                pieces.append(Piece("text", curl(part), self.ink(role)))

        for match in INLINE.finditer(text):
            plain(text[at : match.start()])
            at = match.end()
            kind, value = match.lastgroup, match[match.lastgroup]
            if kind == "code":
                pieces.append(Piece("code", value[1:-1], self.ink(role)))
            elif kind == "math":
                pieces.append(Piece("math", value[1:-1].strip(), self.ink("inline math")))
            elif kind == "note":
                pieces.append(self.note(value))
            elif kind == "cite":
                pieces.append(Piece("cite", self.cite(value), self.ink("citation")))
            elif kind == "place":
                if value not in self.labels:
                    self.fail(f"@{value} is not the name of a figure or table in this file")
                plain(self.labels[value])
            else:
                pieces.append(Piece(kind, curl(value), self.ink(role)))
        plain(text[at:])
        left = [p for p in pieces if p.style == "text" and re.search(r"[$`*]|\[[@^]", p.text)]
        if left:
            self.fail(f"unbalanced mark in {left[0].text.strip()[:50]!r}")
        return pieces

    def note(self, key: str) -> Piece:
        if key in self.source.notes or key not in self.notes_source:
            self.fail(f"footnote [^{key}] must have one mark and one '[^{key}]: text' line")
        self.source.notes[key] = []
        index = len(self.source.notes) - 1
        mark = self.ink("footnote mark", index)
        self.source.note_marks[key] = mark
        kept, self.line = self.line, self.notes_source[key][0]
        for piece in self.inline(self.notes_source[key][1], "FOOTNOTE"):
            if piece.style in ("cite", "math", "note"):
                self.fail("a footnote holds no citation, formula or other footnote")
            self.source.inks[piece.ink] = ("FOOTNOTE", index)
            self.source.notes[key].append(piece)
        self.line = kept
        return Piece("note", key, mark)

    def cite(self, mark: str) -> str:
        keys = [key.strip() for key in mark.strip()[1:-1].split(";")]
        for key in keys:
            if not re.fullmatch(r"@[a-z0-9_-]+", key):
                self.fail(f"a citation is [@key] or [@key1; @key2], not {mark.strip()}")
            if key[1:] not in self.source.cited:
                self.source.cited.append(key[1:])
        return ";".join(key[1:] for key in keys)
