"""Marks that point away from the text: raised footnote signs and citations.

A mark goes only when its document shows what it points to: ``[3]`` needs a numbered list of
references that reaches 3, ``(Lee, 2019)`` a reference with that name and year (or "et al."). So an
interval like [0, 1], an index like a[1] and a year in prose stay. A mark that is a part of the
sentence ("as shown in [3]") stays too: without it the sentence would say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from goldsmith.refine.lines import Line
from goldsmith.refine.segments import Edit

_RAISED = re.compile(r"\s*(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3})*|[*†‡§¶]{1,3})[,.]?\s*")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)$")
# fmt: off
_NOT_WORDS = frozenset({
    "m", "cm", "mm", "km", "dm", "nm", "µm", "μm", "kg", "g", "mg", "s", "ms", "ns", "in",
    "ft", "yd", "mi", "ha", "l", "ml", "hz", "khz", "mhz", "ghz", "ev", "kev", "mev", "gev",
    "w", "v", "sin", "cos", "tan", "log", "exp", "ln", "lim", "max", "min", "det", "dim",
    "rank", "tr", "var", "cov", "pr", "mod", "sinh", "cosh", "tanh", "sec", "csc", "cot",
    "arcsin", "arccos", "arctan", "sup", "inf", "ker", "div", "grad", "rot", "curl",
})
# fmt: on

_NUMBERS = r"\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*"
_NUMERIC = re.compile(rf"(?P<space>\s?)(?P<mark>\[{_NUMBERS}\](?:\s?[,;–-]?\s?\[{_NUMBERS}\])*)")
_ENTRY = re.compile(r"^\s*(?:\[(\d{1,3})\]|(\d{1,3})\.\s)")
_BRACKETS = re.compile(
    r"(?P<space>\s?)\((?P<inside>[^()]{5,300}?(?:1[6-9]|20)\d\d[a-z]?[^()]{0,60})\)"
)
_YEAR = re.compile(r"\b((?:1[6-9]|20)\d\d)[a-z]?\b")
_LEAD = re.compile(
    r"^(?:see(?: also)?|e\.\s?g\.|cf\.|vgl\.|siehe|also|and|und)[,\s]+", re.IGNORECASE
)
_AUTHOR = re.compile(
    r"^(?P<name>(?:(?:van|von|de|der|den|di|la|le|du)\s)*[A-ZÀ-Þ][\w'’\-]+)"
    r"(?P<rest>(?:\s(?:et\sal\.?|and|und|&|[A-ZÀ-Þ][\w'’\-]*\.?|van|von|de)|,(?=\s\D)|\s&)*)"
    r"[,:]?\s(?:1[6-9]|20)\d\d[a-z]?"
    r"(?:\s?[,–-]\s?(?:(?:1[6-9]|20)?\d\d[a-z]?|[a-z]|pp?\.\s?\d+(?:[–-]\d+)?|S\.\s?\d+))*$"
)
_PART_OF_SENTENCE = re.compile(
    r"(?:^|[.:(]\s*|\b(?:in|by|see|of|from|with|to|and|or|per|than|that|following|cf\.|refs?\.?|"
    r"references?|equations?|eqs?\.?|interval|range|vgl\.|siehe|nach|von|aus|bei|und|oder))$",
    re.IGNORECASE,
)
_MATH_BEFORE = re.compile(r"[=∈∉⊂⊆<>≤≥+×·*/^|→∪∩\\-]\s?$|(?<![^\W\d_])[^\W\d_]$|[\d)\]]$")


@dataclass(frozen=True)
class References:
    """What a document's own list of references can be cited by."""

    last: int  # the highest number of an entry; 0 where entries have no numbers
    words: frozenset[str]
    years: frozenset[str]


def read_references(lines: Iterable[Line]) -> References:
    """Return what the lines of a reference section say."""
    last, words, years = 0, set[str](), set[str]()
    for line in lines:
        entry = _ENTRY.match(line.text)
        if entry is not None:
            last = max(last, int(entry.group(1) or entry.group(2)))
        words.update(re.findall(r"[^\W\d_][\w'’\-]+", line.text))
        years.update(_YEAR.findall(line.text))
    return References(last, frozenset(words), frozenset(years))


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
        before = line.text[:start].rstrip(" \u00a0")
        word = _WORD_BEFORE.search(before)
        if word is not None:
            if len(word.group(1)) < 2 or word.group(1).lower() in _NOT_WORDS:
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


def citation_edits(text: str, references: References) -> list[Edit]:
    """Return the edits that take citations out of a passage of prose."""
    edits = []
    if references.last and "[" in text:
        for match in _NUMERIC.finditer(text):
            numbers = [int(number) for number in re.findall(r"\d+", match.group("mark"))]
            if min(numbers) < 1 or max(numbers) > references.last:
                continue
            edits.extend(_without(text, match, _MATH_BEFORE))
    if "(" in text:
        for match in _BRACKETS.finditer(text):
            if _cites(match.group("inside"), references):
                edits.extend(_without(text, match, None))
    return edits


def _without(text: str, match: re.Match[str], forbidden: re.Pattern[str] | None) -> list[Edit]:
    before = text[max(0, match.start() - 24) : match.start()]
    if _PART_OF_SENTENCE.search(before.rstrip()) and match.start() != 0:
        return []
    if match.start() == 0 or (forbidden is not None and forbidden.search(before)):
        return []
    after = text[match.end() : match.end() + 1]
    # The space before goes with the mark, unless it then would be missing between two words.
    start = match.start() if not after or after in " .,;:!?)]\n" else match.end("space")
    return [Edit(start, match.end(), "", "citation mark")]


def _cites(inside: str, references: References) -> bool:
    for piece in re.split(r";\s*", inside.strip()):
        found = _AUTHOR.match(_LEAD.sub("", " ".join(piece.split())))
        if found is None:
            if re.fullmatch(r"(?:1[6-9]|20)\d\d[a-z]?", piece.strip()) and piece is not inside:
                continue
            return False
        year = _YEAR.search(piece)
        named = found.group("name").split()[-1] in references.words
        listed = year is not None and year.group(1) in references.years and named
        if not listed and "et al" not in found.group("rest"):
            return False
    return True
