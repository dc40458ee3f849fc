"""The learning rate of a step: linear warm-up, then a half cosine down to a tenth."""

from __future__ import annotations

import math

FLOOR = 0.1
"""Share of the peak learning rate that is left at the last step."""


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Return the rate for a step from 0 to ``steps - 1`` (Loshchilov & Hutter 2017, no restarts).

    Warm-up is cut to half of a run that is shorter than twice as long, so that a tiny run still
    comes down.
    """
    warmup = min(warmup, steps // 2)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return peak * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
