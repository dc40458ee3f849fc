"""The second look at a document whose text layer is in doubt: decipher it, or read it by OCR.

`repaired` takes the reading of a whole document. Where `damage` suspects no font, that is all. Else
the pages of the suspected fonts are read again mark by mark (`marks`), a sample of them is
rendered, and `decipher` says for each code of each font what it stands for and how sure that is. A
line that comes out differently stays, marked ``replaced``; the new line follows it with the same
box and block, the route as its engine, and the mean probability of its characters as confidence.
Lines that stay below `MINIMUM_CONFIDENCE` are read by OCR, their regions alone, where OCR is on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from goldsmith.extract.confidence import evidence, probabilities
from goldsmith.extract.damage import KINDS, SUSPECTED, not_text, suspects
from goldsmith.extract.decipher import LONGEST, Cipher, Solution, solve
from goldsmith.extract.formulas import is_mathematical
from goldsmith.extract.glance import (
    BLIND_LETTERS,
    Run,
    is_lost,
    is_other,
    looks_sound,
    sound,
    spread,
)
from goldsmith.extract.glyphs import CHARACTERS, NUMBER, looks_like
from goldsmith.extract.hints import Hints, nearest, read_hints
from goldsmith.extract.marks import Floats, pictures, plain_name, read_marks
from goldsmith.extract.names import Key
from goldsmith.extract.opened import OpenPage, OpenPages
from goldsmith.extract.reading import Line, Page
from goldsmith.extract.rewrite import SPACES, Verdict, owners, rewritten, written

_PLAIN = 200  # characters that are no language, from which a font needs no first look
_ENOUGH = 24  # characters in a font, from which it is looked at
_FOREIGN = re.compile("[\u0530-\udfff]+")
_SIGN_FONT = re.compile(r"wingding|dingbat|webding|symbol|awesome|icon", re.IGNORECASE)
MINIMUM_CONFIDENCE = 0.6  # of a deciphered line; below it the picture is read
FLUENT = -6.5  # mean log-probability of a character that deciphered text must reach,
GAIN = 1.5  # and how much more than the text as it is
_LETTERS = 8  # letters and digits that a font must have to be judged,
_SURE = 0.72  # mean probability of its characters
_WORTH_READING = 4  # characters of a line that is read by OCR
_UNBELIEVED = 0.1  # what is left of ``wrong`` where the deciphered text is not believed
_DISPUTED = 0.5 * _UNBELIEVED  # half of a font's glyphs are not what its codes claim
WRONG = 0.16  # share of a font's characters that must be wrong before it is touched
CLEARED = 0.2  # suspicion below which a font is sound whatever became of the others
CALLED = 0.97  # probability of a letter that is known by a borne-out name alone
_SAMPLES = 3  # pictures of a symbol
_SAMPLE_PAGES = 24  # pages that are looked at to decipher a font

#: Reads regions of a page by OCR: (page handle, page number, boxes) to lines for each box.
RegionReader = Callable[[Any, int, list[tuple[float, float, float, float]]], list[list[Line]]]


def repaired(
    opened: OpenPages,
    pages: list[Page],
    lines: list[Line],
    runs: list[Run],
    read_regions: RegionReader | None,
) -> tuple[list[Page], list[Line]]:
    """Return the pages and lines of a PDF with its damaged fonts deciphered or read again.

    ``read_regions`` is None where OCR is off. Lines of other engines stay as they are.
    """
    verdicts = examined(opened, runs)
    broken = {name: v for name, v in verdicts.items() if v.wrong >= WRONG}
    if not broken:
        return pages, lines
    plain = {plain_name(name) for name in broken}
    doubted = {number for number, font, _ in runs if font in plain}
    by_page: dict[int, list[Line]] = {}
    for line in lines:
        by_page.setdefault(line.page, []).append(line)
    result: list[Page] = []
    for page in pages:
        if page.number in doubted:
            loaded = opened.page(page.number)
            if loaded and loaded.text:
                mine = by_page.get(page.number, [])
                page, by_page[page.number] = _repaired_page(
                    loaded, page, mine, broken, read_regions
                )
            opened.release(page.number)
        result.append(page)
    return result, [line for number in sorted(by_page) for line in by_page[number]]


def _repaired_page(
    loaded: OpenPage,
    page: Page,
    lines: list[Line],
    broken: dict[str, Verdict],
    read_regions: RegionReader | None,
) -> tuple[Page, list[Line]]:
    marks = read_marks(loaded.text)
    table = [broken.get(name) for name in marks.fonts]
    if not any(table) or len(marks.code) == 0:
        return page, lines
    fresh_text = written(marks, table)
    owner = owners(marks, lines, loaded.frame)
    fresh: list[Line | None] = []
    visible = wrong = 0.0
    for number, line in enumerate(lines):
        places = np.flatnonzero(owner == number)
        damaged = [table[marks.font[place]] for place in places.tolist()]
        visible += len(places)
        wrong += sum(verdict.wrong for verdict in damaged if verdict)
        if line.replaced or line.engine != "pdfium" or not any(damaged):
            fresh.append(None)
            continue
        routes = [verdict.route for verdict in damaged if verdict]
        route = min(set(routes), key=lambda r: (-routes.count(r), r))
        fresh.append(rewritten(line, marks, places, fresh_text, route))
    share = round(min(wrong / max(visible, 1.0), 1.0), 4)
    again = [
        number
        for number, line in enumerate(fresh)
        if line is not None
        and line.confidence < MINIMUM_CONFIDENCE
        and len(line.text) >= _WORTH_READING
    ]
    regions = [box for number in again if (box := lines[number].box)]
    read: dict[int, list[Line]] = {}
    if read_regions and regions:
        found = read_regions(loaded.handle, page.number, regions)
        read = dict(zip([n for n in again if lines[n].box], found, strict=True))
    result: list[Line] = []
    for number, (line, new) in enumerate(zip(lines, fresh, strict=True)):
        if read.get(number):
            instead = [one._replace(block=line.block) for one in read[number]]
        elif (
            new is not None
            and new.confidence >= MINIMUM_CONFIDENCE
            and new.text != line.text
            and not_text(new.text) <= not_text(line.text)
        ):
            instead = [new] if new.text.strip() else []
        else:
            instead = []
        result.append(line._replace(replaced=True) if instead else line)
        result += instead
    engines = {line.engine for line in result if not line.replaced}
    route = "ocr" if "rapidocr" in engines else page.route
    route = "deciphered" if engines & {"shift", "names", "glyphs", "substitution"} else route
    return replace(page, damage=max(share, page.damage), route=route), result


def examined(opened: OpenPages, runs: list[Run]) -> dict[str, Verdict]:
    """Return the verdict on each suspected font (its name with the subset tag) of a document."""
    lengths: dict[str, int] = {}
    for _, font, text in runs:
        lengths[font] = lengths.get(font, 0) + (0 if _is_foreign(text) else len(text))
    # Formulas follow no language, and of a few signs nothing can be told.
    worth = {f for f, length in lengths.items() if length >= _ENOUGH and not _is_of_signs(f)}
    found = suspects((font, text) for _, font, text in runs if font in worth)
    sure = {font for font, doubt in found.items() if doubt >= SUSPECTED}
    plain = any(found[font] >= 1.0 and lengths[font] >= _PLAIN for font in sure)
    seen = sound(opened, runs, sure) if sure and not plain else set()
    if sure <= seen:
        return {}
    names = {font for font, doubt in found.items() if doubt >= CLEARED} - seen
    pages = sorted({page for page, font, _ in runs if font in sure - seen})
    verdicts = _verdicts(opened, pages, names)
    texts: dict[str, list[str]] = {}
    for _, font, text in runs:
        texts.setdefault(font, []).append(text)
    return {
        name: replace(one, wrong=1.0, lost=True)
        if _DISPUTED < one.wrong < WRONG and is_lost(" ".join(texts.get(plain_name(name), ())))
        else one
        for name, one in verdicts.items()
    }


def _is_foreign(text: str) -> bool:
    """Whether a text is in letters that neither the glyphs nor the languages here know."""
    return not text.isascii() and 2 * sum(map(len, _FOREIGN.findall(text))) > len(text)


def _is_of_signs(font: str) -> bool:
    return is_mathematical(font) or _SIGN_FONT.search(font) is not None


def _verdicts(opened: OpenPages, pages: list[int], names: set[str]) -> dict[str, Verdict]:
    symbols: dict[Key, int] = {}
    text: list[int] = []
    sums: dict[int, list[Floats]] = {}
    looked_at: list[int] = []
    for number in [pages[place] for place in spread(len(pages), _SAMPLE_PAGES)]:
        if len(text) >= LONGEST:
            break
        looked_at.append(number)
        page = opened.page(number)
        if page and page.text:
            _take(page, names, symbols, text, sums)
        opened.release(number)
    if not text:
        return {}
    keys = list(symbols)
    raw = {name for name, value in keys if value < 32 and value not in SPACES}
    known = np.full(len(keys), -1, np.int64)
    numbers: dict[str, int] = {}
    font = np.zeros(len(keys), np.int64)
    code = np.array([key[1] for key in keys], np.int64)
    looks = np.zeros((len(keys), len(CHARACTERS)), np.float32)
    for symbol, (name, value) in enumerate(keys):
        font[symbol] = numbers.setdefault(name, len(numbers))
        if plain_name(name) not in names or is_other(value, name in raw):
            known[symbol] = NUMBER.get(chr(value), NUMBER["*"])
        elif symbol in sums:
            looks[symbol] = looks_like(np.stack(sums[symbol])).mean(axis=0)
    cipher = Cipher(np.array(text, np.int64), known, font, code, looks)
    asked = known < 0
    occurs = np.bincount(cipher.text, minlength=len(keys))
    if not asked.any() or looks_sound(code[asked], occurs[asked], looks[asked]):
        return {}
    called = read_hints(opened, looked_at, keys, cipher)
    for symbol, letter in called.beyond.items():
        known[symbol] = nearest(letter)
    cipher = replace(cipher, names=called.weighed)
    solution = solve(cipher)
    return {
        name: _verdict(cipher, solution, at, called)
        for name, at in numbers.items()
        if plain_name(name) in names
    }


def _verdict(cipher: Cipher, solution: Solution, font: int, called: Hints) -> Verdict:
    mine = np.flatnonzero((cipher.font == font) & (cipher.known < 0))
    lent = [symbol for symbol in sorted(called.beyond) if cipher.font[symbol] == font]
    total = max(float((cipher.font[cipher.text] == font).sum()), 1.0)
    counts = np.bincount(cipher.text, minlength=len(cipher.known)).astype(float)
    shown = [CHARACTERS[character] for character in solution.character[mine].tolist()]
    shown += [called.beyond[symbol] for symbol in lent]
    sure = np.append(solution.confidence[mine], [CALLED] * len(lent))
    share = np.array([called.share.get(symbol, 1.0) for symbol in mine.tolist()], np.float32)
    stated = probabilities(evidence(cipher, solution, mine), share)
    stated = np.append(stated, [CALLED] * len(lent))
    strange = [chr(cipher.code[symbol]) != called.beyond[symbol] for symbol in lent]
    false = np.append(1.0 - solution.claimed[mine], strange)
    mine = np.append(mine, np.array(lent, np.int64))
    occurs = counts[mine]
    wrong = float(occurs @ false) / total
    written = np.array([text != " " for text in shown], float) * occurs
    letters = sum(n for n, text in zip(occurs.tolist(), shown, strict=True) if text.isalnum())
    named = font in called.fonts
    route = solution.route.get(font, "glyphs")
    route = "names" if named and route != "shift" else route
    before, after = solution.fluency.get(font, (0.0, 0.0))
    believed = named or (after > FLUENT and after - before > GAIN)
    believed &= letters >= (BLIND_LETTERS if route == "substitution" else _LETTERS)
    believed &= len({text for text in shown if text.isalnum()}) >= KINDS
    believed &= _together(cipher, font) > 0.5
    believed &= (
        letters > 0.5 * float(written.sum()) and float(written @ sure) > _SURE * written.sum()
    )
    pairs = zip(shown, stated.tolist(), strict=True)
    mapping = dict(zip(cipher.code[mine].tolist(), pairs, strict=True))
    return Verdict(wrong if believed else _UNBELIEVED * wrong, route, False, mapping)


def _together(cipher: Cipher, font: int) -> float:
    """The share of a font's characters that stand beside another of it, as in words.

    Signs that a formula font lends to text stand alone.
    """
    mine = np.concatenate([[False], cipher.font[cipher.text] == font, [False]])
    beside = mine[:-2] | mine[2:]
    return float(beside[mine[1:-1]].mean()) if mine.any() else 0.0


def _take(
    page: OpenPage,
    names: set[str],
    symbols: dict[Key, int],
    text: list[int],
    sums: dict[int, list[Floats]],
) -> None:
    """Add a page's marks to the text in symbols, and pictures of those that still need some."""
    marks = read_marks(page.text)
    if len(marks.code) == 0:
        return
    doubted = np.array([plain_name(name) in names for name in marks.fonts])[marks.font]
    if not doubted.any():
        return
    same = (marks.box[1:] == marks.box[:-1]).all(axis=1)
    shared = np.append(same, False) | np.insert(same, 0, False)  # one glyph for several characters
    space = symbols.setdefault(("", 32), len(symbols))
    wanted: list[int] = []
    where: list[int] = []
    right, base = -1e9, 0.0
    for place in range(len(marks.code)):
        code = int(marks.code[place])
        left, size = float(marks.room[place, 0]), float(marks.size[place])
        apart = left - right > 0.15 * size or left < right - 2 * size
        if apart or abs(float(marks.base[place]) - base) > 0.6 * size:
            text.append(space)
        right, base = float(marks.room[place, 1]), float(marks.base[place])
        if code in SPACES and not doubted[place]:
            text.append(space)
            continue
        key = (marks.fonts[marks.font[place]], code)
        symbol = symbols.setdefault(key, len(symbols))
        text.append(symbol)
        if doubted[place] and marks.upright[place] and not shared[place]:
            have = sums.setdefault(symbol, [])
            if len(have) + where.count(symbol) < _SAMPLES:
                wanted.append(place)
                where.append(symbol)
    if wanted:
        found = pictures(page.handle, marks, np.array(wanted, np.int64))
        for symbol, picture in zip(where, found, strict=True):
            sums[symbol].append(picture)
