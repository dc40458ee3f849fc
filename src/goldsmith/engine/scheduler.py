"""Which sequences run in the next step. Knows nothing of tensors.

Sequences wait in the order they came. Between any two steps, finished ones leave, free slots are
given to the longest waiting, and all running sequences go on together (continuous batching, Yu et
al. 2022, "Orca"). A step decodes one token of every sequence that has only one left to compute and
prefills prompts up to a budget, so that a long prompt delays running answers by one chunk only.

Prompts are cut into chunks at fixed places and each chunk is computed by itself, so the numbers a
prompt gives do not depend on its neighbours.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from goldsmith.engine.request import QueueFullError
from goldsmith.engine.sequence import Sequence, Status

PREFILL_CHUNK = 512
"""Prompt tokens computed at once, and in one step over all sequences."""


@dataclass(frozen=True)
class Plan:
    """One step: prompt chunks as (sequence, tokens), and sequences to decode by slot."""

    prefill: tuple[tuple[Sequence, int], ...]
    decode: tuple[Sequence, ...]


class Scheduler:
    """A bounded queue of waiting sequences and a fixed number of slots for running ones."""

    def __init__(self, slots: int, queue: int) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []  # in the order they were admitted
        self._free = list(range(slots))
        self._queue = queue

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.running

    def add(self, sequence: Sequence, *, bounded: bool = True) -> None:
        """Put a sequence at the end of the queue. Raises QueueFullError when that is full."""
        if bounded and len(self.waiting) >= self._queue:
            raise QueueFullError(f"{len(self.waiting)} requests are waiting; try again later")
        self.waiting.append(sequence)

    def aborted(self) -> list[Sequence]:
        """Return the sequences whose reader has gone; the caller finishes them."""
        return [sequence for sequence in (*self.running, *self.waiting) if sequence.aborted]

    def schedule(self) -> Plan:
        """Admit what fits and return the next step."""
        while self.waiting and self._free:
            sequence = self.waiting.popleft()
            sequence.slot = self._free.pop(0)
            sequence.status = Status.RUNNING
            self.running.append(sequence)
        prefill = []
        budget = PREFILL_CHUNK
        for sequence in self.running:
            if sequence.pending > 1 or sequence.generated == 0:
                count = min(sequence.pending, PREFILL_CHUNK)
                if count > budget:
                    break
                budget -= count
                prefill.append((sequence, count))
        decode = [s for s in self.running if s.pending == 1 and s.generated > 0]
        # Neighbouring slots let the cache be read in place.
        return Plan(tuple(prefill), tuple(sorted(decode, key=lambda s: s.slot)))

    def finish(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it stands, and free its slot for the next."""
        if sequence.status is Status.RUNNING:
            self.running.remove(sequence)
            self._free.append(sequence.slot)
            self._free.sort()
        elif sequence.status is Status.WAITING:
            self.waiting.remove(sequence)
        sequence.status = Status.FINISHED
        sequence.slot = -1

    @property
    def free_slots(self) -> int:
        return len(self._free)
