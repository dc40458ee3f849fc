"""Passages of real text, a known few of them spoilt in the ways that spoil real corpora.

Documents are whatever text the folder holds (.txt, one document a line or a file; .jsonl with a
``text``; pages with ``truth_markdown``), and the sources of the example handbook. They are divided
into passages; some passages become garbage of one kind of `KINDS`, with a strength of its own.
What is made from a passage stays with its document, so that a split by document is clean.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import string
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import HANDBOOK

_LONGEST, _SHORTEST = 700, 120  # characters of a passage
_PER_DOCUMENT = 40  # passages, so that no long document is the corpus
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LEADERS = re.compile(r"\.{4,}|(\. ){4,}|_{4,}")


@dataclass(frozen=True)
class Passage:
    """``kind`` is None for sound text."""

    document: str
    text: str
    kind: str | None


def make_passages(folder: Path, share: float, seed: int) -> list[Passage]:
    """Return the passages of all documents below ``folder``, ``share`` of them garbage."""
    chance = random.Random(seed)
    code = [piece for path in _code_files() for piece in _pieces(path.read_text("utf-8"), "\n")]
    found = []
    for name, text in sorted(set(documents(folder))):
        pieces = [p for p in _passages(text) if not _LEADERS.search(p)]
        for piece in chance.sample(pieces, min(len(pieces), _PER_DOCUMENT)):
            if chance.random() >= share:
                found.append(Passage(name, piece, None))
                continue
            kind = chance.choice(list(KINDS))
            source = chance.choice(code) if kind == "code" else piece
            found.append(Passage(name, KINDS[kind](source, chance), kind))
    return found


def documents(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every document of prose below the folder, and of the handbook."""
    inside = [folder / "corpus", folder / "extraction"]
    roots = [root for root in inside if root.is_dir()] or [folder]
    for path in sorted(path for root in roots for path in root.rglob("*")):
        name = path.name.removesuffix(".gz")
        if not path.is_file() or not name.endswith((".txt", ".jsonl")):
            continue
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            content = file.read()
        if name.endswith(".txt"):
            lines = content.splitlines()
            each = len(lines) > 5 and sum(map(len, lines)) / len(lines) > 5_000
            texts = lines if each else [content]
        else:
            rows = [json.loads(line) for line in content.splitlines() if line.strip()]
            texts = [row.get("text") or row.get("truth_markdown") or "" for row in rows]
        yield from ((f"{path.stem}-{n}", text) for n, text in enumerate(texts) if text)
    for path in sorted((HANDBOOK / "source").glob("*.md")):
        yield path.stem, path.read_text("utf-8")


