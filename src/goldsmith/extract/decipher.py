"""What damaged codes stand for: a substitution solved against language and the look of the glyphs.

A text is a row of *symbols*: one for each code of each font in doubt, and fixed ones for characters
that are known. Every symbol gets the character that makes the whole text most probable as language
and its glyph most like that character (`language`, `glyphs`), found by ascent one symbol at a time,
from several starts: names of glyphs (`hints`), their look, what the text layer claims, a constant
shift of its codes, and, where glyphs say nothing, letters by their frequency with swaps (the hill
climbing of Jakobsen 1995, on four letters in a row). Seeds are fixed; ties go to the smaller
number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.glyphs import CHARACTERS, NUMBER
from goldsmith.extract.language import LETTERS, ORDER, case, folded, own_share, tables
from goldsmith.extract.marks import Floats

Integers = NDArray[np.int64]

LONGEST = 12_000  # symbols of a text that are looked at
_GLYPHS = 4.0  # weight of the look of a glyph against one occurrence in the text
_CLAIM = 1.5  # how much more likely a code is right than any other character, as a logarithm
_SHIFT = 5.0  # the same, of a shift that most symbols of the font agree on
_TWICE = 4.0  # cost of a letter that two symbols of a font share
_SPREAD = 2.5  # temperature of the posterior; see docs/decisions/0110
_TRIED = 10  # characters tried for a symbol, by the look of it
_SWEEPS = 8
_STARTS = 10  # of the search without glyphs
_RARE = -8.0  # of signs and letters that look like a much more common one, as a logarithm
_ENOUGH = 2.0  # windows that count in full for a symbol; more are not more evidence
_OPEN = -1  # a symbol whose character is not known

_IN = np.array([folded(c[0]) for c in CHARACTERS], np.int64)
_OUT = np.array([folded(c[-1]) for c in CHARACTERS], np.int64)
_CASE = np.array([case(c[0]) for c in CHARACTERS], np.int64)
_OWN = np.array([own_share(c[0]) for c in CHARACTERS], np.float32)
_ALONE = np.array([len(c) > 1 or c.isalnum() for c in CHARACTERS])


@dataclass(frozen=True)
class Cipher:
    """A text in symbols.

    ``text`` (n,) symbol numbers; ``known`` (s,) the number in CHARACTERS of each symbol that is
    fixed, or -1; ``font`` (s,) and ``code`` (s,) of each symbol; ``looks`` (s, len(CHARACTERS)),
    log-probabilities from the glyphs, zeros where nothing is known; ``names`` are (symbol, number
    in CHARACTERS, weight as a logarithm) of what glyphs are called (`hints`).
    """

    text: Integers
    known: Integers
    font: Integers
    code: Integers
    looks: Floats
    names: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True)
class Solution:
    """Number in CHARACTERS and probability of being right, by symbol; the route by font.

    ``fluency`` has, by font, the mean log-probability of its characters as claimed and as solved.
    """

    character: Integers
    confidence: Floats
    claimed: Floats
    route: dict[int, str]
    fluency: dict[int, tuple[float, float]]


def solve(cipher: Cipher) -> Solution:
    """Find the characters of the open symbols. Deterministic; below a second for a document."""
    puzzle = _Puzzle(cipher)
    looks = cipher.looks.argmax(axis=1)
    claim = np.array([NUMBER.get(_character(code), _OPEN) for code in cipher.code.tolist()])
    starts = [np.where(claim >= 0, claim, looks), looks]
    blind = puzzle.blind()
    if cipher.names:
        called = starts[0].copy()
        for symbol, character, _ in cipher.names:
            called[symbol] = character
        starts.insert(0, called)
    if blind.any():
        starts.append(puzzle.by_frequency(looks, blind))
    best = max((puzzle.ascend(start) for start in starts), key=puzzle.total)
    route = dict.fromkeys(sorted(set(cipher.font[puzzle.open].tolist())), "glyphs")
    for font in route:
        mine = puzzle.open[cipher.font[puzzle.open] == font]
        moved = _common_shift(cipher, puzzle, best, mine)
        if moved:
            shifted = [NUMBER.get(_character(code - moved), _OPEN) for code in cipher.code[mine]]
            for symbol, character in zip(mine.tolist(), shifted, strict=True):
                if character >= 0:
                    puzzle.evidence[symbol, character] += _SHIFT
            route[font] = "shift"
        elif blind[mine].mean() > 0.5:
            route[font] = "substitution"
    if "shift" in route.values():
        best = puzzle.ascend(best)
    confidence, claimed = puzzle.confidence(best, claim)
    fluency = {font: puzzle.fluency(best, claim, font) for font in route}
    return Solution(best, confidence, claimed, route, fluency)


def _character(code: int) -> str:
    return chr(code) if 0 <= code < 0x110000 else ""


def _common_shift(cipher: Cipher, puzzle: _Puzzle, best: Integers, mine: Integers) -> int:
    """The distance between codes and characters that nearly all symbols of a font have; or 0."""
    votes: Counter[int] = Counter()
    for symbol in mine.tolist():
        text = CHARACTERS[best[symbol]]
        if len(text) == 1 and text != " ":
            votes[int(cipher.code[symbol]) - ord(text)] += 1
    if not votes:
        return 0
    moved, agree = min(votes.items(), key=lambda item: (-item[1], abs(item[0])))
    return moved if agree >= 4 and agree >= 0.6 * sum(votes.values()) else 0


@cache
def _usual() -> Floats:
    """How frequent each of LETTERS is."""
    letters, _ = tables()
    return np.asarray(np.exp(letters.astype(np.float32)).mean(axis=(0, 1, 2)), np.float32)


class _Puzzle:
    """The windows of four symbols of a text, and what a choice of characters is worth on them."""

    def __init__(self, cipher: Cipher) -> None:
        self.cipher = cipher
        self.letters, self.cases = tables()
        size = len(cipher.known)
        space = size  # one more symbol: the white before the text
        text = np.concatenate([np.full(ORDER - 1, space), cipher.text[:LONGEST], [space]])
        self.known = np.append(cipher.known, NUMBER[" "])
        windows = np.stack([text[k : len(text) - ORDER + 1 + k] for k in range(ORDER)], axis=1)
        fresh = (self.known[windows] == _OPEN).any(axis=1)
        self.windows, counts = np.unique(windows[fresh], axis=0, return_counts=True)
        self.weight = np.sqrt(counts).astype(np.float32)
        self.open = np.flatnonzero(cipher.known == _OPEN)
        self.occurs = np.bincount(cipher.text[:LONGEST], minlength=size)
        self.places = {
            symbol: np.flatnonzero((self.windows == symbol).any(axis=1))
            for symbol in self.open.tolist()
        }
        self.evidence = np.zeros((size + 1, len(CHARACTERS)), np.float32)
        self.evidence[:size] = np.maximum(cipher.looks, -9.0) * _GLYPHS
        self.evidence[self.open] += np.where(_OWN <= -5.0, _RARE, 0.0)
        for symbol in self.open.tolist():
            claim = NUMBER.get(_character(int(cipher.code[symbol])))
            if claim is not None:
                self.evidence[symbol, claim] += _CLAIM
            if cipher.looks[symbol].min() < -0.01 and cipher.looks[symbol, NUMBER[" "]] < -1.0:
                self.evidence[symbol, NUMBER[" "]] = -1e3  # ink is no space
        for symbol, character, weight in cipher.names:
            self.evidence[symbol, character] += weight

    def blind(self) -> NDArray[np.bool_]:
        """Symbols whose glyph says next to nothing."""
        silent = np.abs(self.cipher.looks).max(axis=1) < 0.01
        return np.asarray(silent & (self.cipher.known == _OPEN), np.bool_)

    def worth(self, mapping: Integers, at: Integers) -> float:
        """Log-probability of the windows at ``at`` when symbols mean ``mapping``."""
        shown = mapping[self.windows[at]]
        out, kind = _OUT[shown], _CASE[shown]
        last = shown[:, 3]
        value = self.letters[out[:, 0], out[:, 1], out[:, 2], _IN[last]].astype(np.float32)
        value += self.cases[kind[:, 1], kind[:, 2], kind[:, 3]] + _OWN[last]
        return float(value @ self.weight[at])

    def full(self, mapping: Integers) -> Integers:
        known = np.where(self.known[:-1] >= 0, self.known[:-1], mapping[: len(self.known) - 1])
        return np.append(known, NUMBER[" "])

    def total(self, mapping: Integers) -> float:
        """What a whole choice is worth."""
        full = self.full(mapping)
        value = self.worth(full, np.arange(len(self.windows)))
        value *= min(1.0, _ENOUGH * len(self.open) / max(float(self.weight.sum()), 1e-6))
        value += float(self.evidence[self.open, full[self.open]].sum())
        fonts = self.cipher.font[self.open].tolist()
        pairs = Counter(zip(fonts, full[self.open].tolist(), strict=True))
        return value - _TWICE * sum(n - 1 for (_, c), n in pairs.items() if _ALONE[c])

    def fluency(self, mapping: Integers, claim: Integers, font: int) -> tuple[float, float]:
        """Mean log-probability of a font's characters, as claimed and as solved."""
        mine = np.append((self.cipher.font == font) & (self.cipher.known == _OPEN), False)
        at = np.flatnonzero(mine[self.windows[:, 3]])
        if not len(at):
            return 0.0, 0.0
        weight = max(float(self.weight[at].sum()), 1e-6)
        claimed = self.full(np.where(claim >= 0, claim, NUMBER["†"]))
        return self.worth(claimed, at) / weight, self.worth(self.full(mapping), at) / weight

    def options(self, symbol: int) -> list[int]:
        order = np.argsort(-self.evidence[symbol], kind="stable")
        best = self.evidence[symbol, order[0]]
        count = _TRIED if best - self.evidence[symbol, order[_TRIED]] > 0.5 else 90
        return [int(c) for c in order[:count]]

    def values(self, full: Integers, symbol: int, options: list[int]) -> NDArray[np.float64]:
        """What each character is worth for a symbol, the others as they are."""
        at = self.places[symbol]
        font = self.cipher.font[symbol]
        others = self.open[(self.cipher.font[self.open] == font) & (self.open != symbol)]
        taken = set(full[others].tolist())
        scale = min(1.0, _ENOUGH / max(float(self.weight[at].sum()) / ORDER, 1e-6))
        tried = np.array(options, np.int64)
        here = self.windows[at]
        shown = np.where(here == symbol, tried[:, None, None], full[here])  # (options, windows, 4)
        value = self.letters[
            _OUT[shown[..., 0]], _OUT[shown[..., 1]], _OUT[shown[..., 2]], _IN[shown[..., 3]]
        ].astype(np.float32)
        kind = _CASE[shown[..., 1:]]
        value += self.cases[kind[..., 0], kind[..., 1], kind[..., 2]] + _OWN[shown[..., 3]]
        twice = [_TWICE if option in taken and _ALONE[option] else 0.0 for option in options]
        result: NDArray[np.float64] = (
            scale * (value @ self.weight[at]).astype(np.float64)
            + self.evidence[symbol, tried].astype(np.float64)
            - np.array(twice)
        )
        return result

    def ascend(self, start: Integers) -> Integers:
        """Improve one symbol after the other until nothing gets better."""
        full = self.full(start)
        order = sorted(self.open.tolist(), key=lambda s: (-self.occurs[s], s))
        dirty = set(order)
        for _ in range(_SWEEPS):
            changed: set[int] = set()
            for symbol in order:
                if symbol not in dirty:
                    continue
                options = self.options(symbol)
                if int(full[symbol]) not in options:
                    options.append(int(full[symbol]))
                values = self.values(full, symbol, options)
                best = options[int(values.argmax())]
                if best != full[symbol]:
                    full[symbol] = best
                    changed.update(np.unique(self.windows[self.places[symbol]]).tolist())
                    changed.add(symbol)
            if not changed:
                break
            dirty = changed
        return full[:-1]

    def by_frequency(self, start: Integers, blind: NDArray[np.bool_]) -> Integers:
        """Letters by frequency for symbols without a look, then swaps as long as they help."""
        usual = _usual()
        order = sorted(np.flatnonzero(blind).tolist(), key=lambda s: (-self.occurs[s], s))
        taken = [NUMBER[c] for c in sorted(LETTERS[1:27], key=lambda c: -usual[folded(c)])]
        full = self.full(start)
        best, most = full, -np.inf
        for seed in range(_STARTS):
            full = full.copy()
            blur = np.random.default_rng(seed).normal(0.0, 3.0 * (seed > 0), len(order))
            ranked = [order[k] for k in np.argsort(np.arange(len(order)) + blur, kind="stable")]
            for symbol, character in zip(ranked, taken, strict=False):
                full[symbol] = character
            self.swap(full, order)
            value = self.worth(full, np.arange(len(self.windows)))
            if value > most + 1e-3:
                best, most = full, value
        return best[:-1]

    def swap(self, full: Integers, order: list[int]) -> None:
        """Exchange the characters of two symbols, in place, as long as that helps."""
        for _ in range(3 * _SWEEPS):
            better = False
            for index, one in enumerate(order):
                for other in order[index + 1 :]:
                    at = np.union1d(self.places[one], self.places[other])
                    before = self.worth(full, at)
                    full[one], full[other] = full[other], full[one]
                    if self.worth(full, at) > before + 1e-3:
                        better = True
                    else:
                        full[one], full[other] = full[other], full[one]
            if not better:
                return

    def confidence(self, mapping: Integers, claim: Integers) -> tuple[Floats, Floats]:
        """Probability of each symbol's character, and of the claimed one; the others stay."""
        full = self.full(mapping)
        result = np.ones(len(mapping), np.float32)
        claimed = np.zeros(len(mapping), np.float32)
        for symbol in self.open.tolist():
            options = self.options(symbol)
            options += [c for c in (int(full[symbol]), int(claim[symbol])) if c >= 0]
            options = list(dict.fromkeys(options))
            values = self.values(full, symbol, options) / _SPREAD
            share = np.exp(values - values.max())
            share /= share.sum()
            result[symbol] = share[options.index(int(full[symbol]))]
            if claim[symbol] >= 0:
                claimed[symbol] = share[options.index(int(claim[symbol]))]
        return result, claimed
