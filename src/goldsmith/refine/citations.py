"""Citations in running text: "[1, 2]", "[3]–[5]", "(Lee, 2019)", "[SW+20]", "roads³".

A mark goes only when its document shows what it points to: ``[3]`` needs a list of references that
reaches 3, ``(Lee, 2019)`` an entry by that author (or "et al."), so that intervals like [0, 1],
indices like a[1] and years in prose stay. A mark that is a part of the sentence ("as shown in [3]")
stays too: without it the sentence would say nothing. The hand-made truth is
``tests/refine/citations.txt``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goldsmith.refine.lines import Line
from goldsmith.refine.marks import NOT_WORDS
from goldsmith.refine.segments import Edit

_YEAR_DIGITS = r"(?:1[6-9]|20)\d\d"
_NUMBERS = r"\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*"
_LOCATOR = (
    r"(?:,\s(?:pp?\.|S\.|Sec\.|Section|Chap\.|Chapter|Ch\.|Theorem|Thm\.|Lemma|Prop\.|Def\.|Eq\.|"
    r"Fig\.|Table|§)\s?[\w.–-]{1,12})?"
)
_GROUP = rf"\[(?:see |cf\. |e\.g\.,? )?{_NUMBERS}{_LOCATOR}\]"
_NUMERIC = re.compile(
    rf"(?P<space>\s?)(?P<mark>{_GROUP}"
    rf"(?:(?:\s?[,;–-]?\s?|,?\s(?:and|und|or|oder|to|bis|&)\s){_GROUP})*)"
)
_KEYS = re.compile(r"(?P<space>\s?)\[(?P<mark>[A-Z][\w+]{1,11}(?:[,;]\s?[A-Z][\w+]{1,11})*)\]")
_RAISED = re.compile(
    r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?)”\"]))[¹²³⁰⁴-⁹]+(?:[,⁻–-][¹²³⁰⁴-⁹]+)*(?![⁺⁻\w])"
)
_ENTRY = re.compile(
    r"^\s*(?:\[(?P<number>\d{1,3})\]|(?P<dotted>\d{1,3})\.\s|\[(?P<key>[\w+]{2,12})\]"
    r"|(?P<bare>\d{1,3})\)?\s+(?=[^\W\d_]))"
)
_SKIPPED = 3  # numbers that a list without dots and brackets may jump over: a line can be misread
_BRACKETS = re.compile(
    rf"(?P<space>\s?)[(\[](?P<mark>[^()\[\]]{{3,300}}?{_YEAR_DIGITS}[a-z]?[^()\[\]]{{0,60}})[)\]]"
)
_YEAR = re.compile(rf"\b({_YEAR_DIGITS})[a-z]?\b")
_LEAD = re.compile(
    r"^(?:see(?: also)?|e\.\s?g\.|cf\.|vgl\.|siehe|also|and|und)[,\s]+", re.IGNORECASE
)
_AUTHOR = re.compile(
    r"^(?P<name>(?:(?:van|von|de|der|den|di|la|le|du)\s)*[A-ZÀ-Þ][\w'’\-]+)"
    r"(?P<rest>(?:\s(?:et\sal\.?|and|und|&|[A-ZÀ-Þ][\w'’\-]*\.?|van|von|de)|,(?=\s\D)|\s&)*)"
    rf"[,:]?\s{_YEAR_DIGITS}[a-z]?"
    rf"(?:\s?[,–:-]\s?(?:(?:1[6-9]|20)?\d\d[a-z]?|[a-z]|(?:pp?\.|S\.)?\s?\d+(?:[–-]\d+)?))*$"
)
#: Whom an entry names as its author: the first word of the entry, and names beside initials.
_FIRST = re.compile(r"^\W*(?:(?:van|von|de|der|den|di|la|le|du)\s)*([A-ZÀ-Þ][\w'’\-]+)(?=[,.( ])")
_INITIALS = re.compile(
    r"([A-ZÀ-Þ][\w'’\-]+),?\s(?:[A-ZÀ-Þ]\.[\s-]?)+|(?:[A-ZÀ-Þ]\.[\s-]?)+([A-ZÀ-Þ][\w'’\-]+)"
)

# Contexts in which brackets are no citation, or one that the sentence needs.
_NEEDED = re.compile(
    r"(?:[:(]\s*|\b(?:in|by|see|of|from|with|to|and|or|per|than|that|following|follow|follows|cf\.|"
    r"refs?\.?|references?|on|over|at|between|within|into|if|when|where|let|take|consider|type|press|"
    r"is|are|be|via|using|as|vgl\.|siehe|nach|von|aus|bei|und|oder|auf|mit|zwischen|"
    r"et|ou|dans|par|selon|voir|chez))$",
    re.IGNORECASE,
)
_NUMBERED_THING = re.compile(
    r"\b(?:equations?|eqs?\.?|figures?|figs?\.?|tables?|sections?|secs?\.?|chapters?|steps?|items?|"
    r"theorem|lemma|appendix|page|class(?:es)?|elements?|entry|entries|reactions?|réactions?|gleichung|abbildung|tabelle|"
    r"abschnitt|kapitel|satz)$",
    re.IGNORECASE,
)
_HOLDER = re.compile(  # of a tuple of numbers
    r"\b(?:intervals?|ranges?|scales?|vectors?|matrix|matrices|lists?|arrays?|tuples?|shapes?|points?|"
    r"pairs?|coordinates|degrees|weights|kernels?|sets?|domains?|temperatures|years|ages|values?|"
    r"numbers|bounds|limits|support|box|grid|size|segment|block|index|row|column|integers|digits|"
    r"product|sequence|triple|intervall|bereich|vektor|menge|liste|punkt|paar|werte?)$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:_\w*|\b(?:data|args|argv|list|array|items|row|col|node|buffer|index|list))$"
)
_MATHS_BEFORE = re.compile(
    r"[=∈∉⊂⊆<>≤≥+×·*/^|→∪∩\\-]$|(?<![^\W\d_])[^\W\d_]$|(?<!\b[12]\d\d)\d$|[\[\]]$"
    r"|(?<![^\W\d_]{2})\)$"
)
_MATHS_AFTER = re.compile(r"^\s?[×^→∈⊂⊆=<>≤≥+∪∩·*/]|^\w")


@dataclass(frozen=True)
class References:
    """What a document's own list of references can be cited by."""

    last: int  # the highest number of an entry; 0 where entries have no numbers
    keys: frozenset[str]  # of entries that have them: "SW+20"
    authors: frozenset[str]
    years: frozenset[str]


