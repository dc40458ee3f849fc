"""What the text of lines shows of itself: patterns, kinds of characters, words, numbers.

The first half of what the line tagger sees (`line_features` is the other): everything that needs no
other line, for all lines of a document at once, by Arrow's regular expressions and numpy over the
document's characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

BUCKETS = 4096  # that words are hashed to
WORDS = 12  # of a line that are looked at: the first eight and the last four
TAIL = 4
ROMAN = 100_000  # what Roman numbers count from, so that they never meet others
LETTERS = 200_000  # what single letters count from

_PATTERNS = (
    r"^\W{0,3}\d(?: ?\d){0,4}\W{0,3}$",
    r"(?i)^\W{0,3}[ivxl]{1,7}\W{0,3}$",
    r"(?i)\b(page|p\.)\s*\d+\b|^\W*\d+\s*(of|/)\s*\d+\W*$|\bpage \d+ of \d+",
    r"\b(1[89]|20)\d\d[a-z]?\b",
    r"\((1[89]|20)\d\d[a-z]?\)",
    r"(?i)https?:|www\.|doi[:. /]|10\.\d{4}/",
    r"\S@\S+\.\w|(?i)e-?mail",
    r"(?i)©|\(c\) ?(19|20)\d\d|copyright|creative commons|licen[sc]e|all rights reserved",
    r"(?i)\bvol(ume|\.)|\bno\.|\bissue\b|\bissn\b|\barxiv:|\bpreprint\b|\bproceedings\b|\bjournal\b",
    r"(?i)\bpp?\.? ?\d+|\d+ ?[-–—] ?\d+|:\d+[-–]\d+",
    r"\bet al\b|\bEt Al\b|\bET AL\b",
    r"(?i)^.{0,4}(received|accepted|published|revised|submitted|available online)\b",
    r"(?i)correspond|present address|to whom|contributed equally|supported by|grant|funded",
    r"(?i)universit|institut|department|laborator|hospital|faculty|school of",
    r"(?i)^\W{0,2}(fig(ure|\.)|table|scheme|supplementary (fig|tab))",
    r"^\W{0,2}\[\w{1,8}\]|^\[[A-Z]\w+\+?\d\d",
    r"^\d{1,3}\.\s",
    r"^\d{1,3}\s+\pL",
    r"^[*†‡§¶#∗⁎]|^[a-z] ?\pL?[A-Z]",
    r"\b\p{Lu}\.[ ,-]|\b\p{Lu}\.?,|\b\p{Lu}{1,2},",
    r"^\p{Lu}[\pL'’-]+,? (\p{Lu}\.|\p{Lu}{1,3}\b)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(references|bibliography|literature cited|works cited|"
    r"references and notes|reference list|cited literature|literatur|notes and references)\W*$",
    r"(?i)^\W{0,2}(appendix|appendices|annex|supplement|supporting information|additional file|"
    r"figure legends?|author contribution|authors? contribution|competing interest|"
    r"conflicts? of interest|tables?$|figures?$)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(acknowledge?ment|funding|data availab|abbreviation)",
    r"(?i)^\W{0,3}([\dIVX]+\.?\s+)?(introduction|methods?|results?|discussion|conclusions?|"
    r"background|materials? and methods|abstract|summary|keywords?)\b",
    r"(?i)\b(in|eds?\.|press|publ|springer|elsevier|wiley|thesis|proc\.|conf\.|lett\.|phys\.|"
    r"trans\.|rev\.|sci\.|biol\.|chem\.|med\.|nat\.|acad\.)(\W|$)",
    r"(?i)\b(january|february|march|april|may|june|july|august|september|october|november|"
    r"december|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\b",
    r"[.!?]\W{0,2}$",
    r"[-\x{2010}\x{ad}]$",
    r"[,;:]$",
    r"^\p{Ll}",
    r"^\p{Lu}",
    r"(?i)downloaded|author manuscript|page number not for|for personal use|nih-pa|peer review",
)
BARE = (
    r"^\W{0,3}(?:[A-Za-z]-?|\d{4,8}[-–]|(?i:page) )?(?P<n>\d(?: ?\d){0,4})"
    r"\W{0,3}(?:(?:of|/) ?(?:[A-Z]-)?\d{1,4}\W{0,3})?$"
)
LEAD = r"^\W{0,3}(?:(?i)page |p\. ?)?(?P<n>\d{1,5})(?:[^\w.]|\. |$)"
TRAIL = r"(?:^|[^\w.])(?P<n>\d{1,5})\W{0,3}$"
ENTRY = r"^\W{0,2}(?P<n>\d{1,3})[\]\.)]?(?:\s|$|\pL)"
_ROMAN = re.compile(r"^\W*([ivxl]{1,7}|[IVXL]{1,7})\W*$")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50}


class Characters(NamedTuple):
    shares: Floats  # [lines, 12]
    length: Integers  # characters of each line
    key: Hashes  # of the letters of the line, in lower case
    short: Hashes  # of its first twelve letters
    whole: Hashes  # of all but spaces, in lower case, each number as one digit
    hashes: Hashes  # of words, [lines, WORDS], 0 for none
    words: NDArray[np.int32]  # the buckets of these, 0 for none


@cache
def _classes() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Class of each character of the first plane, and its lower case; digits become "0"."""
    classes = np.zeros(65536, np.uint8)
    lower = np.arange(65536, dtype=np.uint32)
    for code in range(65536):
        character = chr(code)
        if character.isspace():
            classes[code] = 1
        elif character.isdecimal():
            classes[code] = 2
            lower[code] = 48
        elif character.isalpha():
            small = character.lower()
            lower[code] = ord(small[0])
            classes[code] = 4 if character.isupper() else 3
        elif character in ".,;:":
            classes[code] = 5
        elif character in "()[]":
            classes[code] = 6
        else:
            classes[code] = 7
    return classes, lower


