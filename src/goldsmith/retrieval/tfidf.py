"""TF-IDF with latent semantic analysis: an embedder fitted on the corpus, without weights.

Words (stemmed) and their character trigrams to pentagrams are counted, weighed
``(1 + ln tf) * idf`` and projected on the strongest directions of the corpus (Deerwester et al.,
"Indexing by Latent Semantic Analysis", 1990). Character n-grams keep misspelled and inflected words
close. The signs of the directions are fixed and the decomposition runs on one thread from a seed,
so that a corpus has one embedder.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goldsmith.pipeline.artifact import write_atomically
from goldsmith.pipeline.progress import Progress
from goldsmith.retrieval.words import content_terms

DIMENSIONS = 256
MOST_FEATURES = 60_000
#: Words count fully, their character n-grams less: they are many and say the same again.
GRAM_WEIGHT = 0.35


@dataclass(frozen=True)
class TfidfEmbedder:
    """``directions`` has shape (features, dimensions), ``rarity`` shape (features,)."""

    features: dict[str, int]
    rarity: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]

    @property
    def kind(self) -> str:
        return "tfidf"

    @property
    def name(self) -> str:
        return "tfidf"

    def embed(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> npt.NDArray[np.float32]:
        """Return unit vectors, shape (texts, dimensions); zeros where no feature is known."""
        counts = [_count(text) for text in texts]
        projected = _weigh(counts, self.features, self.rarity) @ self.directions
        if progress is not None:
            progress.advance(len(texts))
        return unit(projected)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file(
            {"rarity": self.rarity, "directions": self.directions}, folder / "tfidf.safetensors"
        )
        write_atomically(folder / "features.json", json.dumps(list(self.features)))


def fit_tfidf(texts: Sequence[str], *, seed: int = 0) -> TfidfEmbedder:
    """Learn features and directions from a corpus. Features that only one text holds are left out
    of corpora with more than fifty texts: they cannot make two texts alike."""
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    counts = [_count(text) for text in texts]
    holding: Counter[str] = Counter()
    for count in counts:
        holding.update(count.keys())
    least = 2 if len(texts) > 50 else 1
    chosen = sorted(
        (feature for feature, number in holding.items() if number >= least),
        key=lambda feature: (-holding[feature], feature),
    )[:MOST_FEATURES]
    features = {feature: number for number, feature in enumerate(sorted(chosen))}
    rarity = np.array(
        [np.log((1 + len(texts)) / (1 + holding[feature])) + 1 for feature in features],
        dtype=np.float32,
    )
    dimensions = min(DIMENSIONS, len(texts) - 1, len(features) - 1)
    if dimensions < 2:
        # Too few texts to learn directions from: every feature is its own.
        return TfidfEmbedder(features, rarity, np.eye(len(features), dtype=np.float32))
    with threadpool_limits(1):
        _, _, rows = randomized_svd(
            _weigh(counts, features, rarity), dimensions, n_iter=4, random_state=seed
        )
    # A direction and its opposite are equally good: the largest entry of each is made positive.
    largest = rows[np.arange(len(rows)), np.argmax(np.abs(rows), axis=1)]
    directions = (rows * np.where(largest < 0, -1.0, 1.0)[:, None]).T
    return TfidfEmbedder(features, rarity, np.ascontiguousarray(directions, dtype=np.float32))


def load_tfidf(folder: Path) -> TfidfEmbedder:
    """Open a saved embedder. Raises OSError or ValueError when its files do not fit together."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    names = json.loads((folder / "features.json").read_text("utf-8"))
    try:
        arrays = load_file(folder / "tfidf.safetensors")
    except SafetensorError as error:
        raise ValueError(f"tfidf.safetensors is damaged: {error}") from error
    if not len(names) == len(arrays["rarity"]) == len(arrays["directions"]):
        raise ValueError("the embedder's features and arrays do not fit together")
    features = {name: number for number, name in enumerate(names)}
    return TfidfEmbedder(features, arrays["rarity"], arrays["directions"])


def unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Divide rows by their length; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _count(text: str) -> dict[str, float]:
    """Return how often each word ("w:...") and each n-gram inside words ("g:...") occurs."""
    words = Counter(content_terms(text))
    found: dict[str, float] = {f"w:{word}": float(times) for word, times in words.items()}
    for word, times in words.items():
        marked = f" {word} "
        for length in (3, 4, 5):
            for start in range(len(marked) - length + 1):
                gram = f"g:{marked[start : start + length]}"
                found[gram] = found.get(gram, 0.0) + times
    return found


def _weigh(
    counts: Sequence[dict[str, float]],
    features: dict[str, int],
    rarity: npt.NDArray[np.float32],
) -> Any:
    """Return the sparse weighted matrix of unit rows, shape (texts, features)."""
    from scipy.sparse import csr_matrix

    data: list[float] = []
    columns: list[int] = []
    starts = [0]
    for count in counts:
        known = sorted(
            (features[name], name, times) for name, times in count.items() if name in features
        )
        weights = [
            (1.0 + np.log(times)) * rarity[number] * (GRAM_WEIGHT if name[0] == "g" else 1.0)
            for number, name, times in known
        ]
        length = float(np.sqrt(np.sum(np.square(weights)))) or 1.0
        data.extend(float(weight) / length for weight in weights)
        columns.extend(number for number, _, _ in known)
        starts.append(len(columns))
    shape = (len(counts), len(features))
    return csr_matrix((np.array(data, dtype=np.float32), columns, starts), shape=shape)
