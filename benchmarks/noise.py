"""Damage at a known rate: what bad scans, bad fonts and careless tools do to characters and spaces.

Each edit is drawn alone: of a hundred, thirty take one character for those that look like it, ten
put any letter in its place, fifteen lose it, ten add one, five swap two, fifteen lose a space and
fifteen put one into a word. A kind that finds no place (no space left) is drawn again.
"""

from __future__ import annotations

import math
import random

CONFUSIONS = {
    "rn": "m", "m": "rn", "cl": "d", "d": "cl", "l": "1", "1": "l", "I": "l", "i": "l", "O": "0",
    "0": "O", "o": "0", "e": "c", "c": "e", "S": "5", "5": "S", "B": "8", "8": "B", "h": "b",
    "b": "h", "n": "u", "u": "n", "t": "f", "f": "t", "vv": "w", "w": "vv", "a": "o", "g": "q",
    "q": "g", "y": "v", "v": "y", "Z": "2", "2": "Z", "s": "a", "G": "6", "6": "G", ".": ",",
    ",": ".", "-": "~", "r": "i", "T": "I", "E": "F", "P": "F", "p": "o", "k": "lc", "x": "r",
}  # fmt: skip
KINDS = (
    ("confuse", 30), ("replace", 10), ("lose", 15), ("add", 10), ("swap", 5), ("glue", 15),
    ("part", 15),
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def damaged(text: str, rate: float, seed: str) -> str:
    """Return the text with ``rate`` edits for each of its visible characters and spaces.

    A fraction of an edit is one edit with that probability, so that the rate holds on the mean.
    """
    draw = random.Random(seed)
    wanted = rate * sum(not character.isspace() or character == " " for character in text)
    edits = math.floor(wanted) + (draw.random() < wanted % 1)
    characters = list(text)
    kinds, weights = zip(*KINDS, strict=True)
    done = tried = 0
    while done < edits and tried < 20 * edits:
        tried += 1
        kind = draw.choices(kinds, weights)[0]
        at = draw.randrange(len(characters))
        new = _edit(characters, at, kind, draw)
        if new is not None:
            characters[at] = new
            done += 1
    return "".join(characters)


def _edit(characters: list[str], at: int, kind: str, draw: random.Random) -> str | None:
    """What stands at a place after the edit; None when this kind cannot happen there."""
    here = characters[at]
    if len(here) != 1:
        return None  # one edit a place
    if kind == "glue":
        return "" if here == " " else None
    if here.isspace():
        return None
    if kind == "confuse":
        return CONFUSIONS.get(here)
    if kind == "part":
        after = characters[at + 1] if at + 1 < len(characters) else " "
        return here + " " if here.isalnum() and after[:1].isalnum() else None
    if kind == "replace":
        other = draw.choice(LETTERS)
        return (other.upper() if here.isupper() else other) if other != here.lower() else None
    if kind == "lose":
        return ""
    if kind == "add":
        return here + draw.choice(LETTERS)
    after = characters[at + 1] if at + 1 < len(characters) else ""
    if len(after) == 1 and after != here and not after.isspace():
        characters[at + 1] = here
        return after
    return None
