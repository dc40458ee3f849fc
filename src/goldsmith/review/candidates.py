"""Which passages to ask about next.

Active: batches by uncertainty and diversity. The passages nearest to the model's border form a
short list; from it passages are drawn one after another as k-means++ draws its seeds (Arthur and
Vassilvitskii, 2007): with the odds of their distance to everything asked so far, here times their
uncertainty. A model cannot be unsure of a kind of garbage it has never seen, so a third of each
batch, and all of it before there is a model, is drawn in the same way from the passages that are
most unusual by any stored score and not yet taken for garbage. Random: the next in an order of
chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from goldsmith.review.features import TEXT_COLUMNS

_SHORT_LIST = 10  # times the batch: uncertain enough to be asked at all
_EXPLORED = 1 / 3  # of a batch


def choose_active(
    rows: Any,
    garbage: npt.NDArray[np.float64] | None,
    asked: npt.NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
) -> list[int]:
    """Return ``count`` passages to ask about (fewer at the end of the pool).

    ``garbage`` is the model's probability for each row, None before there is a model; ``asked``
    are the rows that have been asked about.
    """
    if garbage is None:
        return draw(rows, suspicion(rows), asked, count, generator)
    explored = round(_EXPLORED * count)
    first = draw(rows, uncertainty(garbage), asked, count - explored, generator)
    taken = np.concatenate([asked, np.array(first, np.int64)])
    return first + draw(rows, suspicion(rows) * (1.0 - garbage), taken, explored, generator)


def uncertainty(garbage: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 1 where the model cannot tell, 0 where it is sure: 1 - |2p - 1|."""
    return 1.0 - np.abs(2.0 * garbage - 1.0)


def draw(
    rows: Any,
    worth: npt.NDArray[np.float64],
    asked: npt.NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
) -> list[int]:
    """Return ``count`` passages that are worth asking about and unlike each other and the asked.

    ``worth`` has any scale from 0. Distances are cosine distances of the text columns; ties go to
    the smaller index.
    """
    open_ones = np.setdiff1d(np.arange(rows.shape[0]), asked)
    order = np.lexsort((open_ones, -worth[open_ones]))
    listed = open_ones[order[: max(_SHORT_LIST * count, count)]]
    if not len(listed):
        return []
    texts = rows[:, :TEXT_COLUMNS]
    short = texts[listed]
    nearest = np.ones(len(listed))
    if len(asked):
        nearest = 1.0 - np.asarray((short @ texts[asked].T).max(axis=1).todense()).ravel()
    chosen: list[int] = []
    while len(chosen) < min(count, len(listed)):
        odds = np.maximum(nearest, 1e-9) ** 2 * np.maximum(worth[listed], 1e-9)
        odds[chosen] = 0.0
        place = int(generator.choice(len(listed), p=odds / odds.sum()))
        chosen.append(place)
        near = np.asarray((short @ short[[place]].T).todense()).ravel()
        nearest = np.minimum(nearest, 1.0 - near)
    return [int(listed[place]) for place in chosen]


def choose_random(
    chance: npt.NDArray[np.uint64], asked: npt.NDArray[np.int64], count: int
) -> list[int]:
    """Return the first ``count`` passages in the order of chance that were not asked about."""
    open_ones = np.setdiff1d(np.arange(len(chance)), asked)
    order = np.argsort(chance[open_ones], kind="stable")
    return [int(index) for index in open_ones[order[:count]]]


def suspicion(rows: Any) -> npt.NDArray[np.float64]:
    """Return how far each passage's scores lie from the usual, for a start without a model.

    The greatest distance of any standardised score from its mean, in rank form (0..1): scores of
    whatever name and direction serve alike.
    """
    standard = np.abs(np.asarray(rows[:, TEXT_COLUMNS:].todense()))
    if not standard.shape[1]:
        return np.ones(rows.shape[0])
    ranks = standard.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return np.asarray((ranks.max(axis=1) + 1) / rows.shape[0], np.float64)
