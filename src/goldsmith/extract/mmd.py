"""Lines as MultiMarkdown: headings with levels, lists, tables, equations, code, captions, notes.

`to_mmd` takes the ``lines`` of one document and, where a tagger has looked at them, the label of
each line; page furniture stays out, everything else goes in, in reading order. Without labels the
formats' own hints count. Text is what the lines say: words that a line break divides are joined,
nothing else is changed, so no mathematics is guessed at; a display equation is set apart by its
brackets. Tables are pipes; one whose cells span columns is HTML (see `grid`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from goldsmith.extract.grid import render_table

FURNITURE = frozenset({"HEADER", "FOOTER", "PAGE_NUMBER"})
_KINDS = {
    "heading": "HEADING",
    "paragraph": "CONTENT",
    "list": "LIST",
    "table": "TABLE",
    "equation": "EQUATION",
    "caption": "CAPTION",
    "code": "CODE",
    "reference": "REFERENCE",
}
_ITEM = re.compile(r"^\s*(?:[•◦▪▸●○■□‣⁃✓·∙*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+")
_MARK = re.compile(r"^\s*[•◦▪▸●○■□‣⁃✓·∙*–—-]\s*")
_DIVIDED = re.compile(r"[^\W\d_][-\u2010\u00ad]$")
_NUMBERED = re.compile(r"^\s*(\d{1,2}(?:\.\d{1,3})*)\.?\s")
_DEEPEST = 6

Row = dict[str, Any]


def to_mmd(lines: pa.Table, labels: Mapping[str, str] | None = None) -> str:
    """Return the document as MultiMarkdown.

    ``lines`` are rows of one document; ``labels`` gives one of LABELS by line id. Lines without a
    label are content; lines that another engine's reading replaced are left out.
    """
    wanted = ["id", "page", "order", "block", "text", "size", "weight", "font", "hint", "replaced"]
    rows = sorted(lines.select(wanted).to_pylist(), key=lambda row: row["order"])
    kept = [row for row in rows if not row["replaced"]]
    for row in kept:
        known = None if labels is None else labels.get(row["id"])
        row["label"] = known or _KINDS.get((row["hint"] or "").partition(":")[0], "CONTENT")
    kept = [row for row in kept if row["label"] not in FURNITURE]
    titled = any(row["label"] == "TITLE" for row in kept)
    levels = _levels([row for row in kept if row["label"] == "HEADING"], 2 if titled else 1)
    return "\n\n".join(part for part in _parts(kept, levels) if part) + "\n"


def _parts(rows: list[Row], levels: dict[float, int]) -> Iterator[str]:
    for group in _groups(rows):
        label = group[0]["label"]
        texts = [row["text"].replace("\t", " ").strip() for row in group]
        if label == "TABLE":
            yield render_table([(row["text"], row["hint"] or "") for row in group])
        elif label == "TITLE":
            yield f"# {_joined(texts)}"
        elif label == "HEADING":
            yield f"{'#' * _level(group[0], levels)} {_joined(texts)}"
        elif label == "LIST":
            marked = [row["block"] if row["hint"] == "list" else None for row in group]
            yield "\n".join(_items(texts, marked))
        elif label == "EQUATION":
            yield "\\[\n" + "\n".join(texts) + "\n\\]"
        elif label == "CODE":
            yield "```\n" + "\n".join(row["text"].rstrip() for row in group) + "\n```"
        elif label == "TOC":
            yield "\n".join(f"- {text}" for text in texts)
        else:
            yield _joined(texts)


def _groups(rows: list[Row]) -> Iterator[list[Row]]:
    """Runs of lines that make one element."""
    group: list[Row] = []
    for row in rows:
        if group and not _goes_on(group[-1], row):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _goes_on(last: Row, row: Row) -> bool:
    if last["label"] != row["label"]:
        return False
    label, same = row["label"], (last["page"], last["block"]) == (row["page"], row["block"])
    if label == "TABLE":
        first = [(one["hint"] or "").startswith("table:0:") for one in (last, row)]
        return row["page"] == last["page"] and first != [False, True]
    if label in ("LIST", "CODE", "TOC"):
        return bool(row["page"] - last["page"] <= 1)
    if label == "EQUATION":
        return bool(row["page"] == last["page"])
    if label in ("HEADING", "TITLE"):
        alike = last["size"] == row["size"] and last["weight"] == row["weight"]
        return same and alike and not _NUMBERED.match(row["text"])
    divided = bool(_DIVIDED.search(last["text"].rstrip())) and row["text"][:1].islower()
    return same or (divided and label in ("CONTENT", "ANNEX"))


def _joined(texts: list[str]) -> str:
    """Texts with a space between them, or nothing where a line break divides a word."""
    result = ""
    for text in texts:
        if result and _DIVIDED.search(result) and text[:1].islower():
            result = result[:-1] + text
        else:
            result = f"{result} {text}" if result else text
    return result


def _items(texts: list[str], marked: list[int | None]) -> Iterator[str]:
    """Items of a list: by their signs, or, where the format ``marked`` them, a block each."""
    item, last = "", None
    for text, block in zip(texts, marked, strict=True):
        alone = block is not None and block != last
        last = block
        if _ITEM.match(text) or alone or not item:
            if item:
                yield item
            bare = alone and not _ITEM.match(text)
            item = f"- {_MARK.sub('', text)}" if bare or _MARK.match(text) else text
        else:
            item = _joined([item, text])
    if item:
        yield item


def _levels(headings: list[Row], highest: int) -> dict[float, int]:
    """The level of each type size of headings: the larger the higher, ``highest`` the largest."""
    sizes = sorted({round(row["size"], 0) for row in headings if row["size"]}, reverse=True)
    return {size: min(level, _DEEPEST) for level, size in enumerate(sizes, start=highest)}


def _level(row: Row, levels: dict[float, int]) -> int:
    said = (row["hint"] or "").partition(":")[2]
    if said.isdecimal():
        return min(max(int(said), 1), _DEEPEST)
    return levels.get(round(row["size"] or 0.0, 0), 1)
