"""One request on its way: its tokens, how many of them the cache holds, and where it stands."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from enum import Enum

import numpy as np

from goldsmith.engine.request import Finish, Piece, Request, TokenLogprobs
from goldsmith.engine.text import TextStream, Vocabulary


class Status(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


class Sequence:
    """The state of one request. ``emit`` takes each piece of the answer, in the engine's thread.

    ``before`` are virtual tokens of the model's own, which the request does not show.
    """

    def __init__(
        self,
        request: Request,
        vocabulary: Vocabulary,
        end_tokens: frozenset[int],
        emit: Callable[[Piece], None],
        before: tuple[int, ...] = (),
    ) -> None:
        self.request = request
        self.tokens = [*before, *request.prompt]
        self._given = len(self.tokens)
        self.computed = 0  # tokens whose keys and values are in the cache
        self.slot = -1  # row of the cache while running
        self.status = Status.WAITING
        self.aborted = False
        self.counts: dict[int, int] = {}  # generated token -> times
        self.arrived = time.monotonic()
        self.spoke = self.arrived  # when the last token came
        self._end_tokens = end_tokens if request.stop_ids is None else request.stop_ids
        self.emit = emit
        self._text = TextStream(vocabulary, request.prompt, request.stop)
        seed = secrets.randbits(63) if request.seed is None else request.seed % 2**64
        self.random = np.random.Generator(np.random.PCG64(seed))

    @property
    def generated(self) -> int:
        return len(self.tokens) - self._given

    @property
    def pending(self) -> int:
        """Tokens that the model has not seen yet; one while decoding, more while prefilling."""
        return len(self.tokens) - self.computed

    def take(self, token: int, logprobs: TokenLogprobs | None = None) -> Piece:
        """Add a token and return its piece of the answer."""
        self.tokens.append(token)
        self.counts[token] = self.counts.get(token, 0) + 1
        finish: Finish | None = None
        if token in self._end_tokens:
            text, finish = self._text.flush(), "stop"
        else:
            text = self._text.push(token)
            if self._text.stopped:
                finish = "stop"
            elif self.generated >= self.request.maximum_tokens:
                text, finish = text + self._text.flush(), "length"
        return Piece(token, text, logprobs, finish)

    def end(self, finish: Finish, message: str = "") -> None:
        """End the answer without another token."""
        text = "" if finish == "abort" else self._text.flush()
        self.emit(Piece(None, text, None, finish, message))
