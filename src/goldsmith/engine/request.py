"""What can be asked of the engine, what comes back, and what it refuses.

A request is plain data and is checked whole before it enters the queue: a field out of its range
is refused by name, so that nothing that was asked for is quietly dropped and no bad request ever
shares a batch with a good one. Text and HTTP are left to the server.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from goldsmith.errors import GoldsmithError, UserError

Finish = Literal["stop", "length", "abort", "error"]

MAXIMUM_LOGPROBS = 20
MAXIMUM_STOPS = 16
MAXIMUM_STOP_LENGTH = 1_000


class RequestError(UserError):
    """A request that cannot be honoured; ``field`` names the part of it that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class QueueFullError(GoldsmithError):
    """As many requests are waiting as the settings allow; try again later."""


class EngineClosedError(GoldsmithError):
    """The engine is shutting down and takes no more requests."""


@dataclass(frozen=True)
class Request:
    """One prompt to continue.

    The order in which the fields act on a token's logits: penalties, ``logit_bias``,
    ``temperature``, ``min_p``, ``top_k``, ``top_p``.
    """

    prompt: tuple[int, ...]
    """Token ids; at least one."""
    maximum_tokens: int = 128
    """Tokens to generate at the most; at least 1."""
    temperature: float = 1.0
    """0 takes the likeliest token (ties: the lowest id)."""
    top_p: float = 1.0
    """Keep the likeliest tokens that together hold this probability (Holtzman et al. 2020)."""
    top_k: int = 0
    """Keep this many of the likeliest tokens; 0 keeps all."""
    min_p: float = 0.0
    """Drop tokens less likely than this share of the likeliest (Nguyen et al. 2024)."""
    seed: int | None = None
    """Equal seeds draw equal tokens; None draws a fresh seed."""
    stop: tuple[str, ...] = ()
    """Generation ends before the first of these in the text."""
    stop_ids: frozenset[int] | None = None
    """Generation ends with one of these tokens; None: the model's end tokens."""
    logprobs: int | None = None
    """Give each token's log probability and this many alternatives (0..20); None: neither."""
    presence_penalty: float = 0.0
    """Taken from the logit of every token already generated; -2..2."""
    frequency_penalty: float = 0.0
    """Taken for each time a token was generated; -2..2."""
    repetition_penalty: float = 1.0
    """Divides positive and multiplies negative logits of tokens in prompt or output (CTRL)."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Added to the logits of these tokens; -100..100."""


@dataclass(frozen=True)
class TokenLogprobs:
    """Log probabilities under the model itself, before penalties, bias and temperature."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]
    """The likeliest tokens, best first, ties by id."""


@dataclass(frozen=True)
class Piece:
    """One step of an answer. The last one, and only it, has ``finish``."""

    token: int | None
    """None where an answer ends without another token (abort, error)."""
    text: str
    """New text that is safe to show: whole characters, no beginning of a stop string."""
    logprobs: TokenLogprobs | None = None
    finish: Finish | None = None
    message: str = ""
    """What went wrong, when ``finish`` is "error"."""


@dataclass(frozen=True)
class Completion:
    """A whole answer. ``tokens`` includes the end token, ``text`` does not show it."""

    tokens: tuple[int, ...]
    text: str
    finish: Finish
    logprobs: tuple[TokenLogprobs, ...] = ()
    message: str = ""


def check(request: Request, vocabulary: int, context: int) -> None:
    """Raise RequestError naming the first field that is out of range.

    ``context`` is how many tokens prompt and answer may have together.
    """
    if not request.prompt:
        raise RequestError("prompt", "the prompt has no tokens")
    if not all(_is_token(token, vocabulary) for token in request.prompt):
        raise RequestError("prompt", f"prompt token ids must be 0 to {vocabulary - 1}")
    if request.maximum_tokens < 1:
        raise RequestError("max_tokens", "must be at least 1")
    if len(request.prompt) + request.maximum_tokens > context:
        raise RequestError(
            "prompt",
            f"the prompt has {len(request.prompt)} tokens and up to {request.maximum_tokens} more "
            f"were asked for, but the context is {context} tokens; shorten one of them",
        )
    _within("temperature", request.temperature, 0.0, 2.0)
    _within("top_p", request.top_p, 0.0, 1.0)
    _within("min_p", request.min_p, 0.0, 1.0)
    _within("presence_penalty", request.presence_penalty, -2.0, 2.0)
    _within("frequency_penalty", request.frequency_penalty, -2.0, 2.0)
    _within("repetition_penalty", request.repetition_penalty, 0.01, 100.0)
    if request.top_k < 0:
        raise RequestError("top_k", "must be 0 (all tokens) or more")
    if request.seed is not None and not -(2**63) <= request.seed < 2**64:
        raise RequestError("seed", "must fit in 64 bits")
    if request.logprobs is not None and not 0 <= request.logprobs <= MAXIMUM_LOGPROBS:
        raise RequestError("top_logprobs", f"must be 0 to {MAXIMUM_LOGPROBS}")
    if len(request.stop) > MAXIMUM_STOPS:
        raise RequestError("stop", f"at most {MAXIMUM_STOPS} stop strings")
    if not all(0 < len(stop) <= MAXIMUM_STOP_LENGTH for stop in request.stop):
        raise RequestError("stop", f"stop strings have 1 to {MAXIMUM_STOP_LENGTH} characters")
    for token, bias in request.logit_bias.items():
        if not _is_token(token, vocabulary):
            raise RequestError("logit_bias", f"token {token} is not 0 to {vocabulary - 1}")
        _within("logit_bias", bias, -100.0, 100.0)


def _is_token(token: int, vocabulary: int) -> bool:
    return isinstance(token, int) and 0 <= token < vocabulary


def _within(field: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise RequestError(field, f"must be {low:g} to {high:g}")
