"""What other extractions of the same page say of a text: what is lost, what is out of order.

Pure comparison of strings, no model: `similarity` is the normalised indel similarity (twice the
longest common subsequence over both lengths; Hyyrö's bit-parallel algorithm on Python's long
integers), `coverage` compares bags of words, `in_order` follows shared word pairs through both
texts. `pairs` and `features` put them together for a text against all others, which
`goldsmith.refine.quality` turns into calibrated scores.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_MARKUP = re.compile(r"<[^<>\n]{0,200}>|!\[[^\]\n]*\]\([^)\n]*\)|[#*_`|]+")
_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")
_WORD = re.compile(r"\w+")
_FORMULA = re.compile(r"\$|\\\w+|\^")
_STOP = re.compile(r"[.!?](?=\s|$)")
_HYPHEN = re.compile(r"\w- \w")
_LONGEST = 20_000  # characters compared; a page has a few thousand


def flattened(text: str) -> str:
    """Return a text without markup, its white space single."""
    return " ".join(_MARKUP.sub(" ", text).split())[:_LONGEST]


def marked(text: str) -> str:
    """Return a text with its tables as HTML, white space single: a table read as prose differs."""
    lines = text.split("\n")
    if "|" not in text:
        return " ".join(text.split())[:_LONGEST]
    made: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        row = line.strip()
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if not inside and row.count("|") and "-" in after and _RULE.fullmatch(after):
            inside = True
            made.append("<table>")
        elif inside and "|" not in row:
            inside = False
            made.append("</table>")
        if not inside:
            made.append(line)
        elif not _RULE.fullmatch(row):
            cells = row.removeprefix("|").removesuffix("|").split("|")
            made.append("<tr> " + " ".join(f"<td> {cell} </td>" for cell in cells) + " </tr>")
    if inside:
        made.append("</table>")
    return " ".join(" ".join(made).split())[:_LONGEST]


def common_subsequence(first: str, second: str) -> int:
    """Return the length of the longest common subsequence of characters (Hyyrö 2004)."""
    if len(first) > len(second):
        first, second = second, first
    places: dict[str, int] = {}
    for index, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << index
    everything = (1 << len(first)) - 1
    open_ = everything
    for character in second:
        if matches := places.get(character):
            step = open_ & matches
            open_ = (open_ + step | open_ - step) & everything
    return len(first) - open_.bit_count()


def similarity(first: str, second: str) -> float:
    """Return 0 (nothing in common) to 1 (equal); 1 for two empty texts."""
    size = len(first) + len(second)
    return 2.0 * common_subsequence(first, second) / size if size else 1.0


def coverage(first: Sequence[str], second: Sequence[str]) -> tuple[float, float]:
    """Return the shares of the characters of each list's words that the other has too."""
    ours, theirs = Counter(first), Counter(second)
    shared = sum(min(n, theirs[w]) * len(w) for w, n in ours.items() if w in theirs)
    own, other = (sum(n * len(w) for w, n in bag.items()) for bag in (ours, theirs))
    return shared / own if own else 1.0, shared / other if other else 1.0


