"""Front and back matter: the title of a document, the block of its authors, and its appendices.

The title is the largest type of the first page, as far as the trained tagger, where there is one,
does not speak against it; formats that know their headings say it themselves. Authors are lines
between the title and the text that name people, places of work or mail addresses. An appendix goes
from its heading to the end or to the next main part. A line there keeps what it is: only running
text becomes ANNEX. Nothing is removed on the word of this file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from goldsmith.refine.lines import Line
from goldsmith.refine.structure import CAPTION, NUMBERED, Label

_LARGER = 1.12  # than running text, by type
_TITLE_LINES = 7
_TITLE_CHARACTERS = 400
_COVER_CHARACTERS = 800  # of a page that holds no text yet
_AUTHOR_LINES = 80  # looked at after the title
_CARD_LINES = 6  # an author's name, place of work and mail address below each other
_EARLIEST = 0.15  # of a document's lines lie before its appendices, at least
_SENTENCES = re.compile(r"(?<!part )(?<!volume )(?:[a-z]{4}|\d)\.\s+[A-Z]\w*\s+[a-z]")
_OPENS_TEXT = re.compile(
    r"^\W*(?:(?:\d|[IVX]+)?\W*)?(?:abstract|summary|synopsis|introduction|key\s?words|index terms|"
    r"contents|table of contents|zusammenfassung|einleitung|inhalt|résumé|resumen|resumo|"
    r"background|objectives?|foreword|preface|vorwort|highlights|article info|"
    r"article history|a b s t r a c t|a r t i c l e)\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.}\])-]\s?@\s?[\w-]+\.|\be-?mail\b|\borcid\b", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:universi\w+|institut\w*|department|dept|departamento|département|faculty|fakultät|"
    r"facultad|school|college|laborator\w+|lab|labs|hospital|clinic|klinik\w*|centre|center|zentrum|"
    r"academy|research|corporation|inc|ltd|gmbh|foundation|ministry|division|P\.\s?O\.\s?Box)\b",
    re.IGNORECASE,
)
_NO_AUTHOR = re.compile(
    r"^\W*(?:received|accepted|revised|published|submitted|copyright|©|vol|volume|issue|journal|"
    r"doi|https?|www|arxiv|version|draft|date|dated|january|february|march|april|may|june|july|"
    r"august|september|october|november|december|edition|report|technical report|page|figure|table|"
    r"license|isbn|issn|open access|research article|original|review|available|"
    r"associate editor|editor\w*)\b",
    re.IGNORECASE,
)
_JOINS = frozenset(
    {"and", "und", "et", "y", "e", "de", "der", "den", "des", "del", "della", "di", "da", "do"}
    | {"dos", "du", "la", "le", "van", "von", "zu", "ten", "ter", "el", "al", "bin", "by", "of"}
    | {"the", "for", "in", "at"}
)
_INITIAL = re.compile(r"\b[^\W\d_a-z]\.\s?-?[^\W\d_a-z]|,|&|\band\b|[*†‡§·]")
_NO_NAME = re.compile(r"\b(?:a|an|the|of|for|in|to|at|on|with|from|by)\b", re.IGNORECASE)
_ACCENT = re.compile(r"\s?[´¨`ˆ¸˜]\s?")  # beside its letter, as some text layers have it
_ANNEX = re.compile(
    r"^\s*(?:[A-Z\d]{1,3}\.?\s+)?(?:appendix|appendices|annex|annexe|annexes|anhang|anlage|anexo|"
    r"apéndice|supplement(?:ary|al)\s+\w+|supporting\s+information|online supplement)\b",
    re.IGNORECASE,
)
_LETTERED = re.compile(r"^\s*[A-H](?:\.\d{1,2})*\.?\s+[^\W\d_]")
_MAIN_PART = re.compile(
    r"^\s*(?:references|bibliography|literature|literatur|works cited|acknowledge?ments?|index|"
    r"glossary|glossar|stichwort\w*|author contributions?|about the authors?|"
    r"conflicts? of interest|competing interests|funding|chapter|part|kapitel|teil)\b",
    re.IGNORECASE,
)


def find_matter(
    lines: Sequence[Line],
    labels: Sequence[str],
    body: float,
    front: Mapping[str, float] | None = None,
) -> dict[str, Label]:
    """Return the lines of one document that are TITLE, AUTHOR or ANNEX, each with a confidence.

    ``lines`` come without furniture, each with the label it has so far; ``body`` is the type size
    of running text in points; ``front`` the trained tagger's chance, by line id, that a line
    belongs to the front of a paper.
    """
    found: dict[str, Label] = {}
    title, sure = _title(lines, labels, body, front)
    found.update((lines[index].id, ("TITLE", sure)) for index in title)
    if title and lines[title[0]].paged:
        for index in _authors(lines, labels, title, front):
            found[lines[index].id] = ("AUTHOR", 0.75)
    for index in _annex(lines, labels):
        if lines[index].id not in found:
            found[lines[index].id] = ("ANNEX", 0.8)
    return found


def _title(
    lines: Sequence[Line], labels: Sequence[str], body: float, front: Mapping[str, float] | None
) -> tuple[list[int], float]:
    """The lines of the title, none where no line stands out, and the confidence in them."""
    headings = [index for index, label in enumerate(labels) if label == "HEADING"]
    highest = [index for index in headings if lines[index].level == 1]
    if not any(line.paged for line in lines):
        only = len(highest) == 1 and highest[0] == headings[0]
        return (highest, 0.9) if only else ([], 0.0)
    best: list[int] = []
    most, sure = 0.0, 0.0
    here = [line for line in lines if line.page == lines[0].page]
    cover = sum(len(line.text) for line in here) < _COVER_CHARACTERS and not any(
        _is_prose(line.text) for line in here
    )
    later = [(index, lines[index].size) for index in headings]
    for run in _runs(lines, labels, body):
        size = lines[run[0]].size
        text = " ".join(lines[index].text for index in run)
        words = len(re.findall(r"[^\W\d_]{2,}", text))
        alike = sum(len(line.text) for line in here if abs(line.size - size) < 0.02 * size)
        if not words or _SENTENCES.search(text) or alike > _TITLE_CHARACTERS:
            continue
        # By its type: larger than the text and, but for a cover, than any heading after it.
        stands = size >= _LARGER * body and any(labels[index] == "HEADING" for index in run)
        stands &= cover or all(other < 0.98 * size for index, other in later if index > run[-1])
        chance = sum((front or {}).get(lines[index].id, 0.0) for index in run) / len(run)
        score = size / body * min(words, 4) * (0.5 + chance)
        if score > most and (stands or chance > 0.6):
            best, most = run, score
            sure = 0.9 if stands and chance > 0.6 else 0.7
    return best, sure


def _runs(lines: Sequence[Line], labels: Sequence[str], body: float) -> list[list[int]]:
    """Runs of lines in one large or distinct type, on the first page before the text begins."""
    runs: list[list[int]] = []
    for index, line in enumerate(lines):
        text = line.text.strip()
        if not body or line.page != lines[0].page or _OPENS_TEXT.match(text):
            break
        heading = labels[index] == "HEADING"
        numbered = NUMBERED.match(text)
        plain = labels[index] == "CONTENT" and line.size >= _LARGER * body
        if not line.paged or not (heading or plain) or CAPTION.match(text):
            continue
        if numbered is not None and numbered.group("number") and not runs:
            break
        last = lines[runs[-1][-1]] if runs else None
        if last is not None and runs[-1][-1] == index - 1 and _alike(last, line):
            runs[-1].append(index)
        else:
            runs.append([index])
    return [
        run
        for run in runs
        if len(run) <= _TITLE_LINES
        and sum(len(lines[index].text) for index in run) <= _TITLE_CHARACTERS
    ]


def _alike(one: Line, other: Line) -> bool:
    near = other.y0 - one.y1 < 1.5 * max(other.height, 1.0)
    return near and one.bold == other.bold and abs(one.size - other.size) < 0.05 * one.size


def _authors(
    lines: Sequence[Line],
    labels: Sequence[str],
    title: Sequence[int],
    front: Mapping[str, float] | None,
) -> list[int]:
    """The lines after the title that name the authors, none without evidence."""
    start = title[-1] + 1
    named = _above(lines, labels, title[0], front)
    evidence = False
    for index in range(start, min(start + _AUTHOR_LINES, len(lines))):
        line, label = lines[index], labels[index]
        text = _bare(line)
        if line.page != lines[title[0]].page or _OPENS_TEXT.match(text) or _is_prose(text):
            break
        if label in ("CAPTION", "FOOTNOTE", "REFERENCE", "TOC") or _NO_AUTHOR.match(text):
            continue
        place = bool(_MAIL.search(text) or _PLACE.search(text))
        if label == "HEADING" and not _heads_author(lines, index, text):
            if NUMBERED.match(text) or named:
                break
            continue
        if place or _is_names(text):
            named.append(index)
            evidence = evidence or place
    if not named:
        return []
    chance = sum((front or {}).get(lines[index].id, 0.0) for index in named) / len(named)
    if not evidence and chance < 0.6:
        return []
    return [
        index
        for index in range(named[0], named[-1] + 1)
        if index not in title
        if index in named or _between(lines, labels, index, named, front)
    ]


def _above(
    lines: Sequence[Line], labels: Sequence[str], title: int, front: Mapping[str, float] | None
) -> list[int]:
    """Names right above the title, in the type of headings, of which the tagger is sure."""
    first = title
    while first and labels[first - 1] == "HEADING":
        line, text = lines[first - 1], _bare(lines[first - 1])
        sure = (front or {}).get(line.id, 0.0) > 0.8
        if not (sure and _is_names(text) and _INITIAL.search(text)) or _NO_AUTHOR.match(text):
            break
        first -= 1
    return list(range(first, title))


def _bare(line: Line) -> str:
    """The line's text without raised marks."""
    text = line.text
    for start, end in reversed(line.raised):
        text = text[:start] + " " + text[end:]
    return " ".join(text.split())


