"""How long-running work tells a person where it is, without knowing who is listening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Unit:
    """One piece of work that a worker has in hand."""

    name: str  # id of the document
    worker: int  # process id
    since: float  # seconds since the epoch
    uri: str | None = None  # of the document, where the work is to read it


class Progress(Protocol):
    """A listener. ``figures`` (``loss=2.31``) are shown beside the bar.

    ``done`` of the ``total`` were done before the task started, and are no part of its rate.
    """

    def start(self, task: str, total: int | None, unit: str, done: int = 0) -> None: ...
    def advance(self, amount: int = 1, **figures: float | str) -> None: ...
    def finish(self, message: str = "") -> None: ...
    def hold(self, units: Sequence[Unit]) -> None:
        """Told often, about twenty times a second, what all workers have in hand."""
        ...


class Silent:
    """Listens and says nothing."""

    def start(self, task: str, total: int | None, unit: str, done: int = 0) -> None: ...
    def advance(self, amount: int = 1, **figures: float | str) -> None: ...
    def finish(self, message: str = "") -> None: ...
    def hold(self, units: Sequence[Unit]) -> None: ...
