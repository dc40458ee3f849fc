"""What training asks of its data: the same batch for the same step, whenever it is asked.

Because a batch depends on its step alone, resuming needs no state of a loader, threads may make
batches ahead, and a batch that broke a run can be looked at by its number. The datasets room makes
the real ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import torch
from torch import Tensor

IGNORED = -100
"""The target of a token that carries no loss."""


class Batches(Protocol):
    """Batches by step; no state.

    A batch is an object of arrays or tensors whose first axis is the batch: for the next token
    those of `datasets.Batch`, for other objectives what they name (see `objectives`).
    """

    def batch(self, step: int) -> Any:
        """Return the batch of a step (from 0), always the same one."""

    def validation(self) -> Iterable[Any]:
        """Return the held-out batches in a stated order; empty where nothing is held out."""


def tensors_of(batch: Any) -> dict[str, Tensor]:
    """Return a batch's fields as tensors, by name."""
    return {name: torch.as_tensor(value) for name, value in vars(batch).items()}


def micro_batches(arrays: dict[str, Tensor], rows: int) -> Iterator[dict[str, Tensor]]:
    """Yield ``rows`` rows at a time (0: all at once)."""
    size = len(next(iter(arrays.values())))
    for start in range(0, size, rows or size):
        yield {name: array[start : start + (rows or size)] for name, array in arrays.items()}


def in_order(batches: Batches, first: int, end: int, loaders: int) -> Iterator[dict[str, Tensor]]:
    """Yield the batches of steps ``first`` to ``end - 1`` (from 0), made ahead by threads."""
    if not loaders:
        for step in range(first, end):
            yield tensors_of(batches.batch(step))
        return
    with ThreadPoolExecutor(loaders) as pool:
        ahead: deque[Future[Any]] = deque()
        for step in range(first, end):
            while len(ahead) < 2 * loaders and step + len(ahead) < end:
                ahead.append(pool.submit(batches.batch, step + len(ahead)))
            yield tensors_of(ahead.popleft().result())