def _powers(count: int) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        steps = np.full(max(count, 1), np.uint64(0x100000001B3), np.uint64)
        steps[0] = 1
        return np.cumprod(steps)


def match_patterns(texts: pa.Array) -> Flags:
    """Return which patterns each line holds, [lines, patterns]."""
    found = [pc.match_substring_regex(texts, pattern) for pattern in _PATTERNS]
    return np.stack([np.asarray(f.to_numpy(zero_copy_only=False), np.bool_) for f in found], axis=1)


def read_characters(texts: Sequence[str]) -> Characters:
    """Counts of kinds of characters, and hashes of each line's letters and words."""
    joined = "\n".join(text.replace("\n", " ") for text in texts) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    table, lowered = _classes()
    codes = np.where(codes < 65536, codes, 0xFFFD)
    kinds, lower = table[codes], lowered[codes].astype(np.uint64)
    ends = np.flatnonzero(codes == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    length = ends - starts
    owner = np.repeat(np.arange(len(ends)), length + 1)
    sums = np.zeros((len(ends), 8), np.float32)
    for kind in range(1, 8):
        total = np.concatenate([[0], np.cumsum(kinds == kind)])
        sums[:, kind] = total[ends] - total[starts]
    sums[:, 1] = np.maximum(sums[:, 1], 0)
    size = np.maximum(length, 1)[:, None]
    shares = np.concatenate(
        [
            sums[:, 2:3] / size,
            sums[:, 4:5] / size,
            sums[:, 5:6] / size,
            np.minimum(length, 160)[:, None] / 80.0,
            sums[:, 3:4] / size,
            sums[:, 6:8] / size,
            np.log1p(sums[:, 1:3]),
            (length < 6)[:, None],
            (length < 25)[:, None],
            sums[:, 4:5] > 0.6 * np.maximum(sums[:, 3:4] + sums[:, 4:5], 1),
        ],
        axis=1,
    ).astype(np.float32)
    letters = np.flatnonzero((kinds == 3) | (kinds == 4))
    of = owner[letters]
    first = np.searchsorted(of, np.arange(len(ends)))
    last = np.searchsorted(of, np.arange(len(ends)), "right")
    at = np.arange(len(letters)) - first[of]
    powers = _powers(int(at.max(initial=0)) + 1)
    with np.errstate(over="ignore"):
        terms = lower[letters] * powers[at]
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        key = total[last] - total[first]
        short = total[np.minimum(first + 12, last)] - total[first]
    lone = last - first < 3  # nothing to recognise: each line its own
    key = np.where(lone, np.arange(len(ends)).astype(np.uint64), key)
    short = np.where(lone, np.arange(len(ends)).astype(np.uint64), short)
    hashes = _words(kinds, lower, owner, len(ends))
    buckets = (hashes >> np.uint64(40)) % np.uint64(BUCKETS - 1) + np.uint64(1)
    words = np.where(hashes > 0, buckets, np.uint64(0)).astype(np.int32)
    return Characters(shares, length, key, short, _wholes(kinds, lower, owner), hashes, words)


def _wholes(kinds: NDArray[np.uint8], lower: Hashes, owner: Integers) -> Hashes:
    """A hash of each line without its spaces, every run of digits as one."""
    digit = kinds == 2
    kept = np.flatnonzero((kinds != 1) & ~(digit & np.append([False], digit[:-1])))
    of = owner[kept]
    starts = np.searchsorted(of, np.arange(owner[-1] + 2))
    powers = _powers(len(kept))
    at = np.arange(len(kept)) - starts[of]
    with np.errstate(over="ignore"):
        total = np.append(np.uint64(0), np.cumsum((lower[kept] + np.uint64(7)) * powers[at]))
        return np.asarray(total[starts[1:]] - total[starts[:-1]], np.uint64)


def _words(kinds: NDArray[np.uint8], lower: Hashes, owner: Integers, count: int) -> Hashes:
    """Hashes of each line's first eight and last four words."""
    inside = (kinds >= 2) & (kinds <= 4)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.view(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    words = np.zeros((count, WORDS), np.uint64)
    if not len(starts):
        return words
    flat = np.flatnonzero(inside)
    sizes = ends - starts
    at = np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    with np.errstate(over="ignore"):
        terms = (lower[flat] + np.uint64(7)) * _powers(int(at.max()) + 1)[at]
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        upto = np.cumsum(sizes)
        hashed = (total[upto] - total[upto - sizes]) * np.uint64(0x9E3779B97F4A7C15)
    hashed |= np.uint64(1)
    of = owner[starts]
    first = np.searchsorted(of, np.arange(count))
    last = np.searchsorted(of, np.arange(count), "right")
    rank, back = np.arange(len(of)) - first[of], last[of] - 1 - np.arange(len(of))
    head = rank < WORDS - TAIL
    words[of[head], rank[head]] = hashed[head]
    tail = ~head & (back < TAIL)
    words[of[tail], WORDS - 1 - back[tail]] = hashed[tail]
    return words


def number_of(texts: pa.Array, pattern: str) -> Integers:
    """The number that the pattern finds in each line, -1 for none."""
    found = pc.extract_regex(texts, pattern)
    digits = pc.replace_substring(pc.struct_field(found, "n"), " ", "")
    values = pc.cast(digits, pa.int64())
    return np.array(pc.fill_null(values, -1).to_numpy(zero_copy_only=False), np.int64)


def roman_number(text: str) -> int:
    """The value of a short Roman number that stands alone on its line, above ROMAN; -1 for none."""
    found = _ROMAN.match(text) if len(text) < 12 else None
    if found is None:
        return -1
    total = ROMAN
    values = [_VALUES[letter] for letter in found.group(1).lower()]
    for value, after in zip(values, [*values[1:], 0], strict=True):
        total += -value if value < after else value
    return total
