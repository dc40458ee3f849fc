"""Does a stated confidence mean what it says? Reliability tables and calibration errors.

What is *told* is (stated probability, share right, weight). The error is the expected calibration
error: the mean distance between what was stated and what was right, over ten bins of equal width
(Naeini, Cooper and Hauskrecht 2015).
"""

from __future__ import annotations

from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from goldsmith.extract.reading import Reading

Told = list[tuple[float, float, float]]

BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FINE = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
ROUTES = ("shift", "names", "glyphs", "substitution")


def error(told: Told) -> float:
    """Expected calibration error, 0 to 1."""
    total = sum(weight for *_, weight in told)
    return sum(abs(stated - right) * n for _, stated, right, n in rows(told, BINS)) / max(total, 1)


def table(told: Told) -> dict[str, list[float]]:
    """By bin of the stated probability: its mean, the share right, and the weight."""
    return {
        name: [round(stated, 3), round(right, 3), round(n)]
        for name, stated, right, n in rows(told, _FINE)
    }


def rows(told: Told, edges: tuple[float, ...]) -> list[tuple[str, float, float, float]]:
    """Name, mean stated, mean right, and weight of each bin that is not empty."""
    found = []
    for low, high in pairwise(edges):
        mine = [t for t in told if low <= t[0] < high or (high == 1.0 and t[0] >= 1.0)]
        n = sum(weight for *_, weight in mine)
        if n:
            stated = sum(s * weight for s, _, weight in mine) / n
            right = sum(r * weight for _, r, weight in mine) / n
            found.append((f"{low}-{high}", stated, right, n))
    return found


def told_by_lines(before: Reading, after: Reading) -> Told:
    """The confidence of deciphered lines, and how alike they are to the lines of the sound file."""
    truth = {(line.page, line.box): line.text for line in before.lines}
    told = []
    for line in after.lines:
        text = truth.get((line.page, line.box))
        if text and line.engine in ROUTES:
            right = 1 - Levenshtein.distance(text, line.text) / max(len(text), len(line.text))
            told.append((line.confidence, right, 1.0))
    return told
