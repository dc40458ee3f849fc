"""What is learned: the loss of a batch under one model, summed, and the number of its targets.

An objective is a function (model, arrays of a batch) -> (summed loss in nats, count). Sums, because
the loop divides by the count of the whole step, however it was split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Arrays = dict[str, Tensor]
Objective = Callable[[Any, Arrays], tuple[Tensor, int]]


def causal(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """The next token (a `Decoder`): tokens, targets, segments, positions (batch, sequence)."""
    result: tuple[Tensor, int] = model.loss(
        arrays["tokens"],
        arrays["targets"],
        positions=arrays["positions"],
        segments=arrays["segments"],
    )
    return result
