"""From a request body to the engine and back: room in the context, refusals, finish reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goldsmith.engine import (
    AnswerStream,
    Engine,
    EngineClosedError,
    Piece,
    QueueFullError,
    Request,
    RequestError,
    TokenLogprobs,
)
from goldsmith.server.errors import ApiError, bad_field, from_engine
from goldsmith.server.service import Service


@dataclass
class Choice:
    """An answer as it ended: its text, log-probabilities by token where asked for, and why."""

    text: str = ""
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    finish: str = ""


def prompt_room(service: Service, prompt: int, wanted: int | None, field: str) -> int:
    """Return how many tokens to generate at the most.

    Without a wish: the settings' limit or what the context leaves. Raises ApiError 400 for a wish
    that cannot be granted.
    """
    engine, _ = service.decoder()
    limit = service.settings.serve.maximum_tokens
    if wanted is not None and wanted > limit:
        raise bad_field(field, f"this server gives {limit} tokens at the most")
    if prompt + (wanted or 1) > engine.context:
        more = "" if wanted is None else f" and {wanted} more were asked for"
        raise ApiError(
            400,
            f"the prompt has {prompt} tokens{more}, but the context is {engine.context} tokens",
            param="messages" if field == "messages" else field if wanted else "prompt",
            code="context_length_exceeded",
        )
    return min(limit, engine.context - prompt) if wanted is None else wanted


def start(engine: Engine, requests: Sequence[Request]) -> AnswerStream:
    """Queue all requests or none. Raises ApiError 400 or 503."""
    try:
        return engine.submit(*requests)
    except (RequestError, QueueFullError, EngineClosedError) as error:
        raise from_engine(error) from error


def finish_reason(piece: Piece) -> str:
    """Return OpenAI's word for why an answer ended; raises ApiError where it did not end well."""
    if piece.finish == "abort":
        raise ApiError(503, "the server is shutting down", code="shutting_down", retry_after=5)
    if piece.finish == "error":
        raise ApiError(500, f"the answer failed: {piece.message}", code="generation_failed")
    assert piece.finish is not None
    return piece.finish


async def whole(answers: AnswerStream, choices: Sequence[Choice]) -> int:
    """Let every choice grow until it has ended; return how many tokens that took.

    Leaving early, also by an error, ends the others. Raises ApiError like `finish_reason`.
    """
    tokens = 0
    with answers:
        async for index, piece in answers:
            choice = choices[index]
            choice.text += piece.text
            tokens += piece.token is not None
            if piece.logprobs is not None:
                choice.logprobs.append(piece.logprobs)
            if piece.finish is not None:
                choice.finish = finish_reason(piece)
    return tokens
