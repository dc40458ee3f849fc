"""Documents that mean the same, by vectors handed in (SemDeDup, Abbas et al. 2023).

They compare inside k-means cells and keep the member farthest from the centre; here all pairs are
compared, block by block, and who stays is a matter of rank as with all other methods. Vectors come
from the caller: models that make them live in a later room.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.duplicates_cluster import Merge
from goldsmith.refine.duplicates_index import Cluster, Rank

BLOCK = 2048  # vectors compared at once: 16 MB of similarities


def clusters_by_vectors(
    ranks: Sequence[Rank], vectors: NDArray[np.float32], threshold: float
) -> list[Cluster]:
    """Return the clusters of documents whose vectors have a cosine of ``threshold`` or more.

    ``vectors``: (documents, width), one a rank. A zero vector is like no other. Each document joins
    the most similar one that stays; ties go to the better rank. Time grows with the square of the
    number of documents, memory does not. Raises ValueError when the numbers do not agree.
    """
    if len(ranks) != len(vectors):
        raise ValueError(f"{len(ranks)} ranks, but {len(vectors)} vectors")
    order = sorted(range(len(ranks)), key=ranks.__getitem__)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(lengths > 0, lengths, 1.0))[order]
    stays = np.ones(len(order), bool)
    found: list[Merge] = []
    for start in range(0, len(order), BLOCK):
        rows = unit[start : start + BLOCK]
        near: list[dict[int, float]] = [{} for _ in rows]
        for other in range(0, start + len(rows), BLOCK):
            cosines = rows @ unit[other : other + BLOCK].T
            for row, column in np.argwhere(cosines >= threshold).tolist():
                if other + column < start + row:
                    near[row][other + column] = float(cosines[row, column])
        for row, candidates in enumerate(near):
            left = [(-cosine, place) for place, cosine in candidates.items() if stays[place]]
            if left:
                cosine, kept = min(left)
                stays[start + row] = False
                found.append(Merge(order[start + row], order[kept], "vectors", min(1.0, -cosine)))
    return [
        Cluster(
            ranks[merge.member].document,
            ranks[merge.kept].document,
            merge.method,
            merge.similarity,
            ranks[merge.kept].reason(ranks[merge.member]),
        )
        for merge in found
    ]
