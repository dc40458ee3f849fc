"""Where an answer's pieces go: to a reader in an event loop, or to a caller that waits for all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from types import TracebackType

from goldsmith.engine.request import Completion, Piece, Request
from goldsmith.engine.sequence import Sequence

Start = Callable[[Request, Callable[[Piece], None]], Sequence]


class AnswerStream:
    """The pieces of some answers, for one reader in an event loop; `abort` is for any thread.

    In a ``with``, what is unfinished at its end is aborted.
    """

    def __init__(
        self, start: Start, abort: Callable[[Sequence], None], requests: Iterable[Request]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[tuple[int, Piece]] = asyncio.Queue()
        self._abort = abort
        self._sequences: list[Sequence] = []
        try:
            for index, request in enumerate(requests):
                self._sequences.append(start(request, partial(self._emit, index)))
        except Exception:
            self.abort()
            raise

    def abort(self) -> None:
        for sequence in self._sequences:
            self._abort(sequence)

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    async def __aiter__(self) -> AsyncIterator[tuple[int, Piece]]:
        """Yield (request's index, piece) until all answers have ended."""
        unfinished = len(self._sequences)
        while unfinished:
            index, piece = await self._pieces.get()
            unfinished -= piece.finish is not None
            yield index, piece

    def _emit(self, index: int, piece: Piece) -> None:
        # A closed loop has no reader any more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, (index, piece))


class Collector:
    """Gathers one answer for a caller that waits for it."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._done = threading.Event()

    def take(self, piece: Piece) -> None:
        self._pieces.append(piece)
        if piece.finish is not None:
            self._done.set()

    def completion(self) -> Completion:
        self._done.wait()
        pieces = self._pieces
        return Completion(
            tokens=tuple(piece.token for piece in pieces if piece.token is not None),
            text="".join(piece.text for piece in pieces),
            finish=pieces[-1].finish or "error",
            logprobs=tuple(piece.logprobs for piece in pieces if piece.logprobs is not None),
            message=pieces[-1].message,
        )
