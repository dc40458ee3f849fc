"""A made paper as typst text: any paragraphs in a layout drawn from a seed, its pieces in ink.

Paper, columns, type, running heads and feet, page numbers, the title block, headings, notes,
captions, tables, lists, references and appendices are drawn. Every piece of text has an ink, the
number of its label (`made_pieces.LABELS`); the ink is its colour, so that what was typeset says of
each letter what it is (`made_pages` reads it back).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from made_pieces import (
    COUNTRIES,
    FIELDS,
    FORMULAS,
    HEADINGS,
    JOURNALS,
    LABELS,
    MONTHS,
    PARTS,
    PLACES,
    STEP,
    Paper,
    beginning,
    family_name,
    given_name,
    quote,
    town,
)

FONTS = ("Libertinus Serif", "Libertinus Serif", "New Computer Modern", "New Computer Modern")
PAPERS = ("a4", "us-letter", "a4", "us-letter", "a5", "iso-b5", "us-legal")
NUMBERS = (
    "str(n)",
    "str(n)",
    "str(n)",
    'numbering("i", n)',
    '"Page " + str(n) + " of " + str(last)',
    '"Page " + str(n)',
    '"- " + str(n) + " -"',
    '"– " + str(n) + " –"',
    'str(n) + "/" + str(last)',
    '"[" + str(n) + "]"',
    '"S" + str(n)',
)
PREAMBLE = """
#let t(k, body) = text(fill: rgb(STEP * k, 0, 0), body)
#let number(n, last) = t(NUMBER_INK, NUMBER)
#set document(date: none)
#show footnote.entry: set text(fill: rgb(STEP * NOTE_INK, 0, 0), size: NOTE_SIZE)
#set footnote.entry(indent: 0pt, separator: SEPARATOR)
#set footnote(numbering: "NOTE_MARK")
"""


def compose(texts: Sequence[str], seed: int) -> tuple[str, list[tuple[str, str]]]:
    """Return the typst text of a paper and its pieces, each with its label.

    ``texts`` are paragraphs, at least one; the same texts and seed give the same paper.
    """
    source = random.Random(f"made {seed}")
    paper = Paper(texts, source)
    paper.at = source.randrange(len(texts))
    title = paper.words(4, 13)
    if paper.chance(0.25):
        title = title.title()
    people = [(given_name(source), family_name(source)) for _ in range(source.randint(1, 6))]
    columns = source.choice((1, 1, 2, 2, 2, 3))
    _page(paper, title, people, columns)
    _front(paper, title, people, columns)
    style = source.choice(("1 ", "1. ", "1.  ", "I. ", ""))
    _sections(paper, style, source.randint(3, 7))
    ends = source.choice(("thanks refs annex", "refs annex", "annex refs", "thanks refs", "refs"))
    for end in ends.split():
        if end == "thanks":
            words = source.choice(("Acknowledgements", "Acknowledgments", "Funding"))
            _heading(paper, words, 1)
            paper.out.append("#" + paper.ink("CONTENT", beginning(paper.paragraph(), 300)))
        elif end == "refs":
            _references(paper, people)
        else:
            _annex(paper)
    return "\n\n".join(paper.out) + "\n", paper.pieces


def _page(paper: Paper, title: str, people: list[tuple[str, str]], columns: int) -> None:
    """The page itself: paper, type, running heads and feet, page numbers."""
    source = paper.source
    names = people[0][1] + (" et al." if len(people) > 2 else "")
    journal = source.choice(JOURNALS).format(source.choice(FIELDS))
    volume = f"{source.randint(2, 90)} ({source.randint(1990, 2024)})"
    heads = [beginning(title, 60), names, journal, f"{journal} {volume}", title.upper()[:50]]
    one, other = source.sample(heads, 2)
    other = source.choice((one, other))
    place = source.choice(
        ("foot center", "foot center", "foot outer", "foot right", "top outer", "top right", "row")
    )
    running = source.choice(("left", "right", "center", "outer", "none")) if place != "row" else ""
    left, right = paper.ink("HEADER", one), paper.ink("HEADER", other)
    if place == "row":  # head and number side by side
        gap = source.choice(("h(1fr)", "h(1fr)", "h(2em)"))
        top = f"if odd {{ {left}; {gap}; num }} else {{ num; {gap}; {right} }}"
    elif running == "none":
        top = "none"
    elif running == "outer":
        top = f"align(if odd {{ right }} else {{ left }}, if odd {{ {left} }} else {{ {right} }})"
    else:
        top = f"align({running}, if odd {{ {left} }} else {{ {right} }})"
    sides = {"center": "center", "right": "right", "outer": "if odd { right } else { left }"}
    where, _, side = place.partition(" ")
    alone = f"align({sides.get(side, 'center')}, num)"
    if where == "top":
        top = f"{{ {top}; {alone} }}" if running != "none" else alone
    foot = alone if where == "foot" else "none"
    if paper.chance(0.25):
        words = source.choice(
            (
                f"© {source.randint(1995, 2024)} {journal}",
                f"www.{family_name(source).lower()}.org",
                f"{journal} | Volume {source.randint(1, 30)} | {source.choice(MONTHS)}",
                "Downloaded from the library of the institute",
            )
        )
        line = f"align({source.choice(('left', 'right', 'center'))}, {paper.ink('FOOTER', words)})"
        foot = f"{{ {foot}; {line} }}" if foot != "none" else line
    first = "none"
    if paper.chance(0.5):
        words = f"{journal} {volume} {source.randint(1, 400)}–{source.randint(401, 900)}"
        first = f"align({source.choice(('left', 'center', 'right'))}, {paper.ink('HEADER', words)})"
    bare = paper.chance(0.5)  # no number on the first page
    size = source.choice((9, 9.5, 10, 10, 10.5, 11, 12)) - (0.5 if columns > 1 else 0)
    margin = source.choice((14, 18, 22, 26)) if columns > 1 else source.choice((18, 24, 30, 36))
    folio = NUMBERS[source.randrange(len(NUMBERS))]
    head_size = source.choice((0.75, 0.85, 0.9, 1.0))
    style = source.choice(("normal", "italic", "normal"))
    within = f"set text(size: {head_size}em, style: {quote(style)})"
    know = (
        "let n = counter(page).get().first(); let last = counter(page).final().first(); "
        "let odd = calc.odd(n); let num = number(n, last)"
    )
    preamble = PREAMBLE
    for name, value in (
        ("NUMBER_INK", LABELS.index("PAGE_NUMBER")),
        ("NUMBER", folio),
        ("NOTE_INK", LABELS.index("FOOTNOTE")),
        ("NOTE_SIZE", f"{source.choice((0.8, 0.85, 0.9))}em"),
        ("NOTE_MARK", source.choice(("1", "1", "1", "a", "*"))),
        ("SEPARATOR", source.choice(("line(length: 30%, stroke: 0.4pt)", "none"))),
        ("STEP", STEP),
    ):
        preamble = preamble.replace(name, str(value))
    rule = "; line(length: 100%, stroke: 0.4pt)" if paper.chance(0.3) else ""
    paper.out += [
        preamble,
        f"#set text(font: {quote(source.choice(FONTS))}, size: {size}pt, "
        f"hyphenate: {str(paper.chance(0.6)).lower()}, fill: rgb(0, 0, 0))",
        f"#set par(justify: {str(paper.chance(0.8)).lower()}, "
        f"leading: {source.choice((0.5, 0.55, 0.65, 0.8))}em, "
        f"first-line-indent: {source.choice((0, 1.2, 1.5))}em, "
        f"spacing: {source.choice((0.55, 0.7, 1.1))}em)",
        f"#set page(paper: {quote(source.choice(PAPERS))}, columns: {columns}, "
        f"margin: (x: {margin}mm, y: {source.choice((20, 24, 28))}mm), "
        f"header: context {{ {within}; {know}; "
        f"if here().page() == 1 {{ {first} }} else {{ {top}{rule if top != 'none' else ''} }} }}, "
        f"footer: context {{ {within}; {know}; "
        f"if here().page() == 1 and {str(bare).lower()} {{ none }} else {{ {foot} }} }})",
        f"#counter(page).update({source.choice((1, 1, 1, source.randint(2, 1800)))})",
        f"#set columns(gutter: {source.choice((5, 7, 9))}mm)",
    ]


def _front(paper: Paper, title: str, people: list[tuple[str, str]], columns: int) -> None:
    """Title, authors, affiliations, mails, dates, abstract, keywords."""
    source = paper.source
    side = source.choice(("center", "center", "left"))
    large = source.choice((1.35, 1.5, 1.7, 2.0))
    weight = source.choice(("bold", "bold", "regular"))
    block = [
        f"#block(below: 1.2em, text(size: {large}em, weight: {quote(weight)}, "
        f"{paper.ink('TITLE', title)}))"
    ]
    towns = [town(source) for _ in range(source.randint(1, 3))]
    places = [
        f"{source.choice(PARTS).format(source.choice(FIELDS))}, "
        f"{source.choice(PLACES).format(place)}, {place}, {source.choice(COUNTRIES)}"
        for place in towns
    ]
    mails = [
        f"{given[0].lower()}.{family.lower()}@{source.choice(towns).lower()}.edu"
        for given, family in people
    ]
    style = source.choice(("list", "list", "each", "grid"))
    starred = source.randrange(len(people)) if paper.chance(0.3) else -1
    note = f"Corresponding author. E-mail: {mails[starred]}"
    star = f'#footnote(numbering: "*", {paper.ink("FOOTNOTE", note)})' if starred >= 0 else ""
    if style == "list":
        names = []
        for number, (given, family) in enumerate(people):
            mark = f"#super({paper.ink('AUTHOR', str(number % len(places) + 1))})"
            comma = "#" + paper.ink("AUTHOR", ", ") if number + 1 < len(people) else ""
            name = "#" + paper.ink("AUTHOR", f"{given} {family}")
            names.append(name + mark + (star if number == starred else "") + comma)
        block.append(f"#block(below: 0.8em)[{''.join(names)}]")
        for number, place in enumerate(places, start=1):
            mark = f"#super({paper.ink('AUTHOR', str(number))})"
            block.append(f"#block(below: 0.5em)[{mark} #{paper.ink('AUTHOR', place)}]")
        if paper.chance(0.4):
            block.append("#block[#" + paper.ink("AUTHOR", ", ".join(mails)) + "]")
    else:
        cells = []
        for number, (given, family) in enumerate(people):
            lines = [paper.ink("AUTHOR", f"{given} {family}")]
            whole = places[number % len(places)]
            lines += [paper.ink("AUTHOR", part) for part in whole.split(", ", 1)]
            if paper.chance(0.7):
                lines.append(paper.ink("AUTHOR", mails[number]))
            cells.append("[" + " \\ ".join(f"#{line}" for line in lines) + "]")
        wide = min(3, len(cells)) if style == "grid" else 1
        rows = ", ".join(cells)
        block.append(f"#grid(columns: (1fr,) * {wide}, gutter: 1em, align: {side}, {rows})")
    if paper.chance(0.35):
        month, year = source.choice(MONTHS), source.randint(1995, 2024)
        words = source.choice(("Received {} {}; accepted later", "{} {}", "Published: {} {}"))
        block.append("#block[#" + paper.ink("FRONT", words.format(month, year)) + "]")
    whole = f"#set par(justify: false, first-line-indent: 0pt)\n#set align({side})\n"
    head = whole + "\n".join(block)
    if columns > 1:
        head = f"#place(top, scope: {quote('parent')}, float: true, clearance: 2em)[{head}]"
    else:
        head = f"#[{head}]"
    paper.out.append(head)
    if paper.chance(0.85):
        text = beginning(paper.paragraph(), 900)
        kind = source.choice(("own", "inline", "none"))
        word = source.choice(("Abstract", "ABSTRACT", "Summary"))
        if kind == "own":
            paper.out.append(f"#align(center, strong({paper.ink('ABSTRACT', word)}))")
        elif kind == "inline":
            mark = source.choice(("—", ". ", ": "))
            text = word + mark + text
        small = source.choice((0.9, 0.95, 1.0))
        paper.out.append(f"#text(size: {small}em, {paper.ink('ABSTRACT', text)})")
        if paper.chance(0.4):
            words = "Keywords: " + ", ".join(paper.words(1, 2).lower() for _ in range(5))
            paper.out.append("#" + paper.ink("FRONT", words))


def _sections(paper: Paper, style: str, count: int) -> None:
    source = paper.source
    names = source.sample(HEADINGS, count)
    roman = ("I", "II", "III", "IV", "V", "VI", "VII")
    marks = {"figure": 0, "table": 0}
    for section, name in enumerate(names, start=1):
        words = name if paper.chance(0.6) else paper.words(2, 6)
        number = roman[section - 1] if style.startswith("I") else str(section)
        prefix = style.replace("I", number).replace("1", number)
        _heading(paper, prefix + (words.upper() if style == "I. " else words), 1)
        for part in range(source.randint(2, 7)):
            if part and paper.chance(0.15):
                below = f"{section}.{part} " if style.startswith("1") else ""
                _heading(paper, below + paper.words(2, 6), 2)
            _prose(paper)
            _extra(paper, marks)


def _prose(paper: Paper) -> None:
    """A paragraph, perhaps with a note, perhaps with marks of citations."""
    source, label = paper.source, "ANNEX" if paper.annex else "CONTENT"
    text = paper.paragraph()
    if paper.chance(0.3):
        text += source.choice((" [{}].", " [{}, 14].", " (Weber et al., 20{:02}).")).format(
            source.randint(1, 20)
        )
    if not paper.chance(0.12):
        paper.out.append("#" + paper.ink(label, text))
        return
    words = text.split()
    cut = source.randrange(1, len(words) + 1)
    note = source.choice(
        (
            beginning(source.choice(paper.texts), source.randint(40, 260)),
            f"See https://www.{family_name(source).lower()}.org/{source.randint(10, 99)}.",
        )
    )
    one, two = " ".join(words[:cut]), " " + " ".join(words[cut:])
    parts = [paper.ink(label, one), f"footnote({paper.ink('FOOTNOTE', note)})"]
    if two.strip():
        parts.append(paper.ink(label, two))
    paper.out.append("".join(f"#{part}" for part in parts))


def _extra(paper: Paper, marks: dict[str, int]) -> None:
    """Now and then a list, an equation, a table or a figure."""
    source, kind = paper.source, paper.source.random()
    if kind < 0.08:
        items = ", ".join(
            f"[#{paper.ink('LIST', beginning(text, source.randint(30, 160)))}]"
            for text in source.choices(paper.texts, k=source.randint(2, 6))
        )
        what = source.choice(("list", "enum"))
        paper.out.append(f"#text(fill: rgb({STEP * LABELS.index('LIST')}, 0, 0), {what}({items}))")
    elif kind < 0.14:
        paper.pieces.append(("EQUATION", ""))
        number = 'numbering: "(1)", ' if paper.chance(0.5) else ""
        paper.out.append(
            f"#{{ set text(fill: rgb({STEP * LABELS.index('EQUATION')}, 0, 0)); "
            f"math.equation(block: true, {number}$ {source.choice(FORMULAS)} $) }}"
        )
    elif kind < 0.26:
        what = "table" if kind < 0.2 else "figure"
        marks[what] += 1
        name = source.choice(("Table", "TABLE", "Tab.") if what == "table" else ("Figure", "Fig."))
        words = f"{name} {marks[what]}{source.choice(('. ', ': ', ' – '))}"
        words += beginning(source.choice(paper.texts), source.randint(30, 220))
        caption = f"block(text(size: 0.9em, {paper.ink('CAPTION', words)}))"
        body = _table(paper) if what == "table" else _figure(paper)
        both = [caption, body] if what == "table" or paper.chance(0.1) else [body, caption]
        block = (
            "block(breakable: false, width: 100%, above: 1.2em, below: 1.2em, "
            f"{{ {'; '.join(both)} }})"
        )
        if paper.chance(0.5):
            block = f"place(auto, float: true, {block})"
        paper.out.append(f"#{block}")


def _table(paper: Paper) -> str:
    source = paper.source
    wide = source.randint(3, 5)
    cells = [paper.words(1, 2) for _ in range(wide)]
    for _ in range(source.randint(3, 9)):
        cells.append(paper.words(1, 2))
        cells += [f"{source.uniform(0, 100):.{source.randint(0, 3)}f}" for _ in range(wide - 1)]
    inked = ", ".join(f"[#{paper.ink('TABLE', cell)}]" for cell in cells)
    stroke = source.choice(("none", "0.4pt"))
    return f"text(size: 0.85em, table(columns: {wide}, stroke: {stroke}, {inked}))"


def _figure(paper: Paper) -> str:
    labels = "; ".join(
        f"place({side}, text(size: 0.7em, {paper.ink('CONTENT', paper.words(1, 2))}))"
        for side in ("bottom + center", "top + left")
    )
    high = paper.source.randint(25, 60)
    return f"rect(width: 90%, height: {high}mm, fill: luma(235), {{ {labels} }})"


def _heading(paper: Paper, text: str, level: int) -> None:
    label = "ANNEX HEADING" if paper.annex else "HEADING"
    style = "italic" if level == 2 and len(text) % 2 else "normal"  # the same all through a paper
    size = 1.2 if level == 1 else 1.0
    words = paper.ink(label, text)
    paper.out.append(
        f"#block(above: 1.5em, below: 0.8em, sticky: true, {{ set par(justify: false, "
        f"first-line-indent: 0pt); text(size: {size}em, weight: {quote('bold')}, "
        f"style: {quote(style)}, {words}) }})"
    )


def _references(paper: Paper, people: list[tuple[str, str]]) -> None:
    source = paper.source
    style = source.choice(("[1] ", "[1] ", "1. ", "", ""))
    word = source.choice(("References", "REFERENCES", "Bibliography", "Literature Cited"))
    paper.pieces.append(("REFERENCE", word))
    paper.out.append(
        f"#block(above: 1.5em, below: 0.8em, sticky: true, text(size: 1.2em, "
        f"weight: {quote('bold')}, t({LABELS.index('REFERENCE')}, {quote(word)})))"
    )
    size, hang = source.choice((0.8, 0.85, 0.9, 1.0)), source.choice((0, 1, 1.5))
    paper.out.append(
        f"#[#set text(size: {size}em)\n#set par(first-line-indent: 0pt, hanging-indent: {hang}em)"
    )
    family = sorted(family_name(source) for _ in range(source.randint(6, 45)))
    for number, name in enumerate(family, start=1):
        others = [source.choice(people)[1] if paper.chance(0.1) else family_name(source)]
        names = [name, *others][: source.randint(1, 2)]
        initials = [f"{one}, {chr(65 + source.randrange(26))}." for one in names]
        year, low = source.randint(1965, 2024), source.randint(1, 900)
        title = paper.words(4, 12)
        journal = source.choice(JOURNALS).format(source.choice(FIELDS))
        place = f"{journal}, {source.randint(1, 99)}, {low}–{low + source.randint(2, 40)}"
        listed = " and ".join(initials)
        entry = source.choice(
            (f"{listed} ({year}). {title}. {place}.", f"{listed} {title}. {place}, {year}.")
        )
        paper.out.append("#" + paper.ink("REFERENCE", style.replace("1", str(number)) + entry))
    paper.out.append("]")


def _annex(paper: Paper) -> None:
    source = paper.source
    paper.annex = True
    kind = source.choice(("Appendix {}", "Appendix {}. {}", "{} {}", "Annex {}: {}", "Appendix"))
    if paper.chance(0.15):
        kind = "Supplementary Material"
    for number in range(1 if "{}" not in kind else source.randint(1, 3)):
        words = kind.format("ABC"[number], paper.words(2, 6))
        _heading(paper, words, 1)
        for _ in range(source.randint(1, 5)):
            _prose(paper)
            _extra(paper, {"figure": 20, "table": 20})
    paper.annex = False
