"""Worker processes that may hang, swell or die without harming the run.

Each worker is a fresh interpreter joined by a pipe. The parent gives it one task at a time, watches
the clock and the worker's resident memory, kills it past either limit, and starts another. The
clock runs from when the worker takes the task up: its own start is no fault of a document. A worker
that keeps much memory after a task is replaced, so that the next does not pay for it; one whose
parent dies is killed by the kernel. Results come back as they finish: order is the caller's.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal

import psutil

from goldsmith.pipeline.progress import Unit

Cause = Literal["time limit", "memory limit", "worker died", "error"]

_WATCH_SECONDS = 0.05
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux' prctl
_START_SECONDS = 120.0  # for a worker to start and take up its task
_KEPT_SHARE = 0.5  # of the memory limit: a worker that holds more between tasks is replaced
_HEADROOM = 6 * 2**30  # address space above the resident limit: libraries reserve a lot


@dataclass(frozen=True)
class Failure:
    """A task that gave no result, and why."""

    cause: Cause
    detail: str


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Any = None
    deadline: float = 0.0
    since: float = 0.0

    def unit(self) -> Unit:
        return Unit(str(self.task[0]), self.process.pid or 0, self.since)


class Pool:
    """Up to ``workers`` processes, each under ``megabytes`` of memory and ``seconds`` a task."""

    def __init__(self, workers: int, seconds: float, megabytes: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._count = workers
        self._seconds = seconds
        self._bytes = megabytes * 2**20
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            _kill(worker)
        self._workers.clear()

    def map(
        self,
        function: Callable[[Any], Any],
        tasks: Iterable[tuple[Any, Any]],
        watch: Callable[[Sequence[Unit]], None] | None = None,
    ) -> Iterator[tuple[Any, Any | Failure]]:
        """Yield (key, result or Failure) for each (key, argument), as they finish.

        ``function`` must be importable from a module. A task whose worker died for no known reason
        is tried once more before it counts as a failure. ``watch`` is told what the workers have in
        hand, each time we look.
        """
        busy: dict[Connection, _Worker] = {}
        try:
            yield from self._map(function, iter(tasks), busy, watch or (lambda units: None))
        finally:
            for worker in busy.values():  # the caller went away: nobody waits for these
                self._discard(worker)

    def _map(
        self,
        function: Callable[[Any], Any],
        waiting: Iterator[tuple[Any, Any]],
        busy: dict[Connection, _Worker],
        watch: Callable[[Sequence[Unit]], None],
    ) -> Iterator[tuple[Any, Any | Failure]]:
        again: list[tuple[Any, Any, int]] = []
        idle = list(self._workers)
        exhausted = False
        while True:
            while not exhausted or again:
                if not idle and len(busy) >= self._count:
                    break
                if again:
                    key, argument, tries = again.pop()
                else:
                    task = next(waiting, None)
                    if task is None:
                        exhausted = True
                        break
                    (key, argument), tries = task, 0
                worker = idle.pop() if idle else self._start()
                worker.task = (key, argument, tries)
                worker.deadline = time.monotonic() + max(self._seconds, _START_SECONDS)
                worker.since = time.time()
                try:
                    worker.pipe.send((function, argument))
                except (BrokenPipeError, ConnectionResetError):
                    self._discard(worker)
                    again.append((key, argument, tries))
                    continue
                busy[worker.pipe] = worker
            watch([worker.unit() for worker in busy.values()])
            if not busy:
                return
            ready = set(wait(list(busy), timeout=_WATCH_SECONDS))
            for pipe in [pipe for pipe in busy if pipe in ready]:
                worker = busy[pipe]
                key, argument, tries = worker.task
                try:
                    done, result = worker.pipe.recv()
                    if not done:
                        worker.deadline = time.monotonic() + self._seconds
                        worker.since = time.time()
                        continue
                    del busy[pipe]
                except (EOFError, ConnectionResetError):
                    del busy[pipe]
                    self._discard(worker)
                    if tries == 0:
                        again.append((key, argument, 1))
                    else:
                        yield key, Failure("worker died", _end_of(worker.process.exitcode))
                    continue
                if _resident(worker) > _KEPT_SHARE * self._bytes:
                    self._discard(worker)
                else:
                    idle.append(worker)
                yield key, result
            for pipe, worker in list(busy.items()):
                cause = self._limit_passed(worker)
                if cause is not None:
                    del busy[pipe]
                    self._discard(worker)
                    yield worker.task[0], cause

    def _limit_passed(self, worker: _Worker) -> Failure | None:
        if time.monotonic() > worker.deadline:
            return Failure("time limit", f"not done after {self._seconds:g} seconds")
        if _resident(worker) > self._bytes:
            return Failure("memory limit", f"more than {self._bytes // 2**20} MB of memory")
        return None

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._bytes + _HEADROOM, os.getpid()), daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _discard(self, worker: _Worker) -> None:
        _kill(worker)
        self._workers.remove(worker)


def _resident(worker: _Worker) -> int:
    """Bytes in memory; 0 when the worker has just ended, which its pipe will say."""
    try:
        return int(psutil.Process(worker.process.pid).memory_info().rss)
    except psutil.Error:
        return 0


def _end_of(code: int | None) -> str:
    """How a worker died, twice, for a person."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may be short of memory" if name == "SIGKILL" else ""
        return f"two workers died of it, the second by {name}{hint}"
    return f"two workers died of it, the second with exit code {code}"


def _kill(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _work(pipe: Connection, address_space: int, parent: int) -> None:
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides on Ctrl-C
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    while True:
        try:
            function, argument = pipe.recv()
        except EOFError:
            return
        pipe.send((False, None))  # taken up
        try:
            result = function(argument)
        except MemoryError:
            result = Failure("memory limit", "the worker could get no more memory")
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            result = Failure("error", f"{detail}\n{traceback.format_exc()}")
        pipe.send((True, result))
