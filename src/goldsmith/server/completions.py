"""POST /v1/completions: prompts continued by the language model, as text or token ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from goldsmith.engine import AnswerStream, TokenLogprobs
from goldsmith.server.body import read_json
from goldsmith.server.chat import Head, usage
from goldsmith.server.errors import bad_field
from goldsmith.server.fields import CompletionBody, parse_completion
from goldsmith.server.generate import Choice, finish_reason, prompt_room, start, whole
from goldsmith.server.service import ChatTokenizer, Service, service_of
from goldsmith.server.stream import EventStream, while_connected


async def completions(request: Request) -> Response:
    body = parse_completion(await read_json(request))
    service = service_of(request)
    service.require_model(body.model)
    if body.model == service.grounded:
        raise bad_field(
            "model",
            f"'{body.model}' answers questions at /v1/chat/completions; "
            f"'{service.language_model}' completes text",
            "unsupported_value",
        )
    return await while_connected(request, lambda: _complete(service, body))


async def _complete(service: Service, body: CompletionBody) -> Response:
    engine, tokenizer = service.decoder()
    prompts = [list(tokenizer.encode(one)) if isinstance(one, str) else one for one in body.prompts]
    requests, echoes = [], []
    for prompt in prompts:
        if not prompt:
            raise bad_field("prompt", "the prompt is empty")
        most = prompt_room(service, len(prompt), body.sampling.maximum_tokens, "max_tokens")
        for choice in range(body.choices):
            requests.append(body.sampling.request(prompt, most, choice))
    answers = start(engine, requests)
    for one, prompt in zip(body.prompts, prompts, strict=True):
        # start() has checked the ids, so they can be decoded.
        shown = one if isinstance(one, str) else tokenizer.decode(prompt)
        echoes += [shown if body.echo else ""] * body.choices
    head = Head.new("cmpl", body.model)
    prompt_tokens = sum(len(prompt) for prompt in prompts)
    if body.stream:
        return EventStream(
            _chunks(answers, tokenizer, body, head, echoes, prompt_tokens), answers.abort
        )
    told = [Choice(echo) for echo in echoes]
    completion = await whole(answers, told)
    choices = [
        {
            "index": index,
            "text": each.text,
            "logprobs": Offsets(tokenizer).take(each.logprobs) if each.logprobs else None,
            "finish_reason": each.finish,
        }
        for index, each in enumerate(told)
    ]
    return JSONResponse(
        head.whole("text_completion", choices=choices, usage=usage(prompt_tokens, completion))
    )


async def _chunks(
    answers: AnswerStream,
    tokenizer: ChatTokenizer,
    body: CompletionBody,
    head: Head,
    echoes: list[str],
    prompt_tokens: int,
) -> AsyncIterator[dict[str, Any]]:
    extra = {"usage": None} if body.include_usage else {}
    offsets = [Offsets(tokenizer) for _ in echoes]
    completion = 0
    for index, echo in enumerate(echoes):
        if echo:
            choice = {"index": index, "text": echo, "logprobs": None, "finish_reason": None}
            yield head.whole("text_completion", choices=[choice], **extra)
    async for index, piece in answers:
        completion += piece.token is not None
        reason = None if piece.finish is None else finish_reason(piece)
        if not piece.text and piece.logprobs is None and reason is None:
            continue
        about = None if piece.logprobs is None else offsets[index].take([piece.logprobs])
        choice = {
            "index": index,
            "text": piece.text,
            "logprobs": about,
            "finish_reason": reason,
        }
        yield head.whole("text_completion", choices=[choice], **extra)
    if body.include_usage:
        yield head.whole("text_completion", choices=[], usage=usage(prompt_tokens, completion))


class Offsets:
    """Log probabilities in the form of the completions API, with each token's place in the text."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        self._offset = 0

    def take(self, steps: list[TokenLogprobs]) -> dict[str, Any]:
        tokens, values, tops, offsets = [], [], [], []
        for step in steps:
            text = self._tokenizer.decode([step.token])
            tokens.append(text)
            values.append(step.logprob)
            tops.append({self._tokenizer.decode([token]): value for token, value in step.top})
            offsets.append(self._offset)
            self._offset += len(text)
        return {
            "tokens": tokens,
            "token_logprobs": values,
            "top_logprobs": tops,
            "text_offset": offsets,
        }
