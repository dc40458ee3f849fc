"""The next token from one row of logits.

Plain numpy over one row at a time: a sequence is drawn with its own generator and sees nothing of
its neighbours in the batch. Draws invert the cumulative distribution with one uniform number, so a
seed fixes the tokens wherever the logits are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from goldsmith.engine.request import Request, TokenLogprobs

Row = npt.NDArray[np.float64]


class SamplingError(ValueError):
    """The model's logits for this sequence are not numbers."""


def choose(
    logits: npt.NDArray[np.float32],
    request: Request,
    prompt: Iterable[int],
    counts: Mapping[int, int],
    random: np.random.Generator,
) -> int:
    """Return the next token for logits (vocabulary,); ``counts`` of the tokens generated so far."""
    row = adjust(as_row(logits), request, prompt, counts)
    if request.temperature == 0.0:
        return int(row.argmax())
    kept, weights = distribution(row, request)
    edge = random.random() * weights[-1]
    # side="right": a uniform 0 must not pick a token of weight 0.
    place = min(int(np.searchsorted(weights, edge, side="right")), len(weights) - 1)
    return place if kept is None else int(kept[place])


def logprobs(logits: npt.NDArray[np.float32], token: int, count: int) -> TokenLogprobs:
    """Return log probabilities of a token and of the ``count`` likeliest under the plain model."""
    row = as_row(logits)
    row = row - row.max()
    row -= np.log(np.exp(row).sum())
    best = likeliest(row, count)
    return TokenLogprobs(token, float(row[token]), tuple((int(i), float(row[i])) for i in best))


def as_row(logits: npt.NDArray[np.float32]) -> Row:
    """Return the logits as float64. Raises SamplingError where they hold NaN or infinity."""
    row = logits.astype(np.float64)
    if not np.isfinite(row).all():
        raise SamplingError("the model gave logits that are not numbers")
    return row


def adjust(row: Row, request: Request, prompt: Iterable[int], counts: Mapping[int, int]) -> Row:
    """Apply the penalties and the bias to a row that may be written over."""
    if request.repetition_penalty != 1.0:
        seen = np.array(sorted({*prompt, *counts}), dtype=np.int64)
        values, penalty = row[seen], request.repetition_penalty
        row[seen] = np.where(values > 0, values / penalty, values * penalty)
    if counts and (request.presence_penalty or request.frequency_penalty):
        seen = np.array(list(counts), dtype=np.int64)
        times = np.array(list(counts.values()), dtype=np.float64)
        row[seen] -= request.presence_penalty + request.frequency_penalty * times
    for token, bias in request.logit_bias.items():
        row[token] += bias
    return row


def distribution(row: Row, request: Request) -> tuple[npt.NDArray[np.int64] | None, Row]:
    """Return the kept tokens, likeliest first, and their cumulative weights (not normalised).

    None stands for all tokens in the order of their ids, which needs no sorting.
    """
    weights = np.exp((row - row.max()) / request.temperature)
    if request.top_p >= 1.0 and request.min_p <= 0.0 and request.top_k == 0:
        return None, np.cumsum(weights)
    kept = likeliest(row, request.top_k or len(row))
    weights = weights[kept]
    if request.min_p > 0.0:
        # The first weight is 1: the likeliest token always stays.
        weights = weights[: int((weights >= request.min_p).sum())]
    total = np.cumsum(weights)
    if request.top_p < 1.0:
        total = total[: int(np.searchsorted(total, request.top_p * total[-1])) + 1]
    return kept[: len(total)], total


def likeliest(row: Row, count: int) -> npt.NDArray[np.int64]:
    """Return the ids of the ``count`` greatest values, greatest first, ties by id."""
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    if count < len(row) // 4:
        # All that reach the count-th greatest value, ties included, so that ids decide.
        edge = np.partition(row, len(row) - count)[len(row) - count]
        some = np.flatnonzero(row >= edge)
        return some[np.argsort(-row[some], kind="stable")][:count]
    return np.argsort(-row, kind="stable")[:count]
