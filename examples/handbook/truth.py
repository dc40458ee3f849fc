"""What a reader sees on each page, read back from a document typeset in colour.

The coloured twin of a PDF has the same letters in the same places; the colour of a letter is the
ink of the piece it came from (markup.py). So the label of a line and the page of a sentence are
known, not guessed. Places are compared without white space, hyphens and typographic variants.
"""

from __future__ import annotations

import ctypes
import unicodedata
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from markup import Block, Source

LABELS = {
    "heading": "HEADING",
    "paragraph": "CONTENT",
    "list": "LIST",
    "table": "TABLE",
    "equation": "EQUATION",
    "code": "CODE",
    "caption": "CAPTION",
    "HEADER": "HEADER",
    "PAGE_NUMBER": "PAGE_NUMBER",
    "FOOTNOTE": "FOOTNOTE",
    "REFERENCE": "REFERENCE",
    "REFERENCES": "HEADING",
}
INSIDE = ("inline math", "citation", "footnote mark")  # belong to the block around them
UNSEEN = ("citation", "footnote mark")  # not part of what a passage says


@dataclass(frozen=True)
class Letter:
    """One character of a page; `ink` is -1 for white space and hyphens that pdfium made up."""

    text: str
    ink: int
    page: int
    x0: float
    y0: float  # points from the top of the page
    x1: float
    y1: float


class TruthError(Exception):
    """The typeset document is not what the source says."""


def read_letters(coloured: bytes, black: bytes, inks: int) -> list[Letter]:
    """Letters of all pages in pdfium's order, placed as in `black`, with the ink of `coloured`.

    Raises TruthError when the two builds differ in a letter.
    """
    letters: list[Letter] = []
    with pypdfium2.PdfDocument(coloured) as tinted, pypdfium2.PdfDocument(black) as plain:
        if len(tinted) != len(plain):
            raise TruthError("the coloured build has another number of pages")
        for number in range(len(plain)):
            height = plain[number].get_height()
            one, two = plain[number].get_textpage(), tinted[number].get_textpage()
            count = one.count_chars()
            if count != two.count_chars():
                raise TruthError(f"page {number + 1}: the coloured build has other letters")
            for index in range(count):
                code = pdfium.FPDFText_GetUnicode(one, index)
                if code != pdfium.FPDFText_GetUnicode(two, index):
                    raise TruthError(f"page {number + 1}: the coloured build has other letters")
                if 0xDC00 <= code < 0xE000:
                    continue  # the second half of a letter beyond the first 65,536
                if 0xD800 <= code < 0xDC00:
                    low = pdfium.FPDFText_GetUnicode(one, index + 1)
                    code = 0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00
                text = "-" if code == 2 else chr(code)
                if text.isspace():
                    letters.append(Letter(text, -1, number + 1, 0, 0, 0, 0))
                    continue
                left, bottom, right, top = one.get_charbox(index)
                ink = _ink(two, index, inks)
                place = (left, height - top, right, height - bottom)
                letters.append(Letter(text, ink, number + 1, *place))
    return letters


def _ink(page: pypdfium2.PdfTextPage, index: int, inks: int) -> int:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFText_GetFillColor(page, index, red, green, blue, alpha):
        return -1
    colour = (red.value, green.value, blue.value)
    number = (colour[0] + colour[1] * 32 + colour[2] * 1024) // 8
    return number if not any(part % 8 for part in colour) and number < inks else 0


def label_lines(letters: list[Letter], source: Source) -> list[tuple[int, str, str]]:
    """(page, text, label) of the lines whose letters all have one label; figures have none.

    Single marks of a display equation are left out: readers cut equations into lines at will.
    """
    found = []
    for line in _lines(letters):
        text = _line_text(line)
        labels = {_label(source, letter.ink) for letter in line if letter.ink >= 0}
        if len(labels) != 1 or not (label := labels.pop()):
            continue
        if label != "EQUATION" or sum(not part.isspace() for part in text) > 3:  # else a fragment
            found.append((line[0].page, text, label))
    return found


def _label(source: Source, ink: int) -> str | None:
    role, place = source.inks[ink]
    return LABELS.get(source.blocks[place].kind if role in INSIDE else role)


def _lines(letters: list[Letter]) -> list[list[Letter]]:
    """Runs of letters that stand side by side; spaces and breaks between them are kept."""
    lines: list[list[Letter]] = []
    top = bottom = start = 0.0
    page = 0
    gap: list[Letter] = []
    for letter in letters:
        if letter.text.isspace():
            gap.append(letter)
            continue
        height = max(letter.y1 - letter.y0, 0.5)
        overlap = min(bottom, letter.y1) - max(top, letter.y0)
        beside = overlap > 0.5 * min(height, bottom - top) or (
            height < 4 and top - 3 < letter.y0 and letter.y1 < bottom + 4  # a comma, a dash
        )
        if lines and letter.page == page and beside and letter.x0 > start - 3:
            lines[-1] += [*gap, letter]
            top, bottom = min(top, letter.y0), max(bottom, letter.y1)
        else:
            lines.append([letter])
            top, bottom, page = letter.y0, max(letter.y1, letter.y0 + 0.5), letter.page
        start, gap = letter.x0, []
    return lines


