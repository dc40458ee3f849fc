"""The heuristics of Gopher and C4 as scores, for many documents at once.

Rae et al. 2021 (arXiv 2112.11446, tables A1 and A2) and Raffel et al. 2020 (C4), with the limits
and the reading of datatrove's `GopherQualityFilter`, `GopherRepetitionFilter`, `C4QualityFilter`
and `C4ParagraphFilter`, whose reasons are the names of RULES. `Heuristics.scores` gives every
value, not only the first that fails, so that a limit can be moved later; `first_reason` says what
such a filter would say. Repetition is counted over hashes of all runs of words in numpy: a run is
equal to another if a 64-bit polynomial over its characters is (one false match in 10^11 documents).
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldsmith.refine.tokens import split_chunk

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Rule(NamedTuple):
    """One limit: a document breaks it when the score lies beyond."""

    filter: str
    reason: str
    score: str
    beyond: str  # "<" or ">"
    limit: float


TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)

#: Limits as published, in the order in which the filters ask.
RULES: tuple[Rule, ...] = (
    Rule("gopher repetition", "dup_para_frac", "duplicate_paragraphs", ">", 0.3),
    Rule("gopher repetition", "dup_para_char_frac", "duplicate_paragraph_characters", ">", 0.2),
    Rule("gopher repetition", "dup_line_frac", "duplicate_lines", ">", 0.3),
    Rule("gopher repetition", "dup_line_char_frac", "duplicate_line_characters", ">", 0.2),
    *(
        Rule("gopher repetition", f"top_{n}_gram", f"top_{n}_gram", ">", limit)
        for n, limit in zip(TOP, (0.2, 0.18, 0.16), strict=True)
    ),
    *(
        Rule("gopher repetition", f"duplicated_{n}_n_grams", f"duplicate_{n}_grams", ">", limit)
        for n, limit in zip(REPEATED, (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
    ),
    Rule("gopher quality", "gopher_short_doc", "words", "<", 50),
    Rule("gopher quality", "gopher_long_doc", "words", ">", 100_000),
    Rule("gopher quality", "gopher_below_avg_threshold", "mean_word_length", "<", 3),
    Rule("gopher quality", "gopher_above_avg_threshold", "mean_word_length", ">", 10),
    Rule("gopher quality", "gopher_too_many_hashes", "hashes_per_word", ">", 0.1),
    Rule("gopher quality", "gopher_too_many_ellipsis", "ellipses_per_word", ">", 0.1),
    Rule("gopher quality", "gopher_too_many_bullets", "bullet_lines", ">", 0.9),
    Rule("gopher quality", "gopher_too_many_end_ellipsis", "ellipsis_lines", ">", 0.3),
    Rule("gopher quality", "gopher_below_alpha_threshold", "alphabetic_words", "<", 0.8),
    Rule("gopher quality", "gopher_enough_stop_words", "stop_words", "<", 2),
    Rule("c4", "lorem_ipsum", "lorem_ipsum", ">", 0),
    Rule("c4", "curly_bracket", "curly_bracket", ">", 0),
    Rule("c4", "too_few_sentences", "sentences", "<", 5),
    Rule("c4 paragraphs", "< 3 paragraphs", "third_paragraph", "<", 200),
)
FILTERS = ("gopher repetition", "gopher quality", "c4", "c4 paragraphs")

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_LINE_ENDS = (".", "?", "!", '"', "'")
_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")
#: What the peer counts as a sign, beside sentence ends of any script and control characters.
_SIGNS = frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
)
_CLASS_WORD, _CLASS_SIGN, _CLASS_END = 0, 1, 2

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 2**64)
_MASK = 2**64 - 1
_MOST_CHUNKS = 1_000_000  # remembered; then all are forgotten


class Heuristics:
    """Scores documents; keeps the words it has seen, so that a second document costs less."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._chunks: dict[str, int] = {}  # text without white space -> number
        self._first = array("q")  # of a chunk's tokens, in _members
        self._count = array("q")
        self._members = array("q")  # numbers of tokens
        self._tokens: dict[str, int] = {}
        self._length = array("q")  # of a token, in characters
        self._kind = array("b")  # _CLASS_*
        self._flags = array("q")  # 1 sign only, 2 has a letter, 4 << n the n-th stop word
        self._hash = array("Q")
        self._powers = np.ones(1, np.uint64)
        self._inverses = np.ones(1, np.uint64)

    def scores(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return each score of RULES for each text: arrays (n,).

        Ratios are shares or per-word counts as the filters define them; a text without any word
        or line gets 0 where a ratio has no meaning.
        """
        if len(self._chunks) > _MOST_CHUNKS:
            self._forget()
        parts = [_read_lines(text) for text in texts]
        words = [word for part in parts for word in part.words]
        tokens, of_chunk = self._tokenised(words)
        per_document = np.array([len(part.words) for part in parts], np.int64)
        document = np.repeat(np.arange(len(texts)), per_document)[of_chunk]
        counts = np.bincount(document, minlength=len(texts))
        characters = np.array([max(len(text), 1) for text in texts], np.float64)
        found = {name: np.array([part.values[name] for part in parts]) for name in _BY_LINES}
        found |= self._word_scores(texts, tokens, document, counts)
        found |= self._repetition(tokens, document, counts, characters)
        found["sentences"] = self._sentences(parts, tokens, of_chunk, document)
        return found

    def _tokenised(self, words: Sequence[str]) -> tuple[Whole, Whole]:
        """Return the tokens of all words, and for each the place of its word."""
        numbers = list(map(self._chunks.get, words))
        if None in numbers:
            for place, number in enumerate(numbers):
                if number is None:
                    numbers[place] = self._learn(words[place])
        chunk = np.array(numbers, np.int64)
        counts = np.frombuffer(self._count, np.int64)[chunk] if len(chunk) else chunk
        if not len(chunk):
            return chunk, chunk
        place = np.repeat(np.arange(len(chunk)), counts)
        within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = np.frombuffer(self._first, np.int64)[chunk]
        return np.frombuffer(self._members, np.int64)[first[place] + within], place

    def _learn(self, chunk: str) -> int:
        known = self._chunks.get(chunk)
        if known is not None:
            return known
        tokens = split_chunk(chunk)
        self._first.append(len(self._members))
        self._count.append(len(tokens))
        for token in tokens:
            number = self._tokens.get(token)
            if number is None:
                number = self._tokens[token] = len(self._tokens)
                self._length.append(len(token))
                self._kind.append(_kind(token))
                self._flags.append(_flags(token))
                self._hash.append(_polynomial(token))
            self._members.append(number)
        self._chunks[chunk] = len(self._chunks)
        return self._chunks[chunk]

    def _word_scores(
        self, texts: Sequence[str], tokens: Whole, document: Whole, counts: Whole
    ) -> dict[str, Floats]:
        n = len(texts)
        flags, lengths = self._of(self._flags, tokens), self._of(self._length, tokens)
        real = (flags & 1) == 0
        words = np.bincount(document, real, n)
        total = np.bincount(document, lengths * real, n)
        every = np.maximum(counts, 1)
        stops = np.zeros(n)
        for which in range(len(_STOP_WORDS)):
            stops += np.bincount(document, (flags & (4 << which)) > 0, n) > 0
        hashes = np.array([text.count("#") for text in texts], np.float64)
        dots = np.array([text.count("...") + text.count("…") for text in texts], np.float64)
        return {
            "words": words,
            "mean_word_length": total / np.maximum(words, 1),
            "hashes_per_word": hashes / every,
            "ellipses_per_word": dots / every,
            "alphabetic_words": np.bincount(document, (flags & 2) > 0, n) / every,
            "stop_words": stops,
        }

    def _repetition(
        self, tokens: Whole, document: Whole, counts: Whole, characters: Floats
    ) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        lengths = self._of(self._length, tokens)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        salt = document.astype(np.uint64) * np.uint64(0xD1342543DE82EF95)
        mixed = (tokens.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        run, power = mixed.copy(), 1
        for n in range(2, max(TOP) + 1):
            power = power * _BASE & _MASK
            run = run[: len(run) - 1] + mixed[n - 1 :] * np.uint64(power)
            inside = _inside(document, n)
            sizes = ends[inside + n] - ends[inside] + (n - 1)
            top = _top_run(run[inside] + salt[inside], document[inside], sizes, len(counts))
            found[f"top_{n}_gram"] = top / characters
        starts = np.cumsum(counts) - counts
        offsets = ends[:-1] - np.repeat(ends[starts], counts)  # characters before, in its document
        sums = self._prefix_sums(tokens, offsets)
        asked = np.ones(len(counts), bool)
        for n in REPEATED:
            inside = _inside(document, n)
            inside = inside[asked[document[inside]]]
            hashes = (sums[inside + n] - sums[inside]) * self._inverses[offsets[inside]]
            sizes = ends[inside + n] - ends[inside]
            doubled = _doubled(hashes + salt[inside], inside, document[inside], sizes, n)
            amounts = np.zeros(len(counts))
            for where, amount in doubled.items():
                amounts[where] = amount
            found[f"duplicate_{n}_grams"] = amounts / characters
            asked &= amounts > 0  # no shorter run twice, no longer one
        return found

    def _prefix_sums(self, tokens: Whole, offsets: Whole) -> Hashes:
        """Sums of token polynomials, each shifted to its place: differences hash any run."""
        longest = int(offsets.max(initial=0)) + 1
        if longest > len(self._powers):
            self._powers, self._inverses = (
                np.cumprod(np.r_[np.uint64(1), np.full(2 * longest, base, np.uint64)])
                for base in (np.uint64(_BASE), np.uint64(_INVERSE))
            )
        hashes = self._of(self._hash, tokens) * self._powers[offsets]
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes)])

    def _sentences(
        self, parts: Sequence[_Part], tokens: Whole, of_chunk: Whole, document: Whole
    ) -> Floats:
        """Count sentences in kept lines: a new one begins at a word after an end mark."""
        line = np.repeat(
            np.arange(sum(len(part.lines) for part in parts)),
            [size for part in parts for size in part.lines],
        )[of_chunk]
        kept = np.array([one for part in parts for one in part.kept], bool)
        kinds = self._of(self._kind, tokens)
        telling = np.flatnonzero(kinds != _CLASS_SIGN)
        kinds, at = kinds[telling], line[telling]
        begins = (kinds[1:] == _CLASS_WORD) & (kinds[:-1] == _CLASS_END) & (at[1:] == at[:-1])
        begins &= kept[at[1:]]
        total = np.bincount(document[telling][1:][begins], minlength=len(parts)).astype(float)
        total += [sum(part.kept) for part in parts]
        for number, part in enumerate(parts):
            total[number] += sum(self._sentences_of(text) for text in part.rewritten)
        return total

    def _sentences_of(self, text: str) -> int:
        tokens, _ = self._tokenised(text.split())
        kinds = self._of(self._kind, tokens)
        kinds = kinds[kinds != _CLASS_SIGN]
        begins = (kinds[1:] == _CLASS_WORD) & (kinds[:-1] == _CLASS_END)
        return int(begins.sum()) + bool(len(tokens))

    @staticmethod
    def _of(column: array[int], tokens: Whole) -> NDArray[np.generic]:
        kinds = {"q": np.int64, "b": np.int8, "Q": np.uint64}
        if not len(tokens):
            return np.zeros(0, kinds[column.typecode])
        return np.frombuffer(column, kinds[column.typecode])[tokens]


def first_reason(scores: Mapping[str, float], name: str) -> str | None:
    """Return why a filter of FILTERS would drop a document with these scores; None if it keeps."""
    for rule in RULES:
        if rule.filter == name:
            value = scores[rule.score]
            if value < rule.limit if rule.beyond == "<" else value > rule.limit:
                return rule.reason
    return None


class _Part(NamedTuple):
    """What the lines of one document say."""

    words: list[str]
    lines: list[int]  # words in each line
    kept: list[bool]  # whether C4 keeps the line as it is
    rewritten: list[str]  # lines it keeps after taking citation marks out
    values: dict[str, float]


_BY_LINES = (
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "duplicate_lines",
    "duplicate_line_characters",
    "bullet_lines",
    "ellipsis_lines",
    "lorem_ipsum",
    "curly_bracket",
    "third_paragraph",
)


def _read_lines(text: str) -> _Part:
    lines = text.splitlines()
    part = _Part([], [], [], [], dict.fromkeys(_BY_LINES, 0.0))
    values, size = part.values, max(len(text), 1)
    for name, pieces in (
        ("paragraph", _PARAGRAPHS.split(text.strip()) if "\n\n" in text else None),
        ("line", _LINES.split(text) if "\n" in text else None),
    ):
        if pieces is not None and len(set(pieces)) < len(pieces):
            again = _again(pieces)
            values[f"duplicate_{name}s"] = len(again) / len(pieces)
            values[f"duplicate_{name}_characters"] = sum(map(len, again)) / size
    if lines:
        if "•" in text or "-" in text:
            bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
            values["bullet_lines"] = bullets / len(lines)
        if "..." in text or "…" in text:
            dots = sum(line.rstrip().endswith(("...", "…")) for line in lines)
            values["ellipsis_lines"] = dots / len(lines)
    lengths = sorted(map(len, text.split("\n")), reverse=True)
    values["third_paragraph"] = lengths[2] if len(lengths) > 2 else 0.0
    lower = text.lower()
    script = "javascript" in lower
    policy = any(phrase in lower for phrase in _POLICY)
    stop = "lorem ipsum" in lower or "{" in text
    over = False
    for line in lines:
        words = line.split()
        part.words.extend(words)
        part.lines.append(len(words))
        whole = line.strip()
        changed = False
        if over or (len(whole) > 1000 and any(len(word) > 1000 for word in words)):
            part.kept.append(False)
            continue
        if "[" in whole:
            whole, marks = _CITATION.subn("", whole)
            changed = marks > 0
        keep = whole.endswith(_LINE_ENDS) and not whole.endswith("...") and len(words) >= 3
        if keep and (script or policy or stop):
            low = whole.lower()
            if "lorem ipsum" in low:
                values["lorem_ipsum"], keep, over = 1.0, False, True
            elif "javascript" in low:
                keep = False
            elif "{" in whole:
                values["curly_bracket"], keep, over = 1.0, False, True
            elif policy and any(phrase in low for phrase in _POLICY):
                keep = False
        part.kept.append(keep and not changed)
        if keep and changed:
            part.rewritten.append(whole)
    return part


def _again(pieces: Sequence[str]) -> list[str]:
    """The pieces that stand before already."""
    seen: set[str] = set()
    again = []
    for piece in pieces:
        if piece in seen:
            again.append(piece)
        seen.add(piece)
    return again


def _inside(document: Whole, n: int) -> Whole:
    """The places where a run of n tokens of one document begins."""
    last = len(document) - n + 1
    if last <= 0:
        return np.zeros(0, np.int64)
    return np.flatnonzero(document[:last] == document[n - 1 :])


def _encoded(hashes: Hashes) -> Whole:
    """Number equal hashes alike, in the order of first occurrence."""
    return np.asarray(pa.array(hashes).dictionary_encode().indices).astype(np.int64)


def _top_run(hashes: Hashes, document: Whole, sizes: Whole, n: int) -> Floats:
    """Characters of each document that its most frequent run covers; the first one on a tie."""
    result = np.zeros(n)
    if not len(hashes):
        return result
    numbers = _encoded(hashes)
    counts = np.bincount(numbers)
    first = np.empty(len(counts), np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    owner = document[first]  # rises, as the numbers follow the documents
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    most = np.maximum.reduceat(counts, starts)
    best = np.flatnonzero(counts == np.repeat(most, np.diff(np.append(starts, len(owner)))))
    best = best[np.flatnonzero(np.diff(owner[best], prepend=-1))]
    result[owner[best]] = counts[best] * sizes[first[best]]
    return result


def _doubled(
    hashes: Hashes, place: Whole, document: Whole, sizes: Whole, n: int
) -> dict[int, float]:
    """Characters in runs of n tokens seen before, from left to right, a repeated run skipped."""
    if not len(hashes):
        return {}
    numbers = _encoded(hashes)
    twice = np.flatnonzero((np.bincount(numbers) > 1)[numbers])
    amounts: dict[int, float] = {}
    seen: set[int] = set()
    free = -1  # the first place that no repeated run covers
    for at, number, owner, size in zip(
        place[twice].tolist(),
        numbers[twice].tolist(),
        document[twice].tolist(),
        sizes[twice].tolist(),
        strict=True,
    ):
        if at < free:
            continue
        if number in seen:
            amounts[owner] = amounts.get(owner, 0.0) + size
            free = at + n
        else:
            seen.add(number)
    return amounts


def _polynomial(token: str) -> int:
    value = 0
    for character in reversed(token):
        value = (value * _BASE + ord(character)) & _MASK
    return value


def _flags(token: str) -> int:
    signs = all(map(_is_sign, token))
    letters = any(map(str.isalpha, token))
    stop = 4 << _STOP_WORDS.index(token) if token in _STOP_WORDS else 0
    return signs + 2 * letters + stop


def _is_sign(character: str) -> bool:
    code = ord(character)
    return character in _SIGNS or code < 32 or 127 <= code < 160 or _ends(character)


def _kind(token: str) -> int:
    if len(token) == 1 and _ends(token):
        return _CLASS_END
    if all(unicodedata.category(character).startswith("P") for character in token):
        return _CLASS_SIGN
    return _CLASS_WORD


def _ends(character: str) -> bool:
    """Whether a character ends sentences in some script."""
    if character.isascii():
        return character in ".!?"
    name = unicodedata.name(character, "")
    return unicodedata.category(character) == "Po" and (
        "FULL STOP" in name or "QUESTION MARK" in name or "EXCLAMATION" in name or "DANDA" in name
    )
