"""What a line is within the text: heading, list, table, equation, code, caption, note, reference.

Rules over type size, weight, place and wording, for formats that do not say it themselves. They
look at a line, its block, and the document's running text; a line no rule speaks for is content.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from goldsmith.refine.lines import Line, is_terminated

Label = tuple[str, float]

_HEADING_LINES = 4

NUMBERED = re.compile(
    r"^\s*(?:(?:chapter|section|part|appendix|annex|kapitel|abschnitt|teil|anhang)\s+[\dIVXA-Z]+\b[.:]?"
    r"|(?P<number>\d{1,2}(?:\.\d{1,3})*)\.?(?=\s)|[A-H](?:\.\d{1,2})*\.?(?=\s)|[IVX]{1,5}\.(?=\s))",
    re.IGNORECASE,
)
BULLET = re.compile(r"^\s*(?:[•◦▪▸●○■□‣⁃✓·∙*]|[\uf020-\uf0ff-–—](?=\s))\s*(?=\S)")
ENUMERATED = re.compile(r"^\s*(?:\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})\)|\d{1,2}\.|[a-z]\.)\s+(?=\S)")
CAPTION = re.compile(
    r"^\s*(?:fig(?:ure|\.)?|table|tab\.|abb(?:ildung|\.)|tabelle|scheme|listing|algorithm|plate|chart)"
    r"\s*(?:[A-Z]?\d+(?:[.\-–]\d+)*[a-z]?|[IVX]+|[A-Z])\s*(?P<mark>[.:|–—]|\s*$|\t|(?=\s+[A-Z(]))",
    re.IGNORECASE,
)
_REFERENCES = re.compile(
    r"^\s*(?:\d{1,2}\.?\s+|[IVX]+\.\s+)?(?:references(?:\s+(?:and notes|cited))?|bibliography|"
    r"literature(?: cited)?|works cited|literatur(?:verzeichnis)?|quellen(?:verzeichnis)?|"
    r"références|bibliographie|referencias|bibliografía)\s*:?\s*$",
    re.IGNORECASE,
)
_AFTER_REFERENCES = re.compile(
    r"^\s*(?:appendix|appendices|annex|anhang|supplement|index|glossary|glossar|"
    r"acknowledge?ments?|danksagung|author contributions|about the author|symbol|stichwort)",
    re.IGNORECASE,
)
_ENTRY = re.compile(
    r"^\s*(?:\[\w{1,12}\]|\d{1,3}\.\s|[A-ZÀ-Þ][\w'’\-]+,?\s(?:[A-Z]\.|[A-Z][a-z]+,))"
)
_YEAR = re.compile(r"\b(?:1[6-9]|20)\d\d\b")
_CONTENTS = re.compile(
    r"^\s*(?:table of contents|contents|inhalt(?:sverzeichnis)?|list of (?:figures|tables)|figures|"
    r"tables|table des matières|sommaire|índice)(?:\s*\(continued\))?\s*$",
    re.IGNORECASE,
)
_LEADERS = re.compile(
    r"(?:\.\s?){4,}\s*[\divxlcA-Z–-]*\s*\S{0,16}\s*$|(?:…\s?){2,}|_{6,}\s*\d+\s*$"
)
_ENDS_IN_PAGE = re.compile(r"[\s.]((?:[\w]+[-–])?\d{1,4}|[ivxl]{1,6})\s*$")
_MONOSPACE = re.compile(r"mono|courier|consol|typewriter|menlo|inconsolata|cmtt|lmtt|sftt", re.I)
_MATH = re.compile(r"[=<>≤≥≠≈≡±×÷∑∏∫∂∇√∞∈∉⊂⊆∪∩∀∃⇒⇔→↦∧∨∘·^_{}|α-ωΑ-Ω\U0001d400-\U0001d7ff+−*/]")
_RELATION = re.compile(r"[=<>≤≥≠≈≡∈⊂⊆⇒⇔→↦:]")
_PROSE_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]{3,}(?![^\W\d_])")
_EQUATION_NUMBER = re.compile(r"\(\d{1,3}(?:[.\-]\d{1,3})*[a-z]?\)\s*$")
_NOTE = re.compile(r"^\s*(?:\d{1,3}|[*†‡§¶]{1,3}|[a-z](?=\s[A-Z]))\s?(?=[^\s\d.,;)])")
_NUMBER_CELL = re.compile(r"^[-–+−(]?[$€£]?\d[\d.,\s]*[%)]?(?:\s?±\s?[\d.,]+)?\*{0,3}$")


def label_lines(lines: Sequence[Line], body: float) -> list[Label]:
    """Return a label and a confidence for each line of one document without its furniture.

    ``body`` is the type size of running text, in points; 0 where the format has none.
    """
    labels: list[Label] = [("CONTENT", 0.6)] * len(lines)
    notes = _notes(lines, body)
    blocks = Counter((line.page, line.block) for line in lines)
    section = ""  # "TOC", "REFERENCE" or none
    small = 0.0  # type size of the entries of the reference section
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else None
        after = lines[index + 1] if index + 1 < len(lines) else None
        last = labels[index - 1][0] if index else ""
        if line.hint:
            labels[index] = (_HINTS[line.hint.partition(":")[0]], 1.0)
            section = _section(line, section, True)
            if section and labels[index][0] in ("CONTENT", "LIST"):
                labels[index] = (section, 0.9)
            continue
        text = line.text.strip()
        heading = 0.0  # a heading has few lines; a longer block in bold is bold running text
        if not line.paged or blocks[line.page, line.block] <= _HEADING_LINES:
            heading = _is_heading(line, before, after, body, last)
        section = _section(line, section, heading > 0)
        if section == "REFERENCE":
            if _REFERENCES.match(text):
                small = after.size if after is not None else 0.0
                section = section if _entries_follow(lines, index) else ""
            elif line.paged and small and line.size > 1.05 * small and len(text) > 20:
                section = ""  # running text in larger type: the section is over
        if line.id in notes and section != "REFERENCE":
            labels[index] = ("FOOTNOTE", notes[line.id])
        elif _LEADERS.search(text) and re.search(r"[^\W\d_]{2}", text):
            labels[index] = ("TOC", 0.95)
            section = "TOC"
        elif section == "TOC" and (
            _ENDS_IN_PAGE.search(text) or last == "TOC" or _CONTENTS.match(text)
        ):
            if _CONTENTS.match(text):
                labels[index] = ("TOC", 0.9)
            elif _ENDS_IN_PAGE.search(text) or _toc_follows(lines, index):
                labels[index] = ("TOC", 0.85)
            else:
                section = ""
                labels[index] = ("HEADING", heading) if heading else labels[index]
        elif _REFERENCES.match(text) and section == "REFERENCE":
            labels[index] = ("HEADING", 0.95)
        elif section == "REFERENCE":
            labels[index] = ("REFERENCE", 0.9)
        elif heading:
            labels[index] = ("HEADING", heading)
        else:
            labels[index] = _inner(line, before, after, last, body)
    _tables(lines, labels)
    return labels


_HINTS = {
    "heading": "HEADING",
    "paragraph": "CONTENT",
    "field": "CONTENT",
    "list": "LIST",
    "table": "TABLE",
    "equation": "EQUATION",
    "caption": "CAPTION",
    "code": "CODE",
    "reference": "REFERENCE",
}


def _section(line: Line, section: str, heading: bool) -> str:
    """The special section that holds after this line."""
    text = line.text.strip()
    if _REFERENCES.match(text) and (heading or len(text) < 40):
        return "REFERENCE"
    if _CONTENTS.match(text) and heading:
        return "TOC"
    if section == "REFERENCE" and heading and not _ENTRY.match(text):
        numbered = NUMBERED.match(text) is not None
        if _AFTER_REFERENCES.match(text) or numbered or line.level == 1:
            return ""
    elif section == "REFERENCE" and _AFTER_REFERENCES.match(text) and len(text) < 60:
        return ""
    return "" if section == "TOC" and heading and line.hint else section


def _entries_follow(lines: Sequence[Line], index: int) -> bool:
    """Whether what comes after the word "References" looks like entries: marks, names, years."""
    near = lines[index + 1 : index + 13]
    found = sum(bool(_ENTRY.match(line.text) or _YEAR.search(line.text)) for line in near)
    return found >= max(1, len(near) // 5)


def _toc_follows(lines: Sequence[Line], index: int) -> bool:
    """Whether an entry of several lines ends in a page number soon."""
    near = lines[index + 1 : index + 3]
    return any(_LEADERS.search(line.text) or _ENDS_IN_PAGE.search(line.text) for line in near)


def _is_heading(
    line: Line, before: Line | None, after: Line | None, body: float, last: str
) -> float:
    """Confidence that the line is (a part of) a heading; 0 when it is not."""
    text = " ".join(line.text.split())
    letters = sum(character.isalpha() for character in text)
    if not 1 < len(text) <= 160 or letters < 0.5 * len(text.replace(" ", "")) or letters < 2:
        return 0.0
    if (
        text[-1] in ",;"
        or BULLET.match(text)
        or CAPTION.match(text)
        or _MONOSPACE.search(line.font)
    ):
        return 0.0
    if not line.paged:
        return _plain_heading(line, text, before, after)
    alone = after is None or after.block != line.block or after.page != line.page
    opens = before is None or before.block != line.block or before.page != line.page
    continues = (
        last == "HEADING"
        and before is not None
        and before.page == line.page
        and before.size == line.size
        and before.weight == line.weight
    )
    if body and line.size >= 1.12 * body and (text[-1] != "." or len(text) < 60):
        words = _PROSE_WORD.findall(text)
        return 0.9 if words and not is_equation(text) and "\ufffd" not in text else 0.0
    if text[-1] in "." and not re.fullmatch(r"(?:\d+\.)+\s.{2,80}", text):
        return 0.0
    distinct = line.bold or (text.isupper() and letters >= 4)
    # Small capitals count as capitals in smaller type.
    least = 0.7 if text.isupper() and NUMBERED.match(text) else 0.88
    if not distinct or (body and line.size < least * body):
        return 0.0
    if not (opens or continues):
        return 0.0
    if alone:
        return 0.85
    assert after is not None
    return (
        0.75
        if after.bold == line.bold
        and len(text) < 100
        and not is_terminated(text)
        and (after.size == line.size and continues_heading(line, after))
        else 0.0
    )


def continues_heading(line: Line, after: Line) -> bool:
    """Whether two bold lines of one block are one heading rather than bold running text."""
    return after.bold and line.bold and len(after.text) < 100 and not is_terminated(after.text)


def _plain_heading(line: Line, text: str, before: Line | None, after: Line | None) -> float:
    """For text without type sizes: a short line alone in its block, numbered or in capitals."""
    alone = (after is None or after.block != line.block) and (
        before is None or before.block != line.block
    )
    if not alone or len(text) > 80 or is_terminated(text):
        return 0.0
    if _REFERENCES.match(text) or _CONTENTS.match(text):
        return 0.9
    if re.match(r"^(?:chapter|appendix|part|section|kapitel)\s+[\dIVXA-Z]+\b", text, re.I):
        return 0.8
    if re.match(r"^\d{1,2}(?:\.\d{1,2})*\.?\s+[A-ZÀ-Þ]", text) and len(text) < 60:
        return 0.7
    return 0.7 if text.isupper() and len(text) >= 4 else 0.0


def _inner(line: Line, before: Line | None, after: Line | None, last: str, body: float) -> Label:
    """Label a line of running text by what it looks like."""
    text = line.text
    inside = before is not None and before.page == line.page and before.block == line.block
    caption = CAPTION.match(text)
    if caption and not inside and (caption.group("mark").strip() or len(text) < 120):
        return ("CAPTION", 0.85)
    if inside and last == "CAPTION" and before is not None and before.size == line.size:
        return ("CAPTION", 0.75)
    if _MONOSPACE.search(line.font):
        return ("CODE", 0.8)
    if is_equation(text):
        return ("EQUATION", 0.7)
    if BULLET.match(text) or ENUMERATED.match(text):
        sentence = inside and before is not None and not is_terminated(before.text)
        if last == "LIST" or not sentence or (BULLET.match(text) and "•" in text[:3]):
            return ("LIST", 0.8)
    if inside and last == "LIST" and before is not None and line.x0 >= before.x0 - 2.0:
        return ("LIST", 0.7)
    if last == "LIST" and before is not None and _hangs(before, line):
        return ("LIST", 0.65)
    return ("CONTENT", 0.8)


def _hangs(before: Line, line: Line) -> bool:
    """Whether a line stands right under an unfinished one and no further left: a hanging indent."""
    near = line.page == before.page and 0 <= line.y0 - before.y0 < 1.7 * max(before.height, 1.0)
    return near and line.paged and line.x0 >= before.x0 - 2.0 and not is_terminated(before.text)


def is_equation(text: str) -> bool:
    """Whether a line is mathematics set apart: a relation, signs, and hardly a word."""
    bare = text.strip()
    if not 2 < len(bare) <= 200:
        return False
    signs = len(_MATH.findall(bare))
    words = len("".join(_PROSE_WORD.findall(_EQUATION_NUMBER.sub("", bare))))
    if _RELATION.search(bare) is None or signs == 0:
        return False
    dense = len(bare.replace(" ", ""))
    return words <= 0.25 * dense and (signs >= 0.12 * dense or bool(_EQUATION_NUMBER.search(bare)))


def _tables(lines: Sequence[Line], labels: list[Label]) -> None:
    """Label runs of lines that consist of cells; a tab is a gap that no word space explains."""
    run: list[int] = []
    for index in range(len(lines) + 1):
        line = lines[index] if index < len(lines) else None
        if (
            line is not None
            and not line.hint
            and labels[index][0] in ("CONTENT", "EQUATION", "LIST")
        ):
            near = not run or lines[run[-1]].page == line.page
            if near and _cells(line, labels[index][0]) >= 2:
                run.append(index)
                continue
        numeric = sum(_numeric(lines[member]) for member in run)
        wide = sum(_cells(lines[member], "") >= 3 for member in run)
        if len(run) >= 3 or (len(run) == 2 and (numeric == 2 or wide == 2)):
            for member in run:
                labels[member] = ("TABLE", 0.8 if numeric or wide else 0.65)
        run = []
        if line is not None and labels[index][0] in ("CONTENT", "EQUATION") and not line.hint:
            run = [index] if _cells(line, labels[index][0]) >= 2 else []


def _cells(line: Line, label: str) -> int:
    """How many cells a line shows; list marks and equation numbers are no cells."""
    parts = [part.strip() for part in re.split(r"\t| {3,}", line.text) if part.strip()]
    if label == "EQUATION" or (parts and _EQUATION_NUMBER.fullmatch(parts[-1])):
        return 0
    if label == "LIST" and len(parts) <= 2:
        return 0
    if len(parts) >= 2:
        return len(parts)
    words = line.text.split()
    numbers = sum(_NUMBER_CELL.match(word) is not None for word in words)
    return numbers if numbers >= 3 and numbers >= 0.6 * len(words) else len(parts)


def _numeric(line: Line) -> bool:
    words = line.text.split()
    return sum(_NUMBER_CELL.match(word) is not None for word in words) >= 0.4 * len(words)


def _notes(lines: Sequence[Line], body: float) -> dict[str, float]:
    """Confidence of each line that is a footnote: small type at the foot, opened by a mark."""
    if not body:
        return {}
    pages: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if line.paged and not line.hint:
            pages[line.page].append(line)
    found: dict[str, float] = {}
    for page in sorted(pages):
        members = pages[page]
        full = sum(len(line.text) for line in members if line.size > 0.96 * body)
        if full < 0.4 * sum(len(line.text) for line in members):
            continue  # a page in small type throughout: a drawing, a form, an index
        bottom = max(line.y1 for line in members)
        top = min(line.y0 for line in members)
        for number, line in enumerate(members):
            small = line.size <= 0.93 * body
            low = line.y0 > top + 0.5 * (bottom - top)
            if not small or not low or line.id in found:
                continue
            opening = (line.raised[:1] and line.raised[0][0] <= 1) or _NOTE.match(line.text)
            if "\t" in line.text.strip()[3:]:
                continue
            if not opening or not _PROSE_WORD.search(line.text) or CAPTION.match(line.text):
                continue
            tail = []
            for other in members[number:]:
                if abs(other.size - line.size) > 0.05 * line.size or other.y0 < line.y0 - 1.0:
                    break
                tail.append(other)
            under = [
                other
                for other in members
                if other.y0 > line.y1 and other.size > 0.96 * body and _beside(line, other)
            ]
            if not under:
                found.update((member.id, 0.85) for member in tail)
    return found


def _beside(one: Line, other: Line) -> bool:
    """Whether two lines share a column."""
    return min(one.x1, other.x1) - max(one.x0, other.x0) > 0.3 * min(
        one.x1 - one.x0, other.x1 - other.x0
    )