def _line_text(line: list[Letter]) -> str:
    out = ""
    for letter in line:
        out += " " if letter.text.isspace() else letter.text
    return " ".join(out.split())


def ink_text(letters: list[Letter], ink: int) -> str:
    """The letters of one ink as pdfium reads them, white space made single."""
    out, inside = "", ""
    for letter in letters:
        if letter.ink == ink:
            out += (" " if inside and out else "") + letter.text
            inside = ""
        elif letter.text.isspace():
            inside = " "
        else:
            inside = inside or ""
    return out


def fold(text: str) -> tuple[str, list[int]]:
    """Text without white space, hyphens and typographic variants; and where each letter was."""
    out, places = [], []
    for index, letter in enumerate(text):
        for part in unicodedata.normalize("NFKC", letter):
            part = {"’": "'", "‘": "'", "“": '"', "”": '"'}.get(part, part)
            if not part.isspace() and part not in "-‐‑\u00ad\u2060\u200b":
                out.append(part)
                places.append(index)
    return "".join(out), places


@dataclass(frozen=True)
class Reading:
    """A block as a reader sees it. `written` has formulas as the source writes them."""

    block: Block
    text: str
    written: str
    back: list[int]  # place in `written` -> place in `text`
    letters: list[Letter]  # as they stand on the pages, without marks

    @property
    def page(self) -> int:
        return self.letters[0].page

    def find(self, passage: str) -> tuple[int, int] | None:
        """Range of `text` that says `passage`, whichever way its formulas are written."""
        wanted = fold(passage.replace("$", ""))[0]
        for said, back in ((self.text, None), (self.written, self.back)):
            folded, places = fold(said)
            at = folded.find(wanted)
            if wanted and at >= 0:
                start, end = places[at], places[at + len(wanted) - 1]
                if back is None:
                    return start, end + 1
                after = back[end + 1] if end + 1 < len(back) else len(self.text)
                return back[start], max(after, back[end] + 1)
        return None

    def pages(self, start: int, end: int) -> list[int]:
        """Pages on which text[start:end] stands."""
        folded = fold("".join(letter.text for letter in self.letters))
        at = folded[0].find(fold(self.text[start:end])[0])
        if at < 0:
            raise TruthError(f"not on the page: {self.text[start:end][:60]!r}")
        length = len(fold(self.text[start:end])[0])
        return sorted({self.letters[place].page for place in folded[1][at : at + length]})


def read_block(block: Block, letters: list[Letter], source: Source) -> Reading:
    """Raises TruthError when the block's words do not stand on the page as its source says."""
    inks = block.inks()
    own = [
        letter
        for letter in letters
        if letter.ink in inks and source.inks[letter.ink][0] not in UNSEEN
    ]
    if not own:
        raise TruthError(f"{source.path.name}:{block.line}: nothing of this {block.kind} is seen")
    if block.kind == "equation":
        text = ink_text(letters, block.ink)
        return Reading(block, text, text, list(range(len(text))), own)
    if block.kind == "code":
        return Reading(block, block.raw, block.raw, list(range(len(block.raw))), own)
    text, written, back = "", "", []

    def say(seen: str, as_written: str) -> None:
        nonlocal text, written
        same = seen == as_written
        back.extend(len(text) + (index if same else 0) for index in range(len(as_written)))
        text, written = text + seen, written + as_written

    if block.prefix:
        say(block.prefix + " ", block.prefix + " ")
    for number, run in enumerate(block.pieces):
        if block.kind == "list":
            start = f"{number + 1}. " if block.ordered else "• "
            say(("\n" if number else "") + start, ("\n" if number else "") + start)
        elif block.kind == "table" and number:
            between = "\n" if number % len(block.columns) == 0 else "\t"
            say(between, between)
        for piece in run:
            if piece.style == "math":
                say(ink_text(letters, piece.ink), piece.text)
            elif piece.style not in ("note", "cite"):
                say(piece.text, piece.text)
    reading = Reading(block, text, written, back, own)
    seen = "".join(letter.text for letter in own)
    if block.kind != "table" and fold(seen)[0] != fold(text)[0]:
        raise TruthError(
            f"{source.path.name}:{block.line}: the page says {seen[:80]!r}, not {text[:80]!r}"
        )
    return reading


def reading_order(readings: list[Reading], columns: int, widths: list[float]) -> list[Reading]:
    """By page, column and height: a floating figure may stand elsewhere than in its source."""

    def place(reading: Reading) -> tuple[int, int, float]:
        first = reading.letters[0]
        column = int(columns == 2 and first.x0 > widths[first.page - 1] / 2)
        return first.page, column, first.y0

    return sorted(readings, key=place)