def _heads_author(lines: Sequence[Line], index: int, text: str) -> bool:
    """Whether a line in the type of a heading names authors: by marks, or a place stands below."""
    if _MAIL.search(text):
        return True
    if not _is_names(text) or NUMBERED.match(text):
        return False
    if _INITIAL.search(text) or lines[index].raised:
        return True
    below = [line.text for line in lines[index + 1 : index + _CARD_LINES]]
    person = len(text.split()) <= 5 and not _NO_NAME.search(text)
    return person and any(_MAIL.search(line) or _PLACE.search(line) for line in below)


def _between(
    lines: Sequence[Line],
    labels: Sequence[str],
    index: int,
    named: list[int],
    front: Mapping[str, float] | None,
) -> bool:
    """Whether a line of a street or a country stands within a block that names someone."""
    line, text = lines[index], lines[index].text.strip()
    same = index - 1 in named and lines[index - 1].block == line.block
    sure = (front or {}).get(line.id, 0.0) > 0.8
    plain = labels[index] in ("CONTENT", "TABLE", "LIST") and len(text) < 120
    return (same or sure) and plain and not _NO_AUTHOR.match(text)


def _is_prose(text: str) -> bool:
    """Whether a line is running text: long, and most of its words in small letters."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    if len(words) < 7 or _MAIL.search(text):
        return False
    small = sum(word[0].islower() and word.lower() not in _JOINS for word in words)
    return bool(small >= 0.45 * len(words))


def _is_names(text: str) -> bool:
    """Whether a line is made of names: capitalised words and what joins them."""
    words = re.findall(r"[^\W\d_][^\W\d_.’'-]*", _ACCENT.sub("", text))
    whole = [word for word in words if len(word) > 1 and word.lower() not in _JOINS]
    if not 1 < len(words) <= 40 or not whole or re.search(r"[^.]\w{3,}[.!?:]\s*$", text):
        return False
    return all(word[0].isupper() for word in whole)


def _annex(lines: Sequence[Line], labels: Sequence[str]) -> list[int]:
    """Running text of appendices."""
    found: list[int] = []
    inside = 0.0  # type size of the heading that opened the appendix; -1 where types have no size
    entries, highest = False, 0
    for index, line in enumerate(lines):
        if labels[index] == "REFERENCE":
            entries, inside = True, 0.0
        elif labels[index] == "HEADING":
            text = " ".join(line.text.split())
            number = _number(text)
            lettered = _LETTERED.match(text) is not None
            late = index >= _EARLIEST * len(lines)
            opens = _ANNEX.match(text) is not None and len(text) < 140
            if late and (opens or (entries and lettered)):
                inside = line.size or -1.0
            elif inside and _ends(line, text, number, inside, highest):
                inside = 0.0
            if not inside:
                highest = max(highest, number)
        elif inside and labels[index] == "CONTENT":
            found.append(index)
    return found


def _ends(line: Line, text: str, number: int, inside: float, highest: int) -> bool:
    """Whether a heading within an appendix opens a main part: by its words, or as the next."""
    large = not line.paged or line.size >= 0.98 * inside
    return large and (bool(_MAIN_PART.match(text)) or number == highest + 1 > 1)


def _number(text: str) -> int:
    """The number before a heading of the highest level, 0 without one."""
    found = NUMBERED.match(text)
    number = found.group("number") if found else None
    return int(number) if number and "." not in number else 0