def in_order(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of word pairs, unique in both texts, that stand in the same order.

    The longest increasing subsequence of their places; 1 with fewer than two of them.
    """
    ours, theirs = _unique_pairs(first), _unique_pairs(second)
    places = [theirs[pair] for pair in ours if pair in theirs]
    if len(places) < 2:
        return 1.0
    tails: list[int] = []
    for place in places:
        at = bisect_left(tails, place)
        tails[at : at + 1] = [place]
    return len(tails) / len(places)


def turns(first: Sequence[str], second: Sequence[str]) -> float:
    """Return how often the second text jumps while the first goes on, per shared word pair."""
    ours, theirs = _unique_pairs(first), _unique_pairs(second)
    places = [theirs[pair] for pair in ours if pair in theirs]
    jumps = sum(not 0 < after - before <= 12 for before, after in pairwise(places))
    return jumps / max(len(places) - 1, 1)


def _unique_pairs(words: Sequence[str]) -> dict[tuple[str, str], int]:
    """Place of each pair of neighbours that occurs once."""
    found: dict[tuple[str, str], int] = {}
    again = set()
    for place, pair in enumerate(pairwise(words)):
        if pair in found:
            again.add(pair)
        found[pair] = place
    return {pair: place for pair, place in found.items() if pair not in again}


def words_in(text: str) -> list[str]:
    """Return the words of a text, lower case, that `coverage` and `in_order` compare."""
    return _WORD.findall(text.lower())


#: What `pairs` gives for two texts, in order: similarity of the marked texts, of the flat ones,
#: share of the first in the second, of the second in the first, order, jumps read from the first
#: and from the second, log ratio of the flat lengths and of the marked lengths.
PAIR = 9
_SWAPPED = np.array([0, 1, 3, 2, 4, 6, 5, 7, 8])


def pairs(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return (n, n, PAIR): each text against each other; a text and itself agree in all."""
    flat = [flattened(text) for text in texts]
    full = [marked(text) for text in texts]
    words = [words_in(text) for text in flat]
    found = np.zeros((len(texts), len(texts), PAIR))
    found[..., :5] = 1.0
    for a in range(len(texts)):
        for b in range(a + 1, len(texts)):
            own, other = coverage(words[a], words[b])
            found[a, b] = (
                similarity(full[a], full[b]),
                similarity(flat[a], flat[b]),
                own,
                other,
                in_order(words[a], words[b]),
                turns(words[a], words[b]),
                turns(words[b], words[a]),
                np.log((len(flat[a]) + 20) / (len(flat[b]) + 20)),
                np.log((len(full[a]) + 20) / (len(full[b]) + 20)),
            )
            found[b, a] = found[a, b, _SWAPPED]
            found[b, a, 7:] *= -1.0
    return found


def page_features(text: str) -> NDArray[np.float64]:
    """Return (12,) shares that tell kinds of pages apart: digits, signs, formulas, tables, ..."""
    flat, full = flattened(text), marked(text)
    visible = len(flat) + 20
    words = flat.split()
    several = len(words) + 1
    return np.array(
        [
            sum(map(str.isdigit, flat)) / visible,
            sum(not c.isalnum() and c != " " for c in flat) / visible,
            sum(map(len, words)) / several,
            len(_FORMULA.findall(full)) / visible,
            full.count("<td>") / visible * 10,
            np.log(visible),
            sum(len(word) <= 2 for word in words) / several,
            len(_STOP.findall(flat)) / several,
            full.count("- ") / visible * 10,
            sum(map(str.isupper, flat)) / visible,
            len(_HYPHEN.findall(flat)) / visible * 50,
            full.count("![") / visible * 50,
        ]
    )


def features(
    pairs: NDArray[np.float64], pages: NDArray[np.float64], subject: int, others: Sequence[int]
) -> NDArray[np.float64]:
    """Return (AGREEMENT + 24,): what the others say of the subject, and what kind of page it is.

    ``pairs`` and ``pages`` (n, 12) are those of all texts. The others count the more, the more they
    agree with each other, and two that are all but equal count as one witness.
    """
    rest = list(others)
    rows = pairs[subject, rest]
    marked_among, flat_among = (pairs[np.ix_(rest, rest)][..., which] for which in (0, 1))
    mean, central = _weighed(rows, marked_among, 6.0, None)
    strict, _ = _weighed(rows, marked_among, 12.0, 0.95)
    flat, flat_central = _weighed(rows, flat_among, 6.0, None)
    same = rows[:, 0]
    agreement = [
        *map(_gap, (mean[0], strict[0], flat[1], same.max(), float(np.median(same)), same.min())),
        *map(_gap, (mean[2], mean[3], mean[4])),
        *(mean[5], mean[6], mean[7], abs(mean[7]), mean[8], abs(mean[8])),
        *map(_gap, (central.mean(), central.max(), flat_central.mean())),
    ]
    middle = np.median(pages[rest], axis=0)
    return np.concatenate([agreement, middle, pages[subject] - middle])


AGREEMENT = 18  # the features of `features` that speak of agreement; the rest, of the page


def _gap(value: float) -> float:
    """A similarity on the scale on which its error is even: log of what is missing."""
    return float(np.log(min(max(1.0 - value, 0.0), 1.0) + 0.02))


def _weighed(
    rows: NDArray[np.float64], among: NDArray[np.float64], heat: float, equal: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of rows by how central each witness is among the others, and that centrality."""
    size = len(rows)
    if size == 1:
        return rows[0], np.ones(1)
    witness = np.ones(size)
    if equal is not None:
        witness = 1.0 / np.clip((among - equal) / (1.0 - equal), 0.0, 1.0).sum(axis=1)
    weights = (1.0 - np.eye(size)) * witness
    central = (among * weights).sum(axis=1) / weights.sum(axis=1)
    trust = witness * np.exp(heat * (central - central.max()))
    mean: NDArray[np.float64] = trust / trust.sum() @ rows
    return mean, central
