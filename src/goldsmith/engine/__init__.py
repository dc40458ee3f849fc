"""Batched inference: many requests, one model, one thread.

A `Request` is token ids and how to continue them; the `Engine` answers many at once. Requests wait
in a bounded queue, get a slot of the key-value cache, are prefilled, and from then on decode
together, one token of each in every step; they join and leave between steps. What a sequence draws
depends on its own seed alone. `Engine.generate` answers a list, `Engine.submit` streams one answer
into an event loop, aborting frees the slot before the next step. Words are the tokenizer's
business, HTTP the server's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldsmith import front_door
from goldsmith.engine.figures import Figures, Histogram
from goldsmith.engine.request import (
    Completion,
    EngineClosedError,
    Piece,
    QueueFullError,
    Request,
    RequestError,
    TokenLogprobs,
)

if TYPE_CHECKING:
    from goldsmith.engine.answers import AnswerStream
    from goldsmith.engine.engine import Engine

__all__ = [
    "AnswerStream",
    "Completion",
    "Engine",
    "EngineClosedError",
    "Figures",
    "Histogram",
    "Piece",
    "QueueFullError",
    "Request",
    "RequestError",
    "TokenLogprobs",
]

# torch is imported with the engine itself, not with the words to speak to it.

_PLACES = {
    "answers": ("AnswerStream",),
    "engine": ("Engine",),
}
__getattr__ = front_door(__name__, _PLACES)
