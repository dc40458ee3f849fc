"""Sentences with marked personal data, made by the thousand for `fit_personal_data.py`.

Templates of our own, in the annotation habits of presidio-research (a house number, a street and a
flat of a postal block are spans of their own; an address named in running text is one span), and
values made from the gazetteers: names by morphology, streets by language, firms by founder or
fancy. Also the same sentence of a labelled set again with other values. Everything follows from a
`random.Random` that the caller seeds.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from goldsmith.refine.personal.words import GAZETTEERS

Span = tuple[int, int, str]


class Example(NamedTuple):
    """A text and its spans (start, end, type), in order and apart."""

    text: str
    spans: tuple[Span, ...]


#: One template a line; "\\n" is a line break, a letter in braces a value (`MAKERS`).
TEMPLATES = Path(__file__).with_name("personal_templates.txt").read_text("utf-8").splitlines()

#: Parts of names, streets and firms, by what they are.
WORDS: dict[str, list[str]] = {
    name: parts.split("|")
    for name, parts in json.loads(
        Path(__file__).with_name("personal_words.json").read_text("utf-8")
    ).items()
}
CONSONANTS = WORDS["consonants"]
VOWELS = WORDS["vowels"]
FAMILY_ENDS = WORDS["family_ends"]
GIVEN_ENDS = WORDS["given_ends"]
PLACE_ENDS = WORDS["place_ends"]
TOWN_HEADS = WORDS["town_heads"]
TOWN_TAILS = WORDS["town_tails"]
STREET_ENDS = WORDS["street_ends"]
STREET_WORDS = WORDS["street_words"]
STREET_HEADS = WORDS["street_heads"]
FIRM_STEMS = WORDS["firm_stems"]
FIRM_ENDS = WORDS["firm_ends"]
FIRM_TAILS = WORDS["firm_tails"]
FIRM_HEADS = WORDS["firm_heads"]


def plain(folder: Path, number: int) -> list[Example]:
    """Return sentences in the public domain whose only capital begins them: nobody is named."""
    found: list[str] = []
    for path in sorted(folder.glob("*.gz")):
        text = " ".join(gzip.decompress(path.read_bytes()).decode("utf-8").split())
        for match in re.finditer(
            r"(?<=[.?!] )[A-Z][a-z]+(?: [a-z0-9,'-]+){3,22}[.?!](?= [A-Z])", text
        ):
            found.append(match.group())
    return [Example(text, ()) for text in random.Random(0).sample(sorted(set(found)), number)]


def examples(number: int, chance: random.Random, known: Values | None = None) -> list[Example]:
    """Return so many sentences from our templates; values also from ``known`` where given."""
    return [
        _filled(
            _block(chance) if chance.random() < 0.15 else chance.choice(TEMPLATES), chance, known
        )
        for _ in range(number)
    ]


def _block(chance: random.Random) -> str:
    """A template of lines as on an envelope or a card, quoted or indented now and then."""
    head = chance.choice(
        (
            "", "", "", "{P}|", "{P}||", "{P}|{O}|", "{O}|{P}|", "{P}|{O}|{P}|", "{T} {P}|",
            "Ship to: {P}|", "{O}|",
        )
    )  # fmt: skip
    roll = chance.random()
    if roll < 0.7:
        body = chance.choice(("{N} {S}|{U}|{C}|{K} {ZS}", "{N} {S} {U}|{C}|{K} {ZS}",
                              "{N} {S}|{U}|{C}||{K} {ZS}", "{N} {S} {U}|{C}|{W}|{Z}",
                              "{N} {S} {U}|{C} {W} {Z}", "{U} {N} {S}|{C} {W} {Z}"))  # fmt: skip
    elif roll < 0.85:
        head, body = (
            chance.choice(("{P}|{J}|{O}|", "{P}|{O}|", "{O}||", "{P}||{J}||Address:|")),
            "{A}",
        )
    else:
        head, body = (
            "",
            chance.choice(
                (
                    "{P}||{C}|{K}",
                    "{P}|{C}, {K}",
                    "{P}||{J}||{O}||{C}",
                    "{P}|{J}|{PHONE}",
                    "{O}|{C}|{URL}",
                    "{P}||{J}||Info:|Phone:|{PHONE}||Mail:|{EMAIL}",
                )
            ),
        )
    tail = chance.choice(
        ("", "", "", "|{PHONE}", "|Tel: {PHONE}|Fax: {PHONE}", "|{PHONE} (office)")
    )
    mark = chance.choice(("", "", "", " ", "    ", ">", "> ", "* ", "# ", "- ", "| ", "... "))
    lines = (head + body + tail).split("|")
    first = "" if mark.isspace() else mark
    return "\n".join(
        (mark if number else first) + line if line else "" for number, line in enumerate(lines)
    )


class Values:
    """Values of a labelled set by what they are (a street apart from a whole address)."""

    def __init__(self, rows: Iterable[Example]) -> None:
        self.of: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            for start, end, kind in row.spans:
                value = row.text[start:end]
                self.of[slot_of(kind, value)].append(value)


def varied(row: Example, chance: random.Random, known: Values) -> Example:
    """Return a labelled sentence with other values of the same sort; repeated values stay alike."""
    drawn: dict[tuple[str, str], str] = {}
    parts, spans, cursor, length = [], [], 0, 0
    for start, end, kind in row.spans:
        value = row.text[start:end]
        slot = slot_of(kind, value)
        if (slot, value) not in drawn:
            drawn[slot, value] = value_for(slot, chance, known) if slot in MAKERS else value
        new = drawn[slot, value]
        parts += [row.text[cursor:start], new]
        length += start - cursor
        spans.append((length, length + len(new), kind))
        length += len(new)
        cursor = end
    parts.append(row.text[cursor:])
    return _cased(Example("".join(parts), tuple(spans)), chance)


def slot_of(kind: str, value: str) -> str:
    """Return the template slot that a labelled value would fill."""
    low = value.lower()
    if kind == "STREET_ADDRESS":
        if value.isdigit():
            return "ZS" if len(value) == 5 else "N"
        if re.fullmatch(r"(?:apt\.|suite) \d+", low):
            return "U"
        return "A" if "\n" in value or "," in value or "apt." in low or "corner" in low else "S"
    if kind == "GPE":
        if low in GAZETTEERS["country"] or low == "greenlander":
            return "K"
        return "W" if len(value) < 4 else "C"
    if kind == "TITLE":
        return "T" if low in GAZETTEERS["honorific"] else "J"
    slots = {"PERSON": "P", "ORGANIZATION": "O", "DATE_TIME": "D", "AGE": "Y", "NRP": "R"}
    return slots.get(kind, "Z" if kind == "ZIP_CODE" else kind)


def value_for(slot: str, chance: random.Random, known: Values | None) -> str:
    """Return a made value, or as often one of the known ones."""
    if known is not None and known.of.get(slot) and chance.random() < 0.4:
        return chance.choice(known.of[slot])
    return MAKERS[slot](chance)


def _filled(template: str, chance: random.Random, known: Values | None) -> Example:
    text, spans = "", []
    for part in re.split(r"(\{\w+\})", template.replace("\\n", "\n")):
        if part.startswith("{") and len(part) > 2:
            slot = part[1:-1]
            value = value_for(slot, chance, known)
            if TYPES[slot]:
                spans.append((len(text), len(text) + len(value), TYPES[slot]))
            text += value
        else:
            text += part
    return _cased(Example(text, tuple(spans)), chance)


def _cased(row: Example, chance: random.Random) -> Example:
    """Now and then a sentence in small letters, as in a chat."""
    low = row.text.lower()
    return row._replace(text=low) if chance.random() < 0.1 and len(low) == len(row.text) else row


def _pick(name: str) -> Callable[[random.Random], str]:
    values = sorted(GAZETTEERS[name])
    return lambda chance: _title(chance.choice(values))


def _title(text: str) -> str:
    return " ".join(
        word if word in ("and",) else word[:1].upper() + word[1:] for word in text.split()
    )


def _stem(chance: random.Random, most: int = 2) -> str:
    syllables = (
        chance.choice(CONSONANTS) + chance.choice(VOWELS) for _ in range(chance.randint(1, most))
    )
    start = chance.choice(VOWELS) if chance.random() < 0.15 else ""
    return (start + "".join(syllables) + chance.choice(CONSONANTS)[0]).capitalize()


_given, _surname, _city = _pick("given"), _pick("surname"), _pick("city")


def given(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return _given(chance)
    return _stem(chance) + chance.choice(GIVEN_ENDS)


def family(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return _surname(chance)
    name = _stem(chance) + chance.choice(FAMILY_ENDS)
    roll = chance.random()
    if roll < 0.05:
        return chance.choice(("van ", "de ", "von ", "van der ", "di ", "da ", "dos ")) + name
    return chance.choice(("Mc", "Mac", "O'")) + name if roll < 0.08 else name


def person(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.25:
        return given(chance)
    if roll < 0.4:
        return family(chance)
    middle = chance.choice("ABCDEFGHIJKLMNOPRSTV") if roll > 0.75 else ""
    middle += "." if middle and roll > 0.87 else ""
    tail = chance.choice((" II", " Jr.", " III")) if roll > 0.995 else ""
    return " ".join(filter(None, (given(chance), middle, family(chance)))) + tail


def town(chance: random.Random) -> str:
    roll = chance.random()
    name = _city(chance) if roll < 0.4 else _stem(chance) + chance.choice(PLACE_ENDS)
    if 0.4 < roll < 0.5:
        name = chance.choice(TOWN_HEADS) + " " + name
    elif roll > 0.9:
        name += chance.choice(TOWN_TAILS)
    return name.upper() if chance.random() < 0.12 else name


def country(chance: random.Random) -> str:
    if chance.random() < 0.06:
        return "Greenlander"
    return _title(chance.choice(sorted(GAZETTEERS["country"])))


def state(chance: random.Random) -> str:
    letters = "ABCDEFGHIKLMNOPRSTVW"
    return "nan" if chance.random() < 0.35 else chance.choice(letters) + chance.choice(letters)


def digits(chance: random.Random, least: int, most: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(chance.randint(least, most)))


def street(chance: random.Random) -> str:
    roll, number = chance.random(), str(chance.randint(1, 999))
    name = (
        family(chance)
        if chance.random() < 0.5
        else _stem(chance) + chance.choice(("a", "o", "en", "i", "ska", "ova", "s"))
    )
    if chance.random() < 0.2:
        name += " " + (family(chance) if chance.random() < 0.5 else _stem(chance))
    if roll < 0.24:
        return f"{name} {chance.choice(WORDS['street_words'])}"
    if roll < 0.42:
        return f"{number} {name} {chance.choice(WORDS['street_words'][:16])}"
    if roll < 0.62:
        text = f"{chance.choice(WORDS['street_heads'])} {name}"
        return f"{number} {text}" if chance.random() < 0.35 else f"{text} {number}"
    if roll < 0.85:
        return f"{_stem(chance)}{chance.choice(WORDS['street_ends'])} {number}"
    if roll < 0.9:
        return f"P.O. Box {number}"
    if roll < 0.93:
        return f"{name} {chance.choice(('utca', 'u.', 'út', 'tér', 'krt.'))} {number}."
    return f"{name} {number}" if roll < 0.98 else f"{name} põik {number}"


def unit(chance: random.Random) -> str:
    return f"{chance.choice(('Apt.', 'Suite'))} {digits(chance, 3, 3)}"


def address(chance: random.Random) -> str:
    roll, house, zip_code = chance.random(), digits(chance, 3, 5), digits(chance, 5, 5)
    if roll < 0.08:
        post = f"PSC {digits(chance, 4, 4)}, Box {digits(chance, 4, 4)}\nAPO"
    elif roll < 0.13:
        post = f"Unit {digits(chance, 4, 4)} Box {digits(chance, 4, 4)}\nDPO"
    elif roll < 0.17:
        post = f"{chance.choice(('USS', 'USNS', 'USCGC', 'USNV'))} {family(chance)}\nFPO"
    if roll < 0.17:
        return f"{post} {chance.choice(('AA', 'AE', 'AP'))} {zip_code}"
    if roll < 0.25:
        return f"the corner of {street(chance)} and {street(chance)}"
    if roll < 0.27:
        return f"{street(chance)} and {street(chance)}"
    flat = " " + unit(chance) if chance.random() < 0.55 else ""
    if roll < 0.42:
        nation = f" {country(chance)}" if chance.random() < 0.5 else ""
        first = f"{house} {street(chance)}{flat}\n{town(chance)}\n"
        return f"{first}, {state(chance)}\n{nation} {zip_code}"
    if roll < 0.58:
        tail = f" {zip_code}" if chance.random() < 0.7 else ""
        return (
            f"{house} {street(chance)}\n {unit(chance)}\n {town(chance)}\n {country(chance)}{tail}"
        )
    if roll < 0.74:
        flat += " " + unit(chance) + "," if flat and chance.random() < 0.3 else ","
        tail = f" {zip_code}" if chance.random() < 0.5 else ""
        return f"{house} {street(chance)}{flat} {town(chance)}, {country(chance)}{tail}"
    if roll < 0.84:
        return f"{house} {street(chance)}{flat}\n{town(chance)}, {state(chance)} {zip_code}"
    if roll < 0.95:
        return f"{house} {street(chance)}{flat} {town(chance)} {state(chance)}"
    return f"{street(chance)}, {zip_code} {town(chance)}"


def firm(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.1:
        return f"{_surname(chance)}-{_surname(chance)}"
    if roll < 0.18:
        return f"{_surname(chance)}, {_surname(chance)} and {_surname(chance)}"
    ends = (
        "Inc",
        "Inc.",
        "LLC",
        "Ltd",
        "Ltd.",
        "PLC",
        "Group",
        "and Sons",
        "Corp",
        "& Co",
        "GmbH",
        "AG",
    )
    if roll < 0.28:
        return f"{_surname(chance)} {chance.choice(ends)}"
    word = chance.choice(FIRM_STEMS) + chance.choice(
        FIRM_ENDS if chance.random() < 0.6 else FIRM_STEMS
    )
    word = word.capitalize() if chance.random() < 0.8 else _stem(chance) + chance.choice(FIRM_ENDS)
    if roll < 0.58:
        return word
    if roll < 0.66:
        return f"{word} {chance.choice(ends)}"
    if roll < 0.84:
        first = word if chance.random() < 0.4 else chance.choice(FIRM_HEADS)
        middle = f" {chance.choice(FIRM_HEADS)}" if chance.random() < 0.2 else ""
        return f"{first}{middle} {chance.choice(FIRM_TAILS)}"
    if roll < 0.92:
        return f"{chance.choice(FIRM_HEADS)} {chance.choice(FIRM_TAILS)} {chance.choice(ends)}"
    if roll < 0.95:
        letters = ("ABCDEGHIMNPST", "ABCEFGIMNPST", "ABCDGMNPST")
        return "".join(chance.choice(some) for some in letters)
    first, joint = chance.choice(FIRM_TAILS), chance.choice(("And", "and", "&"))
    return f"{first} {joint} {chance.choice(FIRM_TAILS)}"


def date(chance: random.Random) -> str:
    roll, year = chance.random(), chance.randint(1930, 2024)
    month, day = chance.randint(1, 12), chance.randint(1, 28)
    names = "January February March April May June July August September October November December"
    if roll < 0.35:
        return str(year)
    if roll < 0.55:
        return chance.choice(
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        )
    if roll < 0.7:
        return f"{month}/{day}/{year}"
    if roll < 0.85:
        clock = (chance.randint(0, 23), chance.randint(0, 59), chance.randint(0, 59))
        return f"{year}-{month:02}-{day:02} " + ":".join(f"{part:02}" for part in clock)
    if roll < 0.93:
        return f"{chance.choice(names.split())} {day}, {year}"
    return f"{day} {chance.choice(names.split())} {year}"


def post_code(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.45:
        return digits(chance, 4, 4)
    if roll < 0.7:
        return digits(chance, 5, 5)
    if roll < 0.8:
        return f"{digits(chance, 3, 3)} {digits(chance, 2, 2)}"
    letters = "ABCEGHJKLMNPRSTVXY"
    if roll < 0.88:
        return f"{digits(chance, 4, 4)} {chance.choice(letters)}{chance.choice(letters)}"
    if roll < 0.96:
        a, b, c = (chance.choice(letters) for _ in range(3))
        return f"{a}{digits(chance, 1, 1)}{b} {digits(chance, 1, 1)}{c}{digits(chance, 1, 1)}"
    return f"{digits(chance, 4, 4)}-{digits(chance, 3, 3)}" if roll < 0.98 else digits(chance, 3, 3)


def job(chance: random.Random) -> str:
    names, kinds = sorted(GAZETTEERS["job"]), sorted(GAZETTEERS["job_modifier"])
    roll, name = chance.random(), chance.choice(names)
    if roll < 0.3:
        text = name
    elif roll < 0.85:
        text = f"{chance.choice(kinds)} {name}"
    elif roll < 0.93:
        text = f"{chance.choice(kinds)} and {chance.choice(kinds)} {name}"
    else:
        text = f"{chance.choice(kinds)}, {chance.choice(kinds)}, and {chance.choice(kinds)} {name}"
    return text.capitalize()


def nation(chance: random.Random) -> str:
    roll = chance.random()
    text = _title(chance.choice(sorted(GAZETTEERS["nationality"])))
    if roll < 0.2:
        text = (text if text.endswith("s") else text + "s").lower() if roll < 0.12 else text + "s"
    return text


def _mail(chance: random.Random) -> str:
    return f"{_given(chance).lower()}.{_stem(chance).lower()}@example.com"


def _phone(chance: random.Random) -> str:
    code, first = chance.randint(30, 49), digits(chance, 3, 3)
    return f"+{code} {first} {digits(chance, 3, 3)} {digits(chance, 3, 4)}"


def _place(chance: random.Random) -> str:
    return country(chance) if chance.random() < 0.4 else town(chance)


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "P": person, "A": address, "N": lambda chance: digits(chance, 3, 5), "S": street, "U": unit,
    "C": town, "K": country, "G": _place, "W": state, "Z": post_code,
    "ZS": lambda chance: digits(chance, 5, 5), "O": firm, "D": date, "J": job, "R": nation,
    "T": lambda chance: chance.choice(
        ("Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Ms", "Mrs", "Dr", "Prof.")
    ),
    "Y": lambda chance: str(chance.randint(18, 95)), "PHONE": _phone, "EMAIL": _mail,
    "URL": lambda chance: f"https://www.{_stem(chance).lower()}.org/",
    "CARD": lambda chance: "4111 1111 1111 1111", "IBAN": lambda chance: "GB82WEST12345698765432",
}  # fmt: skip
TYPES = {
    "P": "PERSON", "A": "STREET_ADDRESS", "N": "STREET_ADDRESS", "S": "STREET_ADDRESS",
    "U": "STREET_ADDRESS", "ZS": "STREET_ADDRESS", "C": "GPE", "K": "GPE", "G": "GPE", "W": "GPE",
    "Z": "ZIP_CODE", "O": "ORGANIZATION", "D": "DATE_TIME", "T": "TITLE", "J": "TITLE",
    "Y": "AGE", "R": "NRP", "PHONE": "", "EMAIL": "", "URL": "", "CARD": "", "IBAN": "",
}  # fmt: skip


def read(rows: Sequence[dict]) -> list[Example]:
    """Return labelled rows (presidio-research's columns) as examples."""
    return [
        Example(
            row["full_text"],
            tuple(
                sorted(
                    (s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]
                )
            ),
        )
        for row in rows
    ]
