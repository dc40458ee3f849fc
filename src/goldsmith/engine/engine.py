"""The loop: one thread that takes steps while there is work, and the ways in and out of it.

Requests come from any thread and are checked before they queue. Each answer goes to its own
listener, in pieces. An error while a step is computed ends only the sequence that caused it. What
runs next is the scheduler's decision, tensors are the runner's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

import numpy as np
import numpy.typing as npt

from goldsmith.engine.answers import AnswerStream, Collector
from goldsmith.engine.figures import Figures
from goldsmith.engine.request import (
    Completion,
    EngineClosedError,
    Finish,
    Piece,
    Request,
    RequestError,
    check,
)
from goldsmith.engine.runner import Runner
from goldsmith.engine.sampler import SamplingError, choose, logprobs
from goldsmith.engine.scheduler import Plan, Scheduler
from goldsmith.engine.sequence import Sequence
from goldsmith.engine.text import Vocabulary
from goldsmith.errors import UserError
from goldsmith.models import Decoder
from goldsmith.project import ServeSettings

#: What a step can fail with for one sequence's sake (memory, shapes, NaN).
STEP_ERRORS = (RuntimeError, ValueError, IndexError, MemoryError)


class Engine:
    """Answers many requests at once with one model. Close it, or use it in a ``with``."""

    def __init__(self, model: Decoder, tokenizer: Vocabulary, settings: ServeSettings) -> None:
        self._prompt = model.virtual_tokens
        room = min(model.config.context, settings.context)
        self.context = room - len(self._prompt)
        if self.context < 1:
            raise UserError(
                f"the model's prompt of {len(self._prompt)} virtual tokens fills its context of "
                f"{room}; raise serve.context"
            )
        self.vocabulary = model.config.vocabulary
        self.figures = Figures()
        self._tokenizer = tokenizer
        self._end_tokens = frozenset(model.config.eos)
        self._runner = Runner(model, settings.batch, room)
        self._scheduler = Scheduler(settings.batch, settings.queue)
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="goldsmith-engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check(self, request: Request) -> None:
        """Raise RequestError when the engine could not honour the request."""
        check(request, self.vocabulary, self.context)

    def start(
        self, request: Request, emit: Callable[[Piece], None], *, bounded: bool = True
    ) -> Sequence:
        """Queue a request; ``emit`` gets its pieces in the engine's thread and must not block.

        Raises RequestError, QueueFullError or EngineClosedError, in which case nothing is emitted.
        """
        self.check(request)
        sequence = Sequence(request, self._tokenizer, self._end_tokens, emit, self._prompt)
        with self._wake:
            if self._closing:
                raise EngineClosedError("the engine is shutting down")
            self._scheduler.add(sequence, bounded=bounded)
            self.figures.tokens_in += len(request.prompt)
            self._count()
            self._wake.notify()
        return sequence

    def submit(self, *requests: Request) -> AnswerStream:
        """Queue requests and return their pieces as one async iterator of (index, piece).

        All of them are queued or none. Raises like `start`.
        """
        return AnswerStream(self.start, self.abort, requests)

    def abort(self, sequence: Sequence) -> None:
        """Stop a sequence, waiting or running, before the next step; ended ones stay ended."""
        with self._wake:
            sequence.aborted = True
            self._wake.notify()

    def generate(self, requests: Iterable[Request]) -> list[Completion]:
        """Answer all requests, in their order; one that cannot be honoured ends with "error"."""
        listeners = []
        for request in requests:
            listeners.append(listener := Collector())
            try:
                self.start(request, listener.take, bounded=False)
            except RequestError as error:
                listener.take(Piece(None, "", None, "error", f"{error.field}: {error}"))
        return [listener.completion() for listener in listeners]

    def close(self) -> None:
        """Abort what is left and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    # the engine's thread from here on ---------------------------------------------------------

    def _loop(self) -> None:
        while True:
            with self._wake:
                while self._scheduler.idle and not self._closing:
                    self._wake.wait()
                if self._closing:
                    for sequence in (*self._scheduler.running, *self._scheduler.waiting):
                        sequence.aborted = True
                self._sweep()
                if self._closing:
                    return
                plan = self._scheduler.schedule()
                self._count()
            self._step(plan)

    def _sweep(self) -> None:
        for sequence in self._scheduler.aborted():
            self._scheduler.finish(sequence)
            self._finished("abort")
            sequence.end("abort")

    def _step(self, plan: Plan) -> None:
        for sequence, count in plan.prefill:
            start = sequence.computed
            tokens = sequence.tokens[start : start + count]
            try:
                logits = self._runner.prefill(sequence.slot, tokens, start)
            except STEP_ERRORS as error:
                self._fail(sequence, error)
                continue
            sequence.computed += count
            if sequence.pending == 0:
                self._advance(sequence, logits)
        if plan.decode:
            self._decode(plan.decode)

    def _decode(self, sequences: tuple[Sequence, ...]) -> None:
        try:
            rows = self._runner.decode(
                [sequence.slot for sequence in sequences],
                [sequence.tokens[-1] for sequence in sequences],
                [sequence.computed for sequence in sequences],
            )
        except STEP_ERRORS as error:
            if len(sequences) == 1:
                self._fail(sequences[0], error)
            else:
                # Alone, only the culprit fails again.
                for sequence in sequences:
                    self._decode((sequence,))
            return
        for sequence, logits in zip(sequences, rows, strict=True):
            sequence.computed += 1
            self._advance(sequence, logits)

    def _advance(self, sequence: Sequence, logits: npt.NDArray[np.float32]) -> None:
        request = sequence.request
        try:
            token = choose(logits, request, request.prompt, sequence.counts, sequence.random)
            about = None if request.logprobs is None else logprobs(logits, token, request.logprobs)
        except SamplingError as error:
            self._fail(sequence, error)
            return
        now = time.monotonic()
        figures = self.figures
        first = sequence.generated == 0
        (figures.first_token_seconds if first else figures.token_seconds).add(now - sequence.spoke)
        sequence.spoke = now
        figures.tokens_out += 1
        piece = sequence.take(token, about)
        if piece.finish is not None:
            # The slot is free before the reader learns that the answer is whole.
            self._leave(sequence, piece.finish)
        sequence.emit(piece)

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        self._leave(sequence, "error")
        sequence.end("error", str(error))

    def _leave(self, sequence: Sequence, finish: Finish) -> None:
        with self._wake:
            self._scheduler.finish(sequence)
            self._finished(finish)

    def _finished(self, finish: Finish) -> None:
        self.figures.finished[finish] += 1
        self._count()

    def _count(self) -> None:
        self.figures.running = len(self._scheduler.running)
        self.figures.waiting = len(self._scheduler.waiting)
