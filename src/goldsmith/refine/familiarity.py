"""The stage that scores passages by the corpus' own language: letters and words of its own gold.

Two models, each of one half of the corpus (documents by the parity of their ids' digest), so that
no passage is measured by itself: letters after three others, starting from the shipped table, and
words after one other, starting from the shipped list. Only passages that are no gibberish teach.

``letter_surprise``: mean bits of a letter (English prose 2 to 2.6); ``word_surprise``: mean bits of
a word (8 to 14); ``unfamiliar``: share of words that neither the shipped list nor the other half of
the corpus has. None of these for tables, code, equations and below twelve words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.plausibility import LETTERS, known, letter_codes, plain, words_of
from goldsmith.refine.screen import UNJUDGED, score_rows
from goldsmith.refine.segments import Row

SCORER = "familiarity-1"
MINIMUM_WORDS = 12

_TEACHES = 0.1  # of gibberish, below which a passage teaches
_LETTER_PRIOR = 30.0  # weight of the shipped table in a context, in occurrences
_WORD_PRIOR = 20_000.0  # weight of the shipped list, in words
_PAIR_PRIOR = 8.0  # weight of a word's own probability after another, in occurrences
_RAREST = 16.0  # -log p of a word nobody knows


class Texts(NamedTuple):
    """Letters and words of all judged passages, end to end."""

    fours: NDArray[np.int64]  # a letter and the three before it as one number
    letters: NDArray[np.int64]  # how many of them each passage has
    words: NDArray[np.int64]  # numbers of words
    sizes: NDArray[np.int64]  # how many each passage has
    shipped: NDArray[np.float64]  # -log p of each word number in the shipped list; nan if unknown


@dataclass(frozen=True)
class Familiarity:
    """``passages`` and their scores to ``scores``, for the whole corpus."""

    settings: RefineSettings
    name: ClassVar[str] = "familiarity"
    version: ClassVar[int] = 1
    unit: ClassVar[Literal["document", "all"]] = "all"
    reads: ClassVar[tuple[str, ...]] = ("passages", "scores:screen")
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        passages = tables["passages"].select(["id", "document", "kind", "text"])
        members = [row for row in passages.to_pylist() if row["kind"] not in UNJUDGED]
        noisy = _gibberish(tables["scores:screen"])
        half = np.array([_half(row["document"]) for row in members], np.int64)
        teaches = np.array([noisy.get(row["id"], 0.0) < _TEACHES for row in members], bool)
        texts = read_texts([row["text"] for row in members])
        scores = [np.zeros(len(members)) for _ in range(3)]
        for which in (0, 1):
            found = surprises(texts, teaches & (half != which))
            for column, values in zip(scores, found, strict=True):
                column[half == which] = values[half == which]
        names = ("letter_surprise", "word_surprise", "unfamiliar")
        rows: list[Row] = []
        for index, member in enumerate(members):
            if texts.sizes[index] >= MINIMUM_WORDS:
                own = {n: float(column[index]) for n, column in zip(names, scores, strict=True)}
                rows += score_rows(member["id"], member["document"], own, self.name, SCORER)
        return {"scores": pa.Table.from_pylist(rows, SCHEMAS["scores"])}


def read_texts(texts: Sequence[str]) -> Texts:
    """Number the letters and words of texts."""
    numbers: dict[str, int] = {}
    fours, letters, words, sizes = [], [], [], []
    for text in texts:
        text = plain(text)
        codes = letter_codes(text).astype(np.int64)
        if len(codes) < 4:
            codes = np.zeros(4, np.int64)
        whole = ((codes[:-3] * LETTERS + codes[1:-2]) * LETTERS + codes[2:-1]) * LETTERS
        fours.append(whole + codes[3:])
        letters.append(len(fours[-1]))
        found = words_of(text)
        words += [numbers.setdefault(word, len(numbers)) for word in found]
        sizes.append(len(found))
    rarity = known().rarity
    return Texts(
        np.concatenate(fours) if fours else np.zeros(0, np.int64),
        np.array(letters, np.int64),
        np.array(words, np.int64),
        np.array(sizes, np.int64),
        np.array([rarity.get(word, np.nan) for word in numbers]),
    )


def surprises(
    texts: Texts, teaches: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return bits a letter, bits a word and the share of unknown words of each passage.

    ``teaches`` (passages,) says which of them the two models are made of.
    """
    passage = np.repeat(np.arange(len(texts.letters)), texts.letters)
    counts = np.bincount(texts.fours[teaches[passage]], minlength=LETTERS**4).astype(np.float64)
    before = counts.reshape(-1, LETTERS).sum(axis=1)
    prior = np.exp(-known().grams[texts.fours].astype(np.float64))
    chance = counts[texts.fours] + _LETTER_PRIOR * prior
    bits = -np.log2(chance / (before[texts.fours // LETTERS] + _LETTER_PRIOR))
    letter = _mean(bits, passage, len(texts.letters))

    owner = np.repeat(np.arange(len(texts.sizes)), texts.sizes)
    size = len(texts.shipped)
    taught = texts.words[teaches[owner]]
    single = np.bincount(taught, minlength=size).astype(np.float64)
    shipped = np.exp(-np.nan_to_num(texts.shipped, nan=_RAREST))
    alone = (single + _WORD_PRIOR * shipped) / (len(taught) + _WORD_PRIOR)
    chance_of = alone[texts.words]
    inside = np.flatnonzero(owner[1:] == owner[:-1]) + 1  # words with one before them
    pairs = texts.words[inside - 1] * size + texts.words[inside]
    learned = np.sort(pairs[teaches[owner[inside]]])
    often = np.searchsorted(learned, pairs, "right") - np.searchsorted(learned, pairs, "left")
    context = single[texts.words[inside - 1]]
    chance_of[inside] = (often + _PAIR_PRIOR * chance_of[inside]) / (context + _PAIR_PRIOR)
    word = _mean(-np.log2(chance_of), owner, len(texts.sizes))
    strange = np.isnan(texts.shipped) & (single == 0)
    unknown = _mean(strange[texts.words].astype(np.float64), owner, len(texts.sizes))
    return letter, word, unknown


def _mean(values: NDArray[np.float64], owner: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    total = np.bincount(owner, values, n).astype(np.float64)
    mean: NDArray[np.float64] = total / np.maximum(np.bincount(owner, minlength=n), 1)
    return mean


def _half(document: str) -> int:
    return hashlib.sha256(document.encode("utf-8")).digest()[0] & 1


def _gibberish(scores: pa.Table) -> dict[str, float]:
    rows = scores.filter(pc.equal(scores["name"], "gibberish"))
    return dict(zip(rows["subject"].to_pylist(), rows["value"].to_pylist(), strict=True))
