"""A parsed source into typst text, and typst text into the bytes of a PDF.

The layout itself is in source/layout.typ; here blocks become calls of its functions. Citations and
the list of references are written by us, not by typst's bibliography, so that the truth knows their
exact words. The PDF's date is fixed and only the fonts inside typst are used: same source, same bytes.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import typst

from markup import BOOK, Block, Piece, Source, SourceError

DATE = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
STYLE_CALLS = {"strong": "strong", "emph": "emph", "code": "code"}


def load_references(folder: Path) -> dict[str, dict]:
    """references.yml as typst reads it: key -> entry."""
    found = typst.query(
        b'#metadata(yaml("/references.yml")) <all>', "<all>", field="value", one=True, root=folder
    )
    return json.loads(found)


def compile_pdf(text: str, folder: Path, colours: bool = False) -> bytes:
    """Typeset; with `colours` every letter has the colour of its ink (see truth.py)."""
    return typst.compile(
        text.encode(),
        root=folder,
        ignore_system_fonts=True,
        sys_inputs={"colours": "yes" if colours else "no"},
        timestamp=int(DATE.timestamp()),
    )


def typeset(source: Source, references: dict[str, dict], chapter: str = "") -> tuple[str, list[str]]:
    """The typst text of a source, and its list of references as a reader sees them."""
    for key in source.cited:
        if key not in references:
            raise SourceError(f"{source.path.name}: [@{key}] is not in references.yml")
    order = _order(source, references)
    setting = source.settings
    out = [
        '#import "/layout.typ": *',
        "#show: document.with("
        f"title: {quote(source.title)}, book: {quote(BOOK)}, "
        f"running-head: {quote(setting['running_head'])}, "
        f"columns: {setting['columns']}, paper: {quote(setting['paper'])}, "
        f"folio: {quote(setting['page_number'])}, font: {quote(setting['font'])}, "
        f"hyphenate: {setting['hyphenate']}, language: {quote(setting['language'])}, "
        f"first-page: {setting['first_page']})",
    ]
    for index, block in enumerate(source.blocks):
        following = source.blocks[index + 1] if index + 1 < len(source.blocks) else None
        before = source.blocks[index - 1] if index else None
        if block.kind == "caption" and following and following.kind == "table":
            continue  # set together with its table
        if block.kind == "caption" and before and before.kind == "figure":
            continue  # set together with its figure
        out.append(_block(source, block, before, following, order, references))
    printed = []
    if order:
        out.append("#references-heading")
        for place, key in enumerate(order):
            source.inks.append(("REFERENCE", place))
            printed.append(describe(references[key], setting["citation_style"], place + 1))
            out.append(f"#reference({len(source.inks) - 1}, {quote(printed[-1])})")
    return "\n\n".join(out) + "\n", printed


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def describe(entry: dict, style: str, place: int) -> str:
    """One line of the list of references."""
    names = [name.split(",") for name in entry["author"]]
    where = entry["parent"]["title"] if "parent" in entry else entry["publisher"]
    title, year = entry["title"], str(entry["date"])
    if style == "numeric":
        people = [f"{_initials(name[1])} {name[0]}" for name in names]
        return f"[{place}] {_and(people)}. {title}. {where}, {year}."
    people = [f"{name[0]}, {_initials(name[1])}" for name in names]
    listed = _and(people)
    return f"{listed}{'' if listed.endswith('.') else '.'} {year}. {title}. {where}."


def _initials(given: str) -> str:
    return " ".join(f"{part[0]}." for part in given.split())


def _and(people: list[str]) -> str:
    if len(people) > 3:
        return ", ".join(people[:3]) + ", et al"
    return " and ".join(people) if len(people) < 3 else f"{people[0]}, {people[1]} and {people[2]}"


def _order(source: Source, references: dict[str, dict]) -> list[str]:
    if source.settings["citation_style"] == "numeric":
        return list(source.cited)
    return sorted(source.cited, key=lambda key: (_names(references[key]), references[key]["date"]))


def _names(entry: dict) -> str:
    family = [name.split(",")[0] for name in entry["author"]]
    if len(family) > 2:
        return f"{family[0]} et al."
    return " and ".join(family)


def citation(keys: str, source: Source, order: list[str], references: dict[str, dict]) -> str:
    """The mark in the text: " [3, 5]" or " (Hoffmann et al., 2022)"."""
    listed = keys.split(";")
    if source.settings["citation_style"] == "numeric":
        return "[" + ", ".join(str(n) for n in sorted(order.index(key) + 1 for key in listed)) + "]"
    works = [f"{_names(references[key])}, {references[key]['date']}" for key in listed]
    return "(" + "; ".join(works) + ")"


def _pieces(source: Source, pieces: list[Piece], order: list[str], references: dict) -> str:
    out = []
    for piece in pieces:
        if piece.style == "math":
            out.append(f"#inked({piece.ink})[${piece.text}$]")
        elif piece.style == "note":
            inside = _pieces(source, source.notes[piece.text], order, references)
            out.append(f"#note({piece.ink})[{inside}]")
        elif piece.style == "cite":
            mark = citation(piece.text, source, order, references)
            out.append(f'#" "#t({piece.ink}, {quote(mark)})')
        elif piece.style in STYLE_CALLS:
            out.append(f"#{STYLE_CALLS[piece.style]}(t({piece.ink}, {quote(piece.text)}))")
        else:
            out.append(f"#t({piece.ink}, {quote(piece.text)})")
    return "".join(out)


def _block(
    source: Source,
    block: Block,
    before: Block | None,
    following: Block | None,
    order: list[str],
    references: dict,
) -> str:
    def run(pieces: list[Piece]) -> str:
        return _pieces(source, pieces, order, references)

    if block.kind == "heading":
        name = "chapter-title" if block.level == 1 else "section"
        body = run(block.pieces[0])
        prefix = quote(block.prefix) if block.prefix else "none"
        return f"#{name}({block.level}, {block.ink}, {prefix})[{body}]"
    if block.kind == "paragraph":
        first = before is not None and before.kind == "heading"
        return f"#paragraph(first: {str(first).lower()})[{run(block.pieces[0])}]"
    if block.kind == "list":
        items = ", ".join(f"[{run(item)}]" for item in block.pieces)
        return f"#listing({block.ink}, {str(block.ordered).lower()}, ({items},))"
    if block.kind == "code":
        return f"#program({block.ink}, {quote(block.raw)})"
    if block.kind == "equation":
        return f"#display({block.ink}, $ {block.raw} $)"
    caption = before if block.kind == "table" else following
    assert caption is not None
    label = f"{caption.ink}, {quote(caption.prefix)}, [{run(caption.pieces[0])}]"
    if block.kind == "table":
        cells = ", ".join(f"[{run(cell)}]" for cell in block.pieces)
        aligned = ", ".join(block.columns)
        return f"#captioned-table({label}, ({aligned},), ({cells},))"
    return f'#captioned-figure({label})[#include "/{block.raw}"]'
