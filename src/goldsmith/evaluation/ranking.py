"""Retrieval metrics of one query, as trec_eval defines them; means and intervals are `score`'s.

``ranked`` is what a system returned, best first, without repeats; ``relevant`` maps the query's
relevant items to their grade (1 and up). A query without relevant items has no score (None), as
trec_eval leaves it out. Source: trec_eval 9 (NIST), measures P, recall, success, recip_rank, map
and ndcg_cut: gains are the grades themselves, discounts log2(rank + 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Grades = Mapping[str, float]


def precision(ranked: Sequence[str], relevant: Grades, k: int) -> float | None:
    """The share of the first k places that are relevant; missing places count as not (P_k)."""
    return _found(ranked[:k], relevant) / k if _any(relevant) else None


def recall(ranked: Sequence[str], relevant: Grades, k: int) -> float | None:
    """The share of the relevant items that are in the first k places (recall_k)."""
    return _found(ranked[:k], relevant) / _count(relevant) if _any(relevant) else None


def hit_rate(ranked: Sequence[str], relevant: Grades, k: int) -> float | None:
    """1 where a relevant item is in the first k places, else 0 (success_k)."""
    return float(_found(ranked[:k], relevant) > 0) if _any(relevant) else None


def reciprocal_rank(ranked: Sequence[str], relevant: Grades) -> float | None:
    """One over the rank of the first relevant item, 0 where none was returned (recip_rank)."""
    if not _any(relevant):
        return None
    for rank, item in enumerate(ranked, 1):
        if relevant.get(item, 0) > 0:
            return 1 / rank
    return 0.0


def average_precision(ranked: Sequence[str], relevant: Grades) -> float | None:
    """The mean, over all relevant items, of the precision at their ranks (map)."""
    if not _any(relevant):
        return None
    found = 0
    total = 0.0
    for rank, item in enumerate(ranked, 1):
        if relevant.get(item, 0) > 0:
            found += 1
            total += found / rank
    return total / _count(relevant)


def ndcg(ranked: Sequence[str], relevant: Grades, k: int) -> float | None:
    """Discounted gain of the first k places over the best possible one (ndcg_cut_k).

    Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques" (2002); the gain is
    the grade, not 2^grade - 1.
    """
    if not _any(relevant):
        return None
    gains = [max(0.0, relevant.get(item, 0)) for item in ranked[:k]]
    ideal = sorted((grade for grade in relevant.values() if grade > 0), reverse=True)[:k]
    return _discounted(gains) / _discounted(ideal)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _found(ranked: Sequence[str], relevant: Grades) -> int:
    return sum(relevant.get(item, 0) > 0 for item in ranked)


def _count(relevant: Grades) -> int:
    return sum(grade > 0 for grade in relevant.values())


def _any(relevant: Grades) -> bool:
    return _count(relevant) > 0
