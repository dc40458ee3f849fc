"""The learning rate of a step: linear warm-up, then one of three ways down to a tenth.

``cosine`` is a half cosine (Loshchilov & Hutter 2017, no restarts), ``linear`` a straight line, and
``wsd`` (warm-up, stable, decay; Hu et al. 2024) stays at the peak until the last fifth and comes
down in a straight line, so that a run may be prolonged from before its decay.
"""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "linear", "wsd"]

FLOOR = 0.1
"""Share of the peak learning rate that is left at the last step."""
DECAY = 0.2
"""Share of the steps after warm-up in which ``wsd`` comes down."""


def learning_rate(
    step: int, steps: int, peak: float, warmup: int, schedule: Schedule = "cosine"
) -> float:
    """Return the rate for a step from 0 to ``steps - 1``.

    Warm-up is cut to half of a run that is shorter than twice as long, so that a tiny run still
    comes down.
    """
    warmup = min(warmup, steps // 2)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - 1 - warmup))
    if schedule == "cosine":
        left = 0.5 * (1 + math.cos(math.pi * done))
    elif schedule == "linear":
        left = 1.0 - done
    else:
        left = min(1.0, (1.0 - done) / DECAY)
    return peak * (FLOOR + (1 - FLOOR) * left)
