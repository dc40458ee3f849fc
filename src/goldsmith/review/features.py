"""A passage as numbers: hashed TF-IDF of letters and words, and the scores stored about it.

Letter n-grams (3 to 5, inside words) see damage, word n-grams (1 and 2) see what is said; both are
hashed into a fixed number of columns, so that no vocabulary of the corpus is kept with the weights.
Stored scores are whatever the screen wrote about passages (``gibberish``, ``symbols``, ...), with a
few plain shares of characters (`shape`) beside them, standardised; where one is missing it counts
as average. Shapes: n passages, d columns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

LETTER_COLUMNS = 2**15
WORD_COLUMNS = 2**14
TEXT_COLUMNS = LETTER_COLUMNS + WORD_COLUMNS
_READ_CHARACTERS = 2_000  # of a passage: its beginning says what it is, and time stays bounded
_KNOWN_SHARE = 0.05  # a score that fewer passages have is no feature
_SCORE_WEIGHT = 0.3  # of a standardised score beside a text vector of unit length
_FAR = 4.0  # standard deviations at which a score is cut off


@dataclass(frozen=True)
class Features:
    """What turns passages to rows: document frequencies and the scores' means and spreads."""

    weights: Vector  # (TEXT_COLUMNS,): inverse document frequencies
    names: tuple[str, ...]  # of the scores used
    means: Vector  # (names,)
    spreads: Vector  # (names,)

    def rows(self, texts: Sequence[str], scores: Sequence[Mapping[str, float]]) -> Any:
        """Return a CSR matrix, shape (n, TEXT_COLUMNS + names)."""
        return self.of_counts(counts(texts), with_shape(texts, scores))

    def of_counts(self, found: Any, scores: Sequence[Mapping[str, float]]) -> Any:
        """Return what `rows` does, from the `counts` of the texts."""
        from scipy import sparse

        values = np.array(
            [
                [row.get(name, mean) for name, mean in zip(self.names, self.means, strict=True)]
                for row in scores
            ],
            np.float32,
        ).reshape(len(scores), len(self.names))
        standard = np.clip((values - self.means) / self.spreads, -_FAR, _FAR) * _SCORE_WEIGHT
        return sparse.hstack([weighted(found, self.weights), standard], format="csr")


def fit_features(found: Any, scores: Sequence[Mapping[str, float]]) -> Features:
    """Return the features of a corpus, from the `counts` and scores of its passages.

    ``scores`` are `with_shape`.

    Inverse document frequency is smoothed: log((1 + n) / (1 + df)) + 1. No label is looked at.
    """
    n = found.shape[0]
    frequency = np.bincount(found.indices, minlength=TEXT_COLUMNS)
    weights = (np.log((1 + n) / (1 + frequency)) + 1).astype(np.float32)
    seen = Counter(name for row in scores for name in row)
    names = tuple(sorted(name for name in seen if seen[name] >= _KNOWN_SHARE * n and _usable(name)))
    means, spreads = [], []
    for name in names:
        values = np.array([row[name] for row in scores if name in row])
        means.append(values.mean())
        spreads.append(max(values.std(), 1e-6))
    return Features(weights, names, np.array(means, np.float32), np.array(spreads, np.float32))


def counts(texts: Sequence[str]) -> Any:
    """Return damped counts of letter and word n-grams, CSR, shape (n, TEXT_COLUMNS).

    A count c becomes 1 + log c (Salton and Buckley, 1988).
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    cut = [text[:_READ_CHARACTERS] for text in texts]
    letters = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        n_features=LETTER_COLUMNS,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
    words = HashingVectorizer(
        ngram_range=(1, 2),
        n_features=WORD_COLUMNS,
        alternate_sign=False,
        norm=None,
        token_pattern=r"\w+|[^\w\s]",
        dtype=np.float32,
    )
    both = sparse.hstack([letters.transform(cut), words.transform(cut)], format="csr")
    both.data = 1 + np.log(both.data)
    return both


def with_shape(
    texts: Sequence[str], scores: Sequence[Mapping[str, float]]
) -> list[dict[str, float]]:
    """Return the scores of each passage with those of its `shape`."""
    return [shape(text) | dict(row) for text, row in zip(texts, scores, strict=True)]


def shape(text: str) -> dict[str, float]:
    """Return what can be counted in a text, by name: shares of its characters and words."""
    text = text[:_READ_CHARACTERS]
    n = max(len(text), 1)
    words = text.split()
    return {
        "shape:letters": sum(map(str.isalpha, text)) / n,
        "shape:digits": sum(map(str.isdigit, text)) / n,
        "shape:capitals": sum(map(str.isupper, text)) / n,
        "shape:foreign": sum(character > "\x7f" for character in text) / n,
        "shape:word length": math.log(n / max(len(words), 1)),
        "shape:distinct words": len(set(words)) / max(len(words), 1),
        "shape:sentences": sum(text.count(mark) for mark in (". ", "? ", "! ")) / n,
        "shape:short words": sum(len(word) == 1 for word in words) / max(len(words), 1),
    }


def weighted(found: Any, weights: Vector) -> Any:
    """Return counts times weights, each row of unit length (or empty)."""
    from scipy import sparse
    from sklearn.preprocessing import normalize

    rows = found @ sparse.diags_array(weights)
    return normalize(rows.tocsr().astype(np.float32), copy=False)


def _usable(name: str) -> bool:
    """Languages are for another cut, and our own score must not teach itself."""
    return not name.startswith("language:") and name != "garbage"
