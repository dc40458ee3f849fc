"""What training asks of its data: the same batch for the same step, whenever it is asked.

Because a batch depends on its step alone, resuming needs no state of a loader, and a batch that
broke a run can be looked at by its number. The datasets room makes the real ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

IGNORED = -100
"""The target of a token that carries no loss."""


class Batch(Protocol):
    """Four int64 arrays (batch, sequence), as numpy arrays or tensors."""

    @property
    def tokens(self) -> Any:
        """Input tokens."""

    @property
    def targets(self) -> Any:
        """The token to predict at each place, or `IGNORED`."""

    @property
    def segments(self) -> Any:
        """Equal numbers see each other: one number for each packed piece, and one for padding."""

    @property
    def positions(self) -> Any:
        """Positions from 0 within each segment."""


class Batches(Protocol):
    """Batches by step; no state."""

    def batch(self, step: int) -> Batch:
        """Return the batch of a step (from 0), always the same one."""

    def validation(self) -> Iterable[Batch]:
        """Return the held-out batches in a stated order; empty where nothing is held out."""
