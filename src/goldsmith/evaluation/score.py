"""A score with everything needed to trust it, and the resampling that gives it an interval.

Metrics are functions of sums over items (sufficient statistics), so that a resample is one matrix
product: how often each item was drawn, times the items' statistics. Intervals are percentile
bootstrap (Efron and Tibshirani, 1993); systems are compared on the same items, by paired bootstrap
(Koehn, "Statistical Significance Tests for Machine Translation Evaluation", 2004) or approximate
randomization (Riezler and Maxwell, 2005). Every function takes its seed; the same call gives the
same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from goldsmith.errors import UserError

Statistics = npt.NDArray[np.float64]
#: From sums of statistics, shape (..., columns), to metric values, shape (...).
Metric = Callable[[Statistics], npt.NDArray[np.float64]]
#: Draws made at a time, so that memory stays small whatever the number of items.
DRAWS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Score:
    """``low`` to ``high`` is the interval; ``coverage`` the share of items that could be scored,
    which ``n`` counts; ``signature`` says how it was measured, as ``key:value|key:value``."""

    name: str
    value: float
    low: float
    high: float
    n: int
    coverage: float
    seed: int
    signature: str

    def row(self) -> dict[str, Any]:
        """Return the score as a JSON-able row."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """``difference`` is second minus first; ``p`` is two-sided."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    seed: int
    signature: str


def ratio(sums: Statistics) -> npt.NDArray[np.float64]:
    """The metric of columns (numerator, denominator); NaN where the denominator is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def mean_score(
    name: str,
    values: Sequence[float | None],
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
    signature: str = "",
) -> Score:
    """Return the mean over items; None marks one that could not be scored (coverage falls)."""
    scored = [float(value) for value in values if value is not None]
    table = np.array([[value, 1.0] for value in scored]).reshape(-1, 2)
    return bootstrap_score(
        name,
        table,
        ratio,
        items=len(values),
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        signature=signature,
    )


def bootstrap_score(
    name: str,
    statistics: Statistics,
    metric: Metric,
    *,
    seed: int,
    items: int | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    signature: str = "",
) -> Score:
    """Return the metric of the summed statistics, shape (items, columns), with its interval.

    With no item at all, value and interval are NaN and n is 0. Resamples whose metric is undefined
    are left out of the interval. Raises UserError for resamples below 1 or a confidence outside
    0..1.
    """
    _check(resamples, confidence)
    n = len(statistics)
    items = n if items is None else items
    signature = _sign(
        signature, interval="bootstrap", resamples=resamples, confidence=confidence, seed=seed
    )
    coverage = n / items if items else 0.0
    if not n:
        nan = float("nan")
        return Score(name, nan, nan, nan, 0, coverage, seed, signature)
    value = float(metric(statistics.sum(axis=0)))
    draws = metric(_resampled_sums(statistics, resamples, np.random.default_rng(seed)))
    low, high = _percentiles(draws, confidence)
    return Score(name, value, low, high, n, coverage, seed, signature)


def paired_bootstrap(
    first: Statistics,
    second: Statistics,
    metric: Metric = ratio,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two systems that scored the same items, shapes (items, columns).

    p is the share of resamples in which the difference, moved to have its centre at zero, is at
    least as far from zero as the one observed; one is added above and below, so p is never 0.
    """
    _check(resamples, confidence)
    _check_pair(first, second)
    both = np.concatenate([first, second], axis=1)
    columns = first.shape[1]
    sums = _resampled_sums(both, resamples, np.random.default_rng(seed))
    draws = metric(sums[:, columns:]) - metric(sums[:, :columns])
    difference = float(metric(second.sum(axis=0)) - metric(first.sum(axis=0)))
    far = np.abs(draws - np.nanmean(draws)) >= abs(difference)
    low, high = _percentiles(draws, confidence)
    signature = _sign(
        "", test="paired bootstrap", resamples=resamples, confidence=confidence, seed=seed
    )
    p = (float(far.sum()) + 1) / (resamples + 1)
    return Comparison(difference, low, high, p, len(first), seed, signature)


def approximate_randomization(
    first: Statistics,
    second: Statistics,
    metric: Metric = ratio,
    *,
    seed: int,
    trials: int = 10_000,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two systems by swapping their results on items chosen by a fair coin.

    p is the share of trials whose difference is at least as great, either way, as the one observed,
    one added above and below. The interval is the paired bootstrap's, from the same seed.
    """
    _check(trials, confidence)
    _check_pair(first, second)
    generator = np.random.default_rng(seed)
    total = (first + second).sum(axis=0)
    difference = float(metric(second.sum(axis=0)) - metric(first.sum(axis=0)))
    far = 0
    for size in _batches(trials, len(first)):
        swapped = generator.integers(0, 2, (size, len(first))).astype(np.float64)
        other = second.sum(axis=0) + swapped @ (first - second)
        gaps = metric(other) - metric(total - other)
        # Equal arrangements must count as equal whatever the order of the sums.
        far += int((np.abs(gaps) >= abs(difference) - 1e-12).sum())
    interval = paired_bootstrap(first, second, metric, seed=seed, confidence=confidence)
    signature = _sign("", test="approximate randomization", trials=trials, seed=seed)
    return Comparison(
        difference,
        interval.low,
        interval.high,
        (far + 1) / (trials + 1),
        len(first),
        seed,
        signature,
    )


def _resampled_sums(
    statistics: Statistics, resamples: int, generator: np.random.Generator
) -> Statistics:
    """Return the sums of ``resamples`` draws with replacement, shape (resamples, columns)."""
    n = len(statistics)
    sums = [
        _counts(generator.integers(0, n, (size, n)), n) @ statistics
        for size in _batches(resamples, n)
    ]
    return np.concatenate(sums)


def _counts(draws: npt.NDArray[np.int64], n: int) -> Statistics:
    """Return how often each item was drawn, shape (draws, items)."""
    shifted = draws + np.arange(len(draws))[:, None] * n
    return np.bincount(shifted.ravel(), minlength=len(draws) * n).reshape(-1, n).astype(np.float64)


def _batches(total: int, items: int) -> list[int]:
    size = max(1, DRAWS_AT_ONCE // max(1, items))
    return [min(size, total - start) for start in range(0, total, size)]


def _percentiles(draws: npt.NDArray[np.float64], confidence: float) -> tuple[float, float]:
    kept = draws[np.isfinite(draws)]
    if not len(kept):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(kept, [tail, 1 - tail])
    return float(low), float(high)


def _sign(start: str, **parts: object) -> str:
    return "|".join(
        [*([start] if start else []), *(f"{key}:{part}" for key, part in parts.items())]
    )


def _check(resamples: int, confidence: float) -> None:
    if resamples < 1 or not 0 < confidence < 1:
        raise UserError(
            f"{resamples} resamples at confidence {confidence} give no interval; set "
            "evaluate.resamples to at least 1 and evaluate.confidence between 0 and 1"
        )


def _check_pair(first: Statistics, second: Statistics) -> None:
    if first.shape != second.shape or not len(first):
        raise UserError(
            f"systems can only be compared on the same items: {first.shape} against "
            f"{second.shape}; score both on one set of questions"
        )
