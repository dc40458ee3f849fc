"""A small file that says what a running command is doing, for another process to read.

The journal passes everything on to another listener and keeps the last state in a file, written
beside it and renamed, so that a reader never sees half of one. It is a glimpse, not data: no other
command depends on it, it is not synced to the disk, and it may be deleted at any time. Whether the
process that wrote it still lives is told by its id and its time of start together, since ids are
used again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from goldsmith.pipeline.progress import Progress, Unit

_SECONDS = 0.5  # between two writings
_SAME_START = 1.0  # seconds that two readings of a process' start may differ


@dataclass(frozen=True)
class State:
    """What a command was doing when it last wrote; ``alive``: it still runs."""

    alive: bool
    process: int
    task: str  # the stage or step; "" between two
    total: int | None
    done: int
    unit: str
    since: float  # start of the task, seconds since the epoch
    written: float
    figures: dict[str, float | str]
    units: tuple[Unit, ...]


class Journal:
    """A listener that keeps a `State` in ``path`` and passes on to ``listener``."""

    def __init__(self, listener: Progress, path: Path) -> None:
        self._listener = listener
        self._path = path
        self._written = 0.0
        self._changed = False
        me = psutil.Process()
        self._about = {"process": me.pid, "process_start": me.create_time()}
        self._state: dict[str, Any] = _blank()
        self._units: tuple[Unit, ...] = ()

    def start(self, task: str, total: int | None, unit: str, done: int = 0) -> None:
        self._state = _blank() | {"task": task, "total": total, "unit": unit, "done": done}
        self._write()
        self._listener.start(task, total, unit, done)

    def advance(self, amount: int = 1, **figures: float | str) -> None:
        self._state["done"] += amount
        self._state["figures"] |= figures
        self._write_now_and_then()
        self._listener.advance(amount, **figures)

    def finish(self, message: str = "") -> None:
        self._state, self._units = _blank(), ()
        self._write()
        self._listener.finish(message)

    def hold(self, units: Sequence[Unit]) -> None:
        if tuple(units) != self._units:
            self._units = tuple(units)
            self._changed = True
        if self._changed:
            self._write_now_and_then()
        self._listener.hold(units)

    def _write_now_and_then(self) -> None:
        self._changed = True
        if time.monotonic() - self._written >= _SECONDS:
            self._write()

    def _write(self) -> None:
        if not self._path.parent.is_dir():
            return  # the workspace is not there yet, or not any more
        value = self._about | self._state | {"units": [asdict(unit) for unit in self._units]}
        temporary = self._path.with_name(f".{self._path.name}.writing")
        temporary.write_text(json.dumps(value | {"written": time.time()}), "utf-8")
        os.replace(temporary, self._path)
        self._written, self._changed = time.monotonic(), False


def read_state(path: Path) -> State | None:
    """Return the state in a journal's file; None where there is none that can be read."""
    try:
        value = json.loads(path.read_text("utf-8"))
        started = value.pop("process_start")
        units = tuple(Unit(**unit) for unit in value.pop("units"))
        return State(alive=_lives(value["process"], started), units=units, **value)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _lives(process: int, started: float) -> bool:
    try:
        return bool(abs(psutil.Process(process).create_time() - started) < _SAME_START)
    except psutil.Error:
        return False


def _blank() -> dict[str, Any]:
    return {
        "task": "",
        "total": None,
        "done": 0,
        "unit": "",
        "since": time.time(),
        "figures": {},
    }
