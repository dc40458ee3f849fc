"""The heuristics of Gopher and C4 as scores, for many documents at once.

What `rules` puts limits on, read as datatrove's filters read it (see
``tests/references/test_heuristics.py``). `Heuristics.scores` gives every value, not only the first
that fails, so that a limit can be moved later. Repetition is counted over hashes of all runs of
words in numpy: two runs count as equal when a 64-bit polynomial over their characters is, which is
false for about one pair of runs in 10^19.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldsmith.refine.line_scores import BY_LINES, LineScores, read_lines
from goldsmith.refine.rules import REPEATED, TOP
from goldsmith.refine.tokens import split_chunk

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Hashes = NDArray[np.uint64]


_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_STOPS = {word: 2 | 4 << which for which, word in enumerate(_STOP_WORDS)}  # see _flags
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
        self._powers: Hashes = np.ones(1, np.uint64)
        self._inverses: Hashes = np.ones(1, np.uint64)

    def scores(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return each score of RULES for each text: arrays (n,).

        Ratios are shares or per-word counts as the filters define them; a text without any word
        or line gets 0 where a ratio has no meaning.
        """
        if len(self._chunks) > _MOST_CHUNKS:
            self._forget()
        parts = [read_lines(text) for text in texts]
        words = [word for part in parts for word in part.words]
        tokens, of_chunk = self._tokenised(words)
        per_document = np.array([len(part.words) for part in parts], np.int64)
        document = np.repeat(np.arange(len(texts)), per_document)[of_chunk]
        counts = np.bincount(document, minlength=len(texts))
        characters = np.array([max(len(text), 1) for text in texts], np.float64)
        found = {name: np.array([part.values[name] for part in parts]) for name in BY_LINES}
        found |= self._word_scores(texts, tokens, document, counts)
        found |= self._repetition(tokens, document, counts, characters)
        found["sentences"] = self._sentences(parts, tokens, of_chunk, document)
        return found

    def _tokenised(self, words: Sequence[str]) -> tuple[Whole, Whole]:
        """Return the tokens of all words, and for each the place of its word."""
        for word in dict.fromkeys(words):
            if word not in self._chunks:
                self._learn(word)
        self._hash_new()
        numbers = [self._chunks[word] for word in words]
        chunk = np.array(numbers, np.int64)
        if not len(chunk):
            return chunk, chunk
        counts: Whole = np.frombuffer(self._count, np.int64)[chunk]
        place: Whole = np.repeat(np.arange(len(chunk)), counts)
        within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = np.frombuffer(self._first, np.int64)[chunk]
        return np.frombuffer(self._members, np.int64)[first[place] + within], place

    def _learn(self, chunk: str) -> None:
        tokens = split_chunk(chunk)
        self._chunks[chunk] = len(self._chunks)
        self._first.append(len(self._members))
        self._count.append(len(tokens))
        for token in tokens:
            number = self._tokens.get(token)
            if number is None:
                number = self._tokens[token] = len(self._tokens)
                self._length.append(len(token))
                plain = token.isascii() and token.isalpha()
                self._kind.append(_CLASS_WORD if plain else _kind(token))
                self._flags.append(_STOPS.get(token, 2) if plain else _flags(token))
            self._members.append(number)

    def _hash_new(self) -> None:
        """Hash the tokens that came since: a polynomial of its characters, the first one lowest."""
        new = len(self._length) - len(self._hash)
        if not new:
            return
        sizes = np.array(self._length[-new:], np.int64)
        text = "".join(islice(self._tokens, len(self._hash), None))
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        starts = np.cumsum(sizes) - sizes
        self._reach(int(sizes.max()))
        powers = self._powers[np.arange(len(codes)) - np.repeat(starts, sizes)]
        self._hash.frombytes(np.add.reduceat(codes.astype(np.uint64) * powers, starts).tobytes())

    def _reach(self, longest: int) -> None:
        """Make the powers of the base reach that far."""
        if longest >= len(self._powers):
            self._powers, self._inverses = _powers(_BASE, longest), _powers(_INVERSE, longest)

    def _word_scores(
        self, texts: Sequence[str], tokens: Whole, document: Whole, counts: Whole
    ) -> dict[str, Floats]:
        n = len(texts)
        flags, lengths = self._of(self._flags, tokens), self._of(self._length, tokens)
        real = (flags & 1) == 0
        words: Floats = np.bincount(document, real, n).astype(np.float64)
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
        self._reach(int(offsets.max(initial=0)))
        hashes = self._of(self._hash, tokens) * self._powers[offsets]
        return np.append(np.zeros(1, np.uint64), np.cumsum(hashes, dtype=np.uint64))

    def _sentences(
        self, parts: Sequence[LineScores], tokens: Whole, of_chunk: Whole, document: Whole
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
    def _of(column: array[int], tokens: Whole) -> NDArray[Any]:
        """The entries of a column of numbers for tokens."""
        kinds = {"q": np.int64, "b": np.int8, "Q": np.uint64}
        if not len(tokens):
            return np.zeros(0, kinds[column.typecode])
        entries: NDArray[Any] = np.frombuffer(column, kinds[column.typecode])[tokens]
        return entries


def _powers(base: int, longest: int) -> Hashes:
    """Powers 0 to twice the longest, modulo 2**64."""
    steps = np.full(2 * longest + 1, base, np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


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


def _flags(token: str) -> int:
    signs = all(map(_is_sign, token))
    letters = any(map(str.isalpha, token))
    return signs + 2 * letters


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
