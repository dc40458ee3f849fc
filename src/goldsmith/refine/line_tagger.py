"""The trained tagger over our own lines: furniture, notes and references it is sure of.

Turns ``lines`` into the layout that the model was trained on, and its chances into labels. It was
trained on scientific papers and meets anything, so what it takes must also stand where such a
thing can stand: a head or a page number in the outer parts of a page, a note below its middle and
in type no larger than the text, entries in a row. Where it would take too much of a document, it
takes nothing. What it keeps is no evidence: it misses notes of kinds that papers do not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from goldsmith.refine.furniture import Verdict
from goldsmith.refine.line_features import Layout, line_features
from goldsmith.refine.line_model import (
    CLASSES,
    REMOVED,
    line_probabilities,
    shipped_weights,
)
from goldsmith.refine.line_text import Floats
from goldsmith.refine.lines import Line

NAME = "lines-2"
_SURE = 0.8  # above what serves papers best: text is worth more than tidiness
_ENTRIES = 5  # lines in a row that make a section of entries
_OUTER = 0.16  # of a page's height from its top or foot, where heads and numbers stand
_MOST = 0.15  # of a document's characters that heads, numbers and notes may be
_STEP = 0.05  # of the type size that makes another size
_STRETCH = 20_000  # lines looked at together, so that memory does not grow with the document


def layout_of(lines: Sequence[Line]) -> Layout:
    """Return what the network knows of lines in reading order; type is compared by block."""
    page = np.array([line.page for line in lines], np.int64)
    block = np.array([line.block for line in lines], np.int64)
    opens = np.ones(len(lines), np.bool_)
    opens[1:] = (page[1:] != page[:-1]) | (block[1:] != block[:-1])
    # A block has the type of its first line.
    first = np.maximum.accumulate(np.where(opens, np.arange(len(lines)), 0)).tolist()
    sizes = np.array([lines[index].size for index in first])
    before = np.concatenate([sizes[:1], sizes[:-1]])
    known = (sizes > 0) & (before > 0)
    steps = (sizes > before * (1 + _STEP)).astype(np.int64) - (sizes < before * (1 - _STEP))
    fonts = [lines[index].font for index in first]
    changed = [False, *(here != last for here, last in zip(fonts[1:], fonts, strict=False))]
    return Layout(
        texts=[" ".join(line.text.split()) for line in lines],
        page=np.maximum.accumulate(page),
        opens=opens,
        new_font=np.array(changed, np.bool_),
        size=np.where(known, steps, 0),
        bold=np.array([lines[index].bold for index in first], np.bool_),
        italic=np.array([lines[index].italic for index in first], np.bool_),
    )


class Opinion(NamedTuple):
    """What the model says of one document's lines, by line id."""

    furniture: dict[str, Verdict]  # heads, feet, page numbers, notes
    references: dict[str, float]  # confidence of entries of a reference section
    front: dict[str, float]  # chance of each line to be of the front: title, authors, abstract


def find_learned(lines: Sequence[Line], heights: Mapping[int, float], body: float) -> Opinion:
    """Return what the model is sure of.

    ``heights`` are page heights in points, as far as known; ``body`` the type size of the text.
    """
    paged = [line for line in lines if line.paged and not line.hint]
    if not paged:
        return Opinion({}, {}, {})
    chances = np.concatenate(
        [
            line_probabilities(line_features(layout_of(stretch)), shipped_weights())
            for stretch in _stretches(paged)
        ]
    )
    gone = chances[:, REMOVED].sum(axis=1)
    entry = chances[:, CLASSES.index("reference")]
    found: dict[str, Verdict] = {}
    for index in np.flatnonzero(gone > _SURE).tolist():
        line = paged[index]
        label = _label(line, chances[index], heights.get(line.page, 0.0), body)
        if label:
            found[line.id] = Verdict(label, float(gone[index]))
    taken = sum(len(line.text) for line in paged if line.id in found)
    if taken > _MOST * sum(len(line.text) for line in paged):
        found = {}
    references = {paged[index].id: float(entry[index]) for index in _sections(entry, gone)}
    ahead = chances[:, CLASSES.index("front")].tolist()
    front = {line.id: chance for line, chance in zip(paged, ahead, strict=True)}
    return Opinion(found, references, front)


def _sections(entry: Floats, gone: Floats) -> list[int]:
    """Places of entries in rows of at least _ENTRIES lines, furniture between them aside."""
    runs: list[list[int]] = [[]]
    for index, chance in enumerate(entry.tolist()):
        if chance > 0.5:
            runs[-1].append(index)
        elif gone[index] < 0.5 and runs[-1]:
            runs.append([])
    return [
        index for run in runs if len(run) >= _ENTRIES and entry[run].mean() > _SURE for index in run
    ]


def _stretches(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines in order, in pieces that begin with a page where that is possible."""
    start = 0
    while len(lines) - start > _STRETCH:
        end = start + _STRETCH
        while end > start + _STRETCH // 2 and lines[end - 1].page == lines[end].page:
            end -= 1
        yield lines[start:end]
        start = end
    yield lines[start:]


def _label(line: Line, chances: Floats, height: float, body: float) -> str:
    """The label that the class means at this place, empty where it cannot stand."""
    place = CLASSES[max(REMOVED, key=lambda number: float(chances[number]))]
    middle = (line.y0 + line.y1) / 2 / height if height else 0.5
    if place == "footnote":
        below = not height or middle > 0.5
        return "FOOTNOTE" if below and (not body or line.size <= 1.02 * body) else ""
    if height and _OUTER < middle < 1 - _OUTER:
        return ""
    if place == "page_number":
        return "PAGE_NUMBER"
    return "HEADER" if middle <= 0.5 else "FOOTER"
