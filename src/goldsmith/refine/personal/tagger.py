"""The trained tagger of names, organisations, places, addresses, titles, ages and dates.

A linear-chain conditional random field with hashed features, decoded by Viterbi in numpy. Weights
are small integers in ``tagger.npz`` (`benchmarks/fit_personal_data.py` makes it). A word that a
pattern has found is never part of a tagged span.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from goldsmith.refine.personal.words import Known, Lexicon, Word, far, joint, near, words_of

#: What the tagger tells apart, and the type (as presidio-research has it) that each part is of. The
#: parts of a postal block are spans of their own, an address in a sentence is one.
PARTS = {
    "person": "PERSON", "address": "STREET_ADDRESS", "house": "STREET_ADDRESS",
    "street": "STREET_ADDRESS", "flat": "STREET_ADDRESS", "code": "STREET_ADDRESS", "town": "GPE",
    "country": "GPE", "state": "GPE", "organisation": "ORGANIZATION", "date": "DATE_TIME",
    "honorific": "TITLE", "job": "TITLE", "age": "AGE", "nationality": "NRP", "zip": "ZIP_CODE",
}  # fmt: skip
TYPES = tuple(dict.fromkeys(PARTS.values()))
LABELS = ("O", *(f"{edge}-{part}" for part in PARTS for edge in "BI"))
#: Which label may follow which: row 0 is the start of a text, row 1 + i follows label i.
ALLOWED = np.ones((len(LABELS) + 1, len(LABELS)))
for _column, _label in enumerate(LABELS):
    if _label.startswith("I-"):
        ALLOWED[:, _column] = 0
        for _row in (LABELS.index("B-" + _label[2:]), _column):
            ALLOWED[1 + _row, _column] = 1
_FORBIDDEN = -1e4
#: Only an address runs over a line break.
_NOT_OVER_LINES = [
    number for number, label in enumerate(LABELS) if label[0] == "I" and label != "I-address"
]


class Tagged(NamedTuple):
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Weights:
    """``values[i]`` x ``scale`` are the scores of the labels for the feature with ``hashes[i]``.

    ``hashes`` (features,) uint32, rising; ``values`` (features, labels) int8; ``step``
    (labels + 1, labels) float32, row 0 for the start.
    """

    hashes: Any
    values: Any
    scale: float
    step: Any
    rows: dict[int, int] = field(default_factory=dict, compare=False)
    sums: dict[tuple[int, Known], Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.rows.update(zip(self.hashes.tolist(), range(len(self.hashes)), strict=True))

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(
                file, hashes=self.hashes, values=self.values, scale=self.scale, step=self.step
            )


def compressed(names: Sequence[str], weights: Any, step: Any) -> Weights:
    """Return weights as int8, without features that move no score by half a unit."""
    scale = float(np.abs(weights).max()) / 127
    values = np.round(weights / scale).astype(np.int8)
    kept = np.flatnonzero(np.abs(values).max(1) > 1)
    hashes = np.array([crc32(names[i].encode()) for i in kept.tolist()], np.uint32)
    hashes, first = np.unique(hashes, return_index=True)
    moves = np.where(ALLOWED > 0, step, _FORBIDDEN).astype(np.float32)
    return Weights(hashes, values[kept][first], scale, moves)


def features_of(words: Sequence[Word], known: Sequence[Known]) -> list[list[str]]:
    """Return every feature of every word: its own, its neighbours' and those of several words."""
    own = joint(words, known)
    last = len(words)
    for index, features in enumerate(own):
        features += [f"0{part}" for part in known[index].about]
        for offset in (-1, 1):
            if 0 <= index + offset < last:
                features += [f"{offset}{part}" for part in near(known[index + offset])]
        for offset in (-3, -2, 2, 3):
            if 0 <= index + offset < last:
                features += [f"{offset}{part}" for part in far(known[index + offset])]
    return own


def scores_of(words: Sequence[Word], known: Sequence[Known], weights: Weights) -> Any:
    """Return the scores (words, labels) of a text's words."""
    rows, values = weights.rows, weights.values
    result = np.empty((len(words), len(LABELS)), np.float32)
    last = len(words)
    for index, features in enumerate(joint(words, known)):
        found = [row for part in features if (row := rows.get(crc32(part.encode()))) is not None]
        total = values[found].sum(0, dtype=np.int32)
        for offset in (-3, -2, -1, 0, 1, 2, 3):
            if 0 <= index + offset < last:
                total = total + _of_word(offset, known[index + offset], weights)
        result[index] = total
    return result * weights.scale


def _of_word(offset: int, word: Known, weights: Weights) -> Any:
    """The scores that a word gives at a distance, kept for the next time."""
    key = (offset, word)
    total = weights.sums.get(key)
    if total is None:
        parts = word.about if offset == 0 else near(word) if abs(offset) == 1 else far(word)
        numbers = (weights.rows.get(crc32(f"{offset}{part}".encode())) for part in parts)
        found = [number for number in numbers if number is not None]
        total = weights.values[found].sum(0, dtype=np.int32)
        if len(weights.sums) > 200_000:
            weights.sums.clear()
        weights.sums[key] = total
    return total


def decoded(scores: Any, step: Any) -> list[int]:
    """Return the best sequence of labels (Viterbi); the lower label wins a tie."""
    best = scores[0] + step[0]
    back = np.empty(scores.shape, np.int64)
    moves = step[1:]
    columns = np.arange(scores.shape[1])
    for index in range(1, len(scores)):
        reach = best[:, None] + moves
        back[index] = reach.argmax(0)
        best = reach[back[index], columns] + scores[index]
    label = int(best.argmax())
    path = [label]
    for index in range(len(scores) - 1, 0, -1):
        label = int(back[index, label])
        path.append(label)
    return path[::-1]


def tagged(
    text: str,
    taken: Sequence[tuple[int, int, str]] = (),
    weights: Weights | None = None,
    lexicon: Lexicon | None = None,
) -> list[Tagged]:
    """Return the spans that the tagger sees in a text; none touches one of ``taken``."""
    weights = weights or shipped()
    lexicon = lexicon or shipped_lexicon()
    words = words_of(text, taken)
    if not words:
        return []
    known = [lexicon.known(word.text, word.kind) for word in words]
    scores = scores_of(words, known, weights)
    for index, word in enumerate(words):
        if word.kind:
            scores[index, 1:] = _FORBIDDEN
        elif word.gap in ("\n", "¶"):
            scores[index, _NOT_OVER_LINES] = _FORBIDDEN
    spans: list[Tagged] = []
    for word, label in zip(words, decoded(scores, weights.step), strict=True):
        if label == 0:
            continue
        name = LABELS[label]
        if name[0] == "B":
            spans.append(Tagged(word.start, word.end, PARTS[name[2:]]))
        else:
            spans[-1] = spans[-1]._replace(end=word.end)
    return spans


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """Return the weights that come with the package."""
    path = files("goldsmith.refine.personal").joinpath("tagger.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return Weights(data["hashes"], data["values"], float(data["scale"]), data["step"])


def lexicon_text(bands: dict[str, str]) -> str:
    """Return bands of words as the JSON that ships: band to words."""
    words: dict[str, list[str]] = {}
    for word in sorted(bands):
        words.setdefault(bands[word], []).append(word)
    return json.dumps({band: " ".join(words[band]) for band in sorted(words)}, indent=0) + "\n"


@lru_cache(maxsize=1)
def shipped_lexicon() -> Lexicon:
    text = files("goldsmith.refine.personal").joinpath("lexicon.json").read_text("utf-8")
    return Lexicon({w: band for band, words in json.loads(text).items() for w in words.split()})
