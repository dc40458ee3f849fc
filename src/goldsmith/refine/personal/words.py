"""Words of a text as the tagger sees them, and what lists of names know of each.

A word is a run of letters, a run of digits or one other character; a placeholder or a span that a
pattern has found counts as one word. The features of a position are strings; those that depend on
one word and its distance alone are kept apart from those of several words, so that the tagger can
keep their sums.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
#: Gazetteers by name, each a set of entries in small letters (entries of several words too).
GAZETTEERS: dict[str, frozenset[str]] = {
    name: frozenset(entries.split("|"))
    for name, entries in json.loads(
        files("goldsmith.refine.personal").joinpath("gazetteers.json").read_text("utf-8")
    ).items()
}
_FLAGS = {
    "given": "g", "surname": "f", "country": "k", "nationality": "n", "city": "c", "state": "s",
    "street": "t", "company": "o", "job": "j", "job_modifier": "m", "honorific": "h",
    "particle": "p", "month": "M", "weekday": "W",
}  # fmt: skip


class Word(NamedTuple):
    """A word and its place; ``gap`` is what stands before it: "" (nothing), " ", or a line break.

    ``line`` counts lines from 0; ``kind`` names the pattern that has found the word, or "".
    """

    text: str
    start: int
    end: int
    gap: str
    line: int
    kind: str


def words_of(text: str, taken: Sequence[tuple[int, int, str]] = ()) -> list[Word]:
    """Return the words of a text; each of ``taken`` (start, end, kind; in order) is one word."""
    words: list[Word] = []
    line = cursor = 0

    def add(start: int, end: int, kind: str) -> None:
        nonlocal line, cursor
        between = text[cursor:start]
        breaks = between.count("\n")
        line += min(breaks, 1)
        gap = "¶" if breaks > 1 else "\n" if breaks else " " if between or not words else ""
        words.append(Word(f"<{kind}>" if kind else text[start:end], start, end, gap, line, kind))
        cursor = end

    at = 0
    for start, end, kind in taken:
        for match in _WORD.finditer(text, at, start):
            add(*match.span(), "")
        add(start, end, kind)
        at = end
    for match in _WORD.finditer(text, at):
        add(*match.span(), "")
    return words


class Known(NamedTuple):
    """What a word is by itself."""

    low: str
    shape: str
    flags: str
    common: str
    about: tuple[str, ...]

    @property
    def sort(self) -> str:
        return f"{self.shape}{self.flags}{self.common}"


def _parts() -> dict[str, str]:
    """Word to the letters of the gazetteers it is in; "+" after one where it never begins an entry.

    Sets have no order that lasts, so nothing here may depend on it.
    """
    flags: dict[str, str] = {}
    for name, letter in _FLAGS.items():
        entries = [_WORD.findall(entry) for entry in GAZETTEERS[name]]
        firsts = {words[0] for words in entries}
        for word in firsts.union(*entries):
            flags[word] = flags.get(word, "") + (letter if word in firsts else f"{letter}+")
    return flags


_PARTS = _parts()


class Lexicon:
    """How common words are in small letters: bands of rank, by hash of the word."""

    def __init__(self, bands: dict[str, str]) -> None:
        self.bands = bands

    def _derived(self, low: str) -> str:
        """ "~" for a form or a compound of common words, "-" for anything else."""
        for end in ("s", "ed", "d", "ing", "ly", "er", "ness", "ized", "al"):
            if low.endswith(end) and low[: -len(end)] in self.bands and len(low) > len(end) + 2:
                return "~"
        for at in range(4, len(low) - 3):
            if self.bands.get(low[:at], "9") < "4" and self.bands.get(low[at:], "9") < "4":
                return "="
        return "-"

    def known(self, word: str, kind: str) -> Known:
        low = word.lower()
        if kind:
            return Known(low, "#", "", "", (f"w={low}",))
        if word.isdecimal():
            shape = f"{min(len(word), 8)}" + ("z" if word[0] == "0" else "")
            if len(word) == 4 and "1900" <= word <= "2030":
                shape = "4y"
            digits = (f"w={low}", f"d={shape}", f"v={int(word) // 10 if len(word) < 4 else ''}")
            return Known(low if len(word) < 4 else f"<{shape}>", "d" + shape, "", "", digits)
        if not word[0].isalpha():
            return Known(low, word, "", "", (f"w={low}", f"p={word}"))
        shape = (
            "x" if word.islower() else "X" if len(word) == 1 else "XX" if word.isupper()
            else "Xx" if word[1:].islower() else "xX"
        )  # fmt: skip
        flags = _PARTS.get(low, "")
        common = self.bands.get(low) or self._derived(low)
        about = [
            f"w={low}",
            f"s={shape}",
            f"c={common}",
            f"sc={shape}{common}",
            f"l={min(len(low), 10)}",
        ]
        about += [f"g={flag}" for flag in flags]
        about += [f"gs={shape}{flags}{common}"]
        about += [f"a{n}={low[:n]}" for n in (2, 3, 4) if len(low) > n]
        about += [f"z{n}={low[-n:]}" for n in (1, 2, 3, 4, 5) if len(low) > n]
        if not low.isascii():
            about.append("u")
            greek = "α" <= low[0] <= "ώ" or low[0] in "άέή"
            script = "G" if greek else "K" if "а" <= low[0] <= "я" else ""
            about.append("u" + script)
        return Known(low, shape, flags, common, tuple(about))


def near(known: Known) -> tuple[str, ...]:
    """What of a neighbour matters: the word, its end, its sort."""
    return (f"w={known.low}", f"z={known.low[-3:]}", f"s={known.shape}", f"c={known.common}",
            f"g={known.flags}", f"k={known.sort}")  # fmt: skip


def far(known: Known) -> tuple[str, ...]:
    return (f"w={known.low}", f"s={known.shape}", f"g={known.flags}")


_EDGE = Known("", "^", "", "", ())


def joint(words: Sequence[Word], known: Sequence[Known]) -> list[list[str]]:
    """Return for each word the features that depend on more than one word and its distance."""
    padded = [_EDGE, _EDGE, _EDGE, *known, _EDGE, _EDGE, _EDGE]
    sorts = [item.sort for item in padded]
    lows = [item.low for item in padded]
    shapes = [item.shape for item in padded]
    small = "s" if not any(item.shape in ("Xx", "XX", "X", "xX") for item in known) else "c"
    lines = words[-1].line + 1 if words else 0
    firsts: list[str] = [""] * lines
    ends: list[str] = [""] * lines
    for word, item in zip(words, known, strict=True):
        firsts[word.line] = firsts[word.line] or item.sort
        ends[word.line] = item.sort
    block = "1" if lines == 1 else "2" if lines == 2 else "n"
    opening = "".join(item.shape[:1] for item in known[:2])
    asked = (
        "A"
        if any(item.low in ("address", "located", "lives", "addresses") for item in known)
        else ""
    )
    result = []
    label, label_line, line_start = "", -1, 0
    for index, word in enumerate(words):
        at = index + 3
        sort, low, shape = sorts[at], lows[at], shapes[at]
        if index == 0 or word.line != words[index - 1].line:
            line_start = index
        if word.line != label_line:
            label_line, label = word.line, ""
        gap = word.gap
        after = words[index + 1].gap if index + 1 < len(words) else "$"
        ahead = _ahead(words, known, index)
        features = [
            f"-1k0k={sorts[at - 1]}~{sort}",
            f"0k1k={sort}~{sorts[at + 1]}",
            f"-1k0k1k={sorts[at - 1]}~{sort}~{sorts[at + 1]}",
            f"-1w0k={lows[at - 1]}~{sort}",
            f"0k1w={sort}~{lows[at + 1]}",
            f"-1w0s={lows[at - 1]}~{shape}",
            f"0s1w={shape}~{lows[at + 1]}",
            f"-2w-1w0s={lows[at - 2]}~{lows[at - 1]}~{shape}",
            f"0s1w2w={shape}~{lows[at + 1]}~{lows[at + 2]}",
            f"-1w1w={lows[at - 1]}~{shape}~{lows[at + 1]}",
            f"-1w0w={lows[at - 1]}~{low}",
            f"0w1w={low}~{lows[at + 1]}",
            f"-s={shapes[at - 2]}~{shapes[at - 1]}~{shape}~{shapes[at + 1]}~{shapes[at + 2]}",
            f"-2s={shapes[at - 2]}~{shapes[at - 1]}~{shape}",
            f"+2s={shape}~{shapes[at + 1]}~{shapes[at + 2]}",
            f"+3s={shape}~{shapes[at + 1]}~{shapes[at + 2]}~{shapes[at + 3]}",
            f"gap={gap}~{after}",
            f"gaps={gap}~{shape}~{after}",
            f"gapk={gap}~{sort}~{after}",
            f"low={small}~{sort}",
            f"blk={block}~{asked}~{shape}",
            f"blkg={block}~{asked}~{gap}~{shape}~{after}",
            f"open={opening}~{block}~{shape}",
            f"lab={label}~{shape}",
            f"ls={firsts[word.line]}~{min(index - line_start, 3)}~{shape}~{after}",
            f"lo={shapes[line_start + 3]}~{shape}~{shapes[at + 1]}",
            f"ahead={ahead}~{shape}~{shapes[at + 1]}",
            f"aheadk={ahead}~{shapes[at - 1]}~{sort}",
            f"labk={label}~{sort}",
        ]
        if index == line_start:
            features += [f"first={min(word.line, 4)}~{sort}", f"fl={block}~{sort}~{lines}"]
            if word.line:
                features += [f"up={firsts[word.line - 1]}~{sort}", f"uq={shapes[at - 1]}~{shape}"]
        if word.line + 1 < lines:
            features.append(f"down={firsts[word.line + 1]}~{shape}")
            features.append(f"downk={firsts[word.line + 1]}~{sort}")
        else:
            features.append(f"lastline={shape}~{block}")
        if word.line:
            features.append(f"above={ends[word.line - 1]}~{shape}")
        if low == ":" and index and not label:
            label = lows[at - 1]
        result.append(features)
    return result


def _ahead(words: Sequence[Word], known: Sequence[Known], index: int) -> str:
    """What of an address stands in the next words: flats, commas, breaks, countries, codes."""
    seen = ""
    for at in range(index + 1, min(index + 12, len(words))):
        item, mark = known[at], ""
        if item.low in ("apt", "suite"):
            mark = "u"
        elif item.low == "," or words[at].gap == "\n":
            mark = ","
        elif "k" in item.flags:
            mark = "k"
        elif item.low == "nan" or (item.shape == "XX" and len(item.low) < 4):
            mark = "s"
        elif item.shape[0] == "d" and len(words[at].text) == 5 and words[at].gap:
            mark = "z"
        elif words[at].gap == "¶" or item.low in ".?!:" or item.common in "012":
            break
        if mark and mark != seen[-1:]:
            seen += mark
    return seen[:5]
