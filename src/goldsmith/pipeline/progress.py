"""How long-running work tells a person where it is, without knowing who is listening."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener. ``figures`` (``loss=2.31``) are shown beside the bar."""

    def start(self, task: str, total: int | None, unit: str) -> None: ...
    def advance(self, amount: int = 1, **figures: float | str) -> None: ...
    def finish(self, message: str = "") -> None: ...


class Silent:
    """Listens and says nothing."""

    def start(self, task: str, total: int | None, unit: str) -> None: ...
    def advance(self, amount: int = 1, **figures: float | str) -> None: ...
    def finish(self, message: str = "") -> None: ...
