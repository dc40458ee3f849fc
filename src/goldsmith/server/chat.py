"""POST /v1/chat/completions for both models: choose who answers, and put the answer in the shape
that clients of the OpenAI API read, whole or as a stream of chunks.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from goldsmith.engine import AnswerStream, TokenLogprobs
from goldsmith.errors import UserError
from goldsmith.server.body import read_json
from goldsmith.server.errors import bad_field
from goldsmith.server.fields import ChatBody, parse_chat
from goldsmith.server.generate import Choice, finish_reason, prompt_room, start, whole
from goldsmith.server.grounded import Grounded, ground
from goldsmith.server.service import ChatTokenizer, Service, service_of
from goldsmith.server.stream import EventStream, while_connected


async def chat_completions(request: Request) -> Response:
    body = parse_chat(await read_json(request))
    service = service_of(request)
    service.require_model(body.model)
    if body.model == service.grounded:
        return await while_connected(request, lambda: _grounded(service, body))
    return await while_connected(request, lambda: _generated(service, body))


@dataclass(frozen=True)
class Head:
    """What all chunks of one answer have in common."""

    id: str
    created: int
    model: str

    @classmethod
    def new(cls, kind: str, model: str) -> Head:
        return cls(f"{kind}-{secrets.token_hex(12)}", int(time.time()), model)

    def whole(self, object_name: str, **rest: Any) -> dict[str, Any]:
        about = {"id": self.id, "object": object_name, "created": self.created}
        return {**about, "model": self.model, **rest}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


class Chunks:
    """Builds the chunks of one streamed chat answer."""

    def __init__(self, head: Head, include_usage: bool) -> None:
        self._head = head
        self._usage = {"usage": None} if include_usage else {}

    def delta(
        self,
        index: int,
        delta: Mapping[str, Any],
        finish: str | None = None,
        logprobs: Any = None,
        **extra: Any,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._head.whole("chat.completion.chunk", choices=[choice], **self._usage, **extra)

    def last(self, prompt: int, completion: int) -> dict[str, Any]:
        return self._head.whole(
            "chat.completion.chunk", choices=[], usage=usage(prompt, completion)
        )


async def _generated(service: Service, body: ChatBody) -> Response:
    engine, tokenizer = service.decoder()
    try:
        prompt = list(tokenizer.chat(body.messages))
    except UserError as error:
        # The model's template decides which conversations it can write down.
        raise bad_field("messages", str(error)) from error
    most = prompt_room(service, len(prompt), body.sampling.maximum_tokens, "max_tokens")
    head = Head.new("chatcmpl", body.model)
    requests = [body.sampling.request(prompt, most, choice) for choice in range(body.choices)]
    answers = start(engine, requests)
    if body.stream:
        return EventStream(_chunks(answers, tokenizer, body, head, len(prompt)), answers.abort)
    told = [Choice() for _ in range(body.choices)]
    completion = await whole(answers, told)
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": each.text, "refusal": None},
            "logprobs": _logprobs(tokenizer, each.logprobs) if each.logprobs else None,
            "finish_reason": each.finish,
        }
        for index, each in enumerate(told)
    ]
    return JSONResponse(
        head.whole("chat.completion", choices=choices, usage=usage(len(prompt), completion))
    )


async def _chunks(
    answers: AnswerStream, tokenizer: ChatTokenizer, body: ChatBody, head: Head, prompt: int
) -> AsyncIterator[dict[str, Any]]:
    chunks = Chunks(head, body.include_usage)
    completion = 0
    for index in range(body.choices):
        # The client joins repeated strings, so the role is said once.
        yield chunks.delta(index, {"role": "assistant", "content": ""})
    async for index, piece in answers:
        completion += piece.token is not None
        reason = None if piece.finish is None else finish_reason(piece)
        if piece.text or piece.logprobs is not None:
            about = None if piece.logprobs is None else _logprobs(tokenizer, [piece.logprobs])
            yield chunks.delta(index, {"content": piece.text}, logprobs=about)
        if reason is not None:
            yield chunks.delta(index, {}, reason)
    if body.include_usage:
        yield chunks.last(prompt, completion)


def _logprobs(tokenizer: ChatTokenizer, steps: list[TokenLogprobs]) -> dict[str, Any]:
    def one(token: int, value: float) -> dict[str, Any]:
        text = tokenizer.decode([token])
        return {"token": text, "logprob": value, "bytes": list(text.encode("utf-8"))}

    return {
        "content": [
            {
                **one(step.token, step.logprob),
                "top_logprobs": [one(token, value) for token, value in step.top],
            }
            for step in steps
        ],
        "refusal": None,
    }


async def _grounded(service: Service, body: ChatBody) -> Response:
    if body.sampling.penalised:
        raise bad_field(
            "logit_bias",
            "penalties and bias move the scores of tokens, but this model quotes sentences; "
            f"use them with '{service.language_model}'",
            "unsupported_parameter",
        )
    if body.sampling.template.logprobs is not None:
        raise bad_field(
            "logprobs", "this model quotes sentences, tokens have none", "unsupported_parameter"
        )
    if body.messages[-1]["role"] != "user":
        raise bad_field("messages", "the last message must be the user's question")
    question = body.messages[-1]["content"].strip()
    if not question:
        raise bad_field("messages", "the question is empty")
    found = ground(await service.ask(question), service, body.sampling)
    prompt = service.count_tokens(question)
    completion = body.choices * service.count_tokens(found.text)
    head = Head.new("chatcmpl", body.model)
    if body.stream:
        return EventStream(_grounded_chunks(found, body, head, prompt, completion))
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": found.text, "refusal": None},
            "logprobs": None,
            "finish_reason": found.finish,
        }
        for index in range(body.choices)
    ]
    return JSONResponse(
        head.whole(
            "chat.completion",
            choices=choices,
            usage=usage(prompt, completion),
            **found.extension(),
        )
    )


async def _grounded_chunks(
    found: Grounded, body: ChatBody, head: Head, prompt: int, completion: int
) -> AsyncIterator[dict[str, Any]]:
    chunks = Chunks(head, body.include_usage)
    for index in range(body.choices):
        yield chunks.delta(index, {"role": "assistant", "content": ""})
    for index in range(body.choices):
        for part in found.parts:
            yield chunks.delta(index, {"content": part})
        yield chunks.delta(index, {}, found.finish, **(found.extension() if index == 0 else {}))
    if body.include_usage:
        yield chunks.last(prompt, completion)