def read_references(lines: Iterable[Line]) -> References:
    """Return what the lines of a reference section say."""
    last, keys, authors, years = 0, set[str](), set[str](), set[str]()
    for line in lines:
        text = line.text
        entry = _ENTRY.match(text)
        if entry is not None:
            last = max(last, int(entry["number"] or entry["dotted"] or 0))
            if entry["bare"] and last < int(entry["bare"]) <= last + _SKIPPED:
                last = int(entry["bare"])
            keys |= {entry["key"]} - {None}
            text = text[entry.end() :]
        first = _FIRST.match(text)
        authors |= {first.group(1)} if first is not None else set()
        authors.update(one or other for one, other in _INITIALS.findall(text))
        years.update(_YEAR.findall(text))
    return References(last, frozenset(keys), frozenset(authors), frozenset(years))


def citation_edits(text: str, references: References) -> list[Edit]:
    """Return the edits that take citations out of a passage of prose, in order."""
    edits: list[Edit] = []
    if references.last and "[" in text:
        for match in _NUMERIC.finditer(text):
            if _numbers_cite(text, match, references.last):
                edits += _without(text, match)
    if references.keys and "[" in text:
        for match in _KEYS.finditer(text):
            if set(re.split(r"[,;]\s?", match["mark"])) <= references.keys:
                edits += _without(text, match)
    if "(" in text or "[" in text:
        for match in _BRACKETS.finditer(text):
            if _names_cite(match["mark"], references):
                edits += _without(text, match)
    if references.last and not text.isascii():
        edits += _raised(text, references.last)
    return sorted(edits)


def _numbers_cite(text: str, match: re.Match[str], last: int) -> bool:
    """Whether numbers in brackets can be entries, and are no mathematics where they stand."""
    mark = match["mark"]
    numbers = [int(number) for number in re.findall(r"\d+", re.sub(_LOCATOR + r"\]", "]", mark))]
    if min(numbers) < 1 or max(numbers) > last or len(set(numbers)) < len(numbers):
        return False
    before = text[max(0, match.start() - 40) : match.start()]
    if _MATHS_BEFORE.search(before) and not re.search(rf"\b{_YEAR_DIGITS}$", before):
        word_in_brackets = re.search(r"\([^()]*[^\W\d_]{2}[^()]*\)$", before)
        if not (before.endswith(")") and word_in_brackets):
            return False
    if _MATHS_AFTER.search(text[match.end() : match.end() + 3]):
        return False
    if _NUMBERED_THING.search(before) or (not match["space"] and _CODE.search(before)):
        return False
    return not (re.fullmatch(r"\[\d+(?:[,;]\s?\d+)+\]", mark) and _HOLDER.search(before))


def _names_cite(inside: str, references: References) -> bool:
    """Whether each piece of what stands in brackets is an author with a year."""
    for piece in re.split(r";\s*", inside.strip()):
        found = _AUTHOR.match(_LEAD.sub("", " ".join(piece.split())))
        if found is None:
            if re.fullmatch(rf"{_YEAR_DIGITS}[a-z]?", piece.strip()) and piece is not inside:
                continue
            return False
        year = _YEAR.search(piece)
        named = found["name"].split()[-1] in references.authors
        listed = year is not None and year.group(1) in references.years and named
        if not listed and "et al" not in found["rest"]:
            return False
    return True


def _without(text: str, match: re.Match[str]) -> list[Edit]:
    """The edit that removes a mark, unless the sentence needs it."""
    before = text[max(0, match.start() - 24) : match.start()].rstrip()
    after = text[match.end() : match.end() + 2]
    if not before or _NEEDED.search(before):
        return []
    if before.endswith(".") and not before.endswith("al.") and after.strip()[:1].islower():
        return []  # "[3] shows": the mark is what the sentence is about
    # The space before goes with the mark, unless it then would be missing between two words.
    start = match.start() if after[:1] in (*" .,;:!?)]\n", "") else match.end("space")
    return [Edit(start, match.end(), "", "citation mark")]


def _raised(text: str, last: int) -> Iterator[Edit]:
    """Superscript numbers at the end of a word that is no unit and no function."""
    for match in _RAISED.finditer(text):
        digits = unicodedata.normalize("NFKC", match.group())
        numbers = [int(number) for number in re.findall(r"\d+", digits)]
        word = re.search(r"[^\W\d_]+$", text[: match.start()])
        if word is not None and (word.group().lower() in NOT_WORDS or word.group()[1:2].isupper()):
            continue
        if min(numbers) >= 1 and max(numbers) <= last:
            yield Edit(match.start(), match.end(), "", "citation mark")