def _passages(text: str) -> list[str]:
    """Paragraphs where the text has them, else whole sentences up to the longest."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        found += _pieces(" ".join(paragraph.split()), " ")
    return found


def _pieces(text: str, joint: str) -> list[str]:
    parts = _SENTENCE.split(text) if joint == " " else text.splitlines()
    found, current = [], ""
    for part in parts:
        if current and len(current) + len(part) > _LONGEST:
            found.append(current)
            current = ""
        current = f"{current}{joint}{part}" if current else part[: 2 * _LONGEST]
    found.append(current)
    return [piece for piece in found if len(piece) >= _SHORTEST]


def _code_files() -> list[Path]:
    library = Path(sysconfig.get_paths()["stdlib"])
    names = ("argparse", "ast", "csv", "dataclasses", "difflib", "enum", "heapq", "pathlib")
    return [path for name in names if (path := library / f"{name}.py").is_file()]


_CONFUSED = {
    "l": "1I|", "i": "1l!", "o": "0c", "e": "co", "a": "oe", "n": "ru", "m": "rnn", "h": "bl",
    "t": "fl", "c": "e(", "s": "5z", "b": "h6", "g": "9q", "u": "vn", "r": "nf", "d": "cl",
}  # fmt: skip


def ocr(text: str, chance: random.Random) -> str:
    """Letters mistaken, lost and split at 4 to 25 % of characters."""
    rate, out = chance.uniform(0.04, 0.25), []
    for character in text:
        if chance.random() >= rate:
            out.append(character)
        elif character.lower() in _CONFUSED and chance.random() < 0.7:
            out.append(chance.choice(_CONFUSED[character.lower()]))
        elif chance.random() < 0.5:
            out.append(character + chance.choice(" .'-,~"))
    return "".join(out)


def shuffled(text: str, chance: random.Random) -> str:
    """Words out of order, as where columns were read across."""
    words = text.split()
    run = chance.choice((1, 1, 2, 4))
    runs = [words[start : start + run] for start in range(0, len(words), run)]
    chance.shuffle(runs)
    return " ".join(word for piece in runs for word in piece)


def encoding(text: str, chance: random.Random) -> str:
    """Wrong bytes: shifted letters, replacement marks, glyph numbers, UTF-8 read as Latin-1."""
    how = chance.randrange(4)
    if how == 0:
        shift = chance.randrange(1, 26)
        low = string.ascii_lowercase
        turned = low[shift:] + low[:shift]
        return text.translate(str.maketrans(low + low.upper(), turned + turned.upper()))
    if how == 1:
        return "".join("\ufffd" if chance.random() < 0.15 else c for c in text)
    if how == 2:
        return "".join(f"(cid:{ord(c) - 29})" if chance.random() < 0.3 else c for c in text)[:900]
    accents = str.maketrans({"a": "ä", "e": "é", "o": "ö", "'": "’", '"': "“", "-": "—"})
    return text.translate(accents).encode("utf-8").decode("cp1252", "replace")


def navigation(text: str, chance: random.Random) -> str:
    """A menu: short entries, none of them a sentence."""
    words = [word.strip(string.punctuation) for word in text.split()]
    words = [word for word in words if len(word) > 3] or ["Page"]
    fixed = ["Home", "About us", "Contact", "Log in", "Sitemap", "Search", "Next", "Previous",
             "Share", "Print this page", "Archive", "RSS", "Back to top", "Help"]  # fmt: skip
    entries = [
        chance.choice(fixed)
        if chance.random() < 0.4
        else " ".join(chance.choices(words, k=chance.randrange(1, 4))).title()
        for _ in range(chance.randrange(15, 45))
    ]
    return chance.choice((" | ", "\n", " » ", " ", " / ")).join(entries)


def debris(text: str, chance: random.Random) -> str:
    """What is left of a table when its cells are read in a row."""
    words = text.split()
    cells = [
        chance.choice(words)
        if chance.random() < 0.3
        else chance.choice(
            (
                f"{chance.uniform(0, 1000):.{chance.randrange(4)}f}",
                f"{chance.randrange(100)}%",
                f"({chance.uniform(0, 1):.3f})",
                "-",
                "n/a",
            )
        )
        for _ in range(chance.randrange(40, 120))
    ]
    return " ".join(cells)


def leaders(text: str, chance: random.Random) -> str:
    """Lines of a table of contents or an index."""
    words, page, lines = text.split(), chance.randrange(1, 200), []
    for _ in range(chance.randrange(6, 14)):
        start = chance.randrange(max(len(words) - 5, 1))
        page += chance.randrange(9)
        dots = chance.choice((" ........ ", " . . . . . ", ", ", "    "))
        lines.append(" ".join(words[start : start + chance.randrange(1, 5)]) + dots + str(page))
    return "\n".join(lines)


def advertisement(text: str, chance: random.Random) -> str:
    """Selling, with a word or two of the page it stands on."""
    things = [w.strip(string.punctuation).lower() for w in text.split() if len(w) > 5] or ["offer"]
    lines = [
        "Buy {0} online now! Best price guaranteed, free shipping on all {1}.",
        "Subscribe to our newsletter and get {2}% off your first order.",
        "Sale ends soon: {0} from only ${2}.99. Order today, limited stock!",
        "Click here to claim your free {1}. No credit card required.",
        "Customers who viewed {0} also bought {1}. Add to cart.",
        "Rated 4.{3}/5 by {2} happy customers. Hurry, offer valid while stocks last.",
        "We use cookies to give you the best {1}. By continuing you accept our policy.",
        "Sponsored: the {3} {0} tricks that experts do not want you to know!",
        "Call now for your free {0} quote. Terms and conditions apply.",
    ]
    count = min(chance.randrange(2, 6), len(lines))
    return " ".join(
        line.format(
            chance.choice(things),
            chance.choice(things),
            chance.randrange(10, 90),
            chance.randrange(2, 9),
        )
        for line in chance.sample(lines, count)
    )


def spaced(text: str, chance: random.Random) -> str:
    """Spaces where there are none, or none where there are."""
    if chance.random() < 0.5:
        return " ".join(text.replace(" ", ""))[:900]
    return "".join(c for c in text if c != " " or chance.random() < 0.15)


def dump(text: str, chance: random.Random) -> str:
    """Binary data as text."""
    data = base64.b64encode(text.encode()).decode()
    return data if chance.random() < 0.5 else " ".join(re.findall("..", text.encode().hex()))[:900]


def repeated(text: str, chance: random.Random) -> str:
    """A few words over and over, as a model or a broken export writes."""
    words = text.split()
    start = chance.randrange(max(len(words) - 8, 1))
    phrase = words[start : start + chance.randrange(2, 8)]
    return " ".join(phrase * (90 // max(len(phrase), 1)))[:_LONGEST]


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "ocr": ocr,
    "shuffled": shuffled,
    "encoding": encoding,
    "navigation": navigation,
    "debris": debris,
    "leaders": leaders,
    "advertisement": advertisement,
    "code": lambda text, chance: text,
    "spaced": spaced,
    "dump": dump,
    "repeated": repeated,
}
