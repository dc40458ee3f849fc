"""Raised footnote signs: a mark at a word, told from an exponent.

Raised digits after a number, a unit, a function's name or a single letter are exponents and stay.
Citations, in brackets or raised, are in `citations`.
"""

from __future__ import annotations

import re

from goldsmith.refine.lines import Line
from goldsmith.refine.segments import Edit

_RAISED = re.compile(r"\s*(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3})*|[*†‡§¶]{1,3})[,.]?\s*")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)$")
#: Units and functions: raised digits behind them are exponents.
# fmt: off
NOT_WORDS = frozenset({
    "m", "cm", "mm", "km", "dm", "nm", "µm", "μm", "kg", "g", "mg", "s", "ms", "ns", "in",
    "ft", "yd", "mi", "ha", "l", "ml", "hz", "khz", "mhz", "ghz", "ev", "kev", "mev", "gev",
    "w", "v", "sin", "cos", "tan", "log", "exp", "ln", "lim", "max", "min", "det", "dim",
    "rank", "tr", "var", "cov", "pr", "mod", "sinh", "cosh", "tanh", "sec", "csc", "cot",
    "arcsin", "arccos", "arctan", "sup", "inf", "ker", "div", "grad", "rot", "curl", "metre",
    "metres", "meter", "meters", "kilometres", "kilometers", "feet", "foot", "inch", "inches",
    "miles", "yards", "seconds", "second", "rad", "mol", "pixel", "pixels",
})
# fmt: on


def footnote_edits(line: Line) -> list[Edit]:
    """Return the edits that take raised footnote signs out of a line of prose.

    Raised digits after a number, a unit, a function's name or a single letter are exponents.
    """
    edits = []
    for start, end in line.raised:
        if not 0 < start < end <= len(line.text):
            continue
        if _RAISED.fullmatch(line.text[start:end]) is None:
            continue
        if line.text[end : end + 1].isalpha() and not line.text[end - 1].isspace():
            continue  # "λ²m": what goes on without a space is a formula
        before = line.text[:start].rstrip(" \u00a0")
        word = _WORD_BEFORE.search(before)
        if word is not None:
            if len(word.group(1)) < 2 or word.group(1).lower() in NOT_WORDS:
                continue
        elif (
            not before
            or before[-1] not in ".,;:!?)]”’\"'»"
            or (before[-1] in ")]" and re.search(r"[=+∈^]|[\d)\]]\s*[)\]]$", before[-20:]))
        ):
            continue
        left = start
        while left > len(before):
            left -= 1
        text = line.text[start:end]
        right = end - (len(text) - len(text.rstrip()))
        edits.append(Edit(left, right, "", "footnote mark"))
    return edits
