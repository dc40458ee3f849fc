"""What a person sees while work goes on: a bar with rate and time left, on standard error.

Where standard error is no terminal, one line for each finished task, and one now and then for a
long one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.pipeline.progress import Unit

_SECONDS_BETWEEN_LINES = 30.0


class Console:
    """Listens to one task at a time (`goldsmith.pipeline.Progress`)."""

    def __init__(self) -> None:
        self._task = ""
        self._unit = ""
        self._done = 0
        self._before = 0  # done before the task began: no part of its rate
        self._total: int | None = None
        self._started = 0.0
        self._said = 0.0
        self._figures: dict[str, float | str] = {}
        self._live: Any = None
        self._bar: Any = None

    def start(self, task: str, total: int | None, unit: str, done: int = 0) -> None:
        self._close()
        self._task, self._unit, self._figures = task, unit, {}
        self._done, self._before, self._total = done, done, total
        self._started = self._said = time.monotonic()
        if sys.stderr.isatty():
            self._live = _bars()
            self._live.start()
            self._bar = self._live.add_task(
                task, total=total, completed=done, figures="", unit=unit
            )

    def advance(self, amount: int = 1, **figures: float | str) -> None:
        self._done += amount
        self._figures |= figures
        if self._live is not None:
            self._live.update(self._bar, advance=amount, figures=self._shown())
        elif time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            say(f"{self._task:<12} {self._where()}  {self._shown()}".rstrip())

    def hold(self, units: Sequence[Unit]) -> None:
        """What workers have in hand is for `goldsmith status`."""

    def finish(self, message: str = "") -> None:
        self._close()
        seconds = time.monotonic() - self._started
        fresh = self._done - self._before
        rate = f" ({fresh / seconds:,.3g} {self._unit}/s)" if fresh and seconds else ""
        amount = f"{self._done:,} {self._unit} in " if self._done else ""
        tail = "  ".join(part for part in (self._shown(), message) if part)
        say(f"{self._task:<12} {amount}{seconds:.1f} s{rate}  {tail}".rstrip())

    def _where(self) -> str:
        """So many of so many, the rate, and the time left at that rate."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = (self._done - self._before) / seconds
        done = f"{self._done:,}" + (f" of {self._total:,}" if self._total else "")
        text = f"{done} {self._unit}, {rate:,.3g}/s"
        if self._total and rate:
            left = int((self._total - self._done) / rate)
            text += f", about {left // 60}:{left % 60:02} left"
        return text

    def _shown(self) -> str:
        return "  ".join(
            f"{name.replace('_', ' ')} {value:.4g}"
            if isinstance(value, float)
            else f"{name} {value}"
            for name, value in self._figures.items()
        )

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _bars() -> Any:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=RichConsole(stderr=True),
        transient=True,
    )


def say(text: str) -> None:
    """Tell a person something without disturbing what machines read on standard output."""
    print(text, file=sys.stderr, flush=True)


def show(value: Any, as_json: bool, lines: list[str]) -> None:
    """Print a result: JSON for machines, or lines for people."""
    print(json.dumps(value, ensure_ascii=False, indent=1) if as_json else "\n".join(lines))
