"""The three request bodies of the OpenAI API as typed values.

Each field of the public reference is taken here: honoured, or accepted only at the value that asks
for what happens anyway, or refused by name. Labels that ask for nothing (``user``,
``safety_identifier``, ``prompt_cache_key``) are checked and change nothing. ``top_k``, ``min_p``
and ``repetition_penalty`` are additions that other servers share.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from goldsmith.engine import Request
from goldsmith.server.body import Fields, are_tokens, as_list, as_number, as_object, as_text
from goldsmith.server.errors import bad_field

MAXIMUM_CHOICES = 16
MAXIMUM_MESSAGES = 1_000
MAXIMUM_INPUTS = 2_048
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt, as far as the body says; `request` adds the prompt."""

    maximum_tokens: int | None
    template: Request
    penalised: bool
    """Whether the body asks to move the scores of single tokens."""

    def request(self, prompt: list[int], maximum_tokens: int, choice: int) -> Request:
        """Return the engine's request for one of several choices; the first keeps the seed."""
        seed = self.template.seed
        if seed is not None and choice > 0:
            digest = hashlib.sha256(f"{seed}:{choice}".encode()).digest()
            seed = int.from_bytes(digest[:8], "little")
        return replace(
            self.template, prompt=tuple(prompt), maximum_tokens=maximum_tokens, seed=seed
        )


@dataclass(frozen=True)
class ChatBody:
    model: str
    messages: list[dict[str, str]]
    sampling: Sampling
    choices: int
    stream: bool
    include_usage: bool


@dataclass(frozen=True)
class CompletionBody:
    model: str
    prompts: list[str] | list[list[int]]
    sampling: Sampling
    choices: int
    echo: bool
    stream: bool
    include_usage: bool


@dataclass(frozen=True)
class EmbeddingBody:
    model: str
    texts: list[str]
    base64: bool
    dimensions: int | None


def parse_chat(body: dict[str, Any]) -> ChatBody:
    """Read the body of /v1/chat/completions. Raises ApiError 400 naming the field."""
    fields = Fields(body)
    model = as_text("model", fields.required("model"))
    messages = [
        _message(f"messages[{index}]", message)
        for index, message in enumerate(
            as_list("messages", fields.required("messages"), 1, MAXIMUM_MESSAGES)
        )
    ]
    limit = fields.whole("max_completion_tokens", 1, 2**31)
    old_limit = fields.whole("max_tokens", 1, 2**31)
    if limit is not None and old_limit not in (None, limit):
        raise bad_field("max_tokens", "differs from 'max_completion_tokens'; give one of them")
    wanted, count = fields.flag("logprobs"), fields.whole("top_logprobs", 0, 20)
    if count and not wanted:
        raise bad_field("top_logprobs", "needs 'logprobs': true")
    sampling = _sampling(
        fields, old_limit if limit is None else limit, (count or 0) if wanted else None
    )
    stream, include_usage = _streaming(fields)
    choices = fields.whole("n", 1, MAXIMUM_CHOICES) or 1
    fields.neutral("response_format", {"type": "text"})
    fields.neutral("tools", [])
    fields.neutral("tool_choice", "none", "auto")
    fields.neutral("parallel_tool_calls", True, False)
    fields.neutral("functions", [])
    fields.neutral("function_call", "none", "auto")
    fields.neutral("modalities", ["text"])
    fields.neutral("reasoning_effort", "none")
    fields.neutral("verbosity", "medium")
    for name in ("audio", "prediction", "web_search_options", "prompt_cache_retention"):
        fields.neutral(name)
    _labels(fields)
    fields.done()
    return ChatBody(model, messages, sampling, choices, stream, include_usage)


def parse_completion(body: dict[str, Any]) -> CompletionBody:
    """Read the body of /v1/completions. Raises ApiError 400 naming the field."""
    fields = Fields(body)
    model = as_text("model", fields.required("model"))
    prompts = _prompts(fields.required("prompt"))
    count = fields.whole("logprobs", 0, 20)
    limit = fields.whole("max_tokens", 1, 2**31)
    sampling = _sampling(fields, 16 if limit is None else limit, count)
    stream, include_usage = _streaming(fields)
    choices = fields.whole("n", 1, MAXIMUM_CHOICES) or 1
    best_of = fields.whole("best_of", 1, MAXIMUM_CHOICES)
    if best_of not in (None, choices):
        raise bad_field("best_of", "is supported only where it equals 'n'", "unsupported_parameter")
    echo = fields.flag("echo")
    if echo and count is not None:
        raise bad_field("echo", "cannot be had together with 'logprobs'", "unsupported_parameter")
    fields.neutral("suffix", "")
    _labels(fields)
    fields.done()
    return CompletionBody(model, prompts, sampling, choices, echo, stream, include_usage)


def parse_embedding(body: dict[str, Any]) -> EmbeddingBody:
    """Read the body of /v1/embeddings. Raises ApiError 400 naming the field."""
    fields = Fields(body)
    model = as_text("model", fields.required("model"))
    value = fields.required("input")
    inputs = [value] if isinstance(value, str) else as_list("input", value, 1, MAXIMUM_INPUTS)
    if are_tokens(inputs) or any(isinstance(one, list) and are_tokens(one) for one in inputs):
        raise bad_field(
            "input",
            "token ids are not supported, since they depend on a tokenizer; send the text itself "
            "(LangChain: check_embedding_ctx_length=False)",
            "unsupported_value",
        )
    texts = [as_text(f"input[{index}]", text) for index, text in enumerate(inputs)]
    if not all(text.strip() for text in texts):
        raise bad_field("input", "an input is empty")
    form = fields.text("encoding_format", "float")
    if form not in ("float", "base64"):
        raise bad_field("encoding_format", "must be 'float' or 'base64'")
    dimensions = fields.whole("dimensions", 1, 2**31)
    _labels(fields)
    fields.done()
    return EmbeddingBody(model, texts, form == "base64", dimensions)


def _message(name: str, value: Any) -> dict[str, str]:
    fields = Fields(as_object(name, value), name)
    role = as_text(f"{name}.role", fields.required("role"))
    if role not in ROLES:
        raise bad_field(f"{name}.role", f"must be one of {', '.join(ROLES)}", "unsupported_value")
    content = fields.required("content")
    if isinstance(content, list):
        content = "".join(
            _part(f"{name}.content[{index}]", part) for index, part in enumerate(content)
        )
    for field in ("audio", "function_call", "refusal", "name"):
        fields.neutral(field)
    fields.neutral("tool_calls", [])
    # What this server adds to its own answers comes back when a client sends the conversation on.
    fields.value("annotations")
    fields.done()
    return {"role": ROLES[role], "content": as_text(f"{name}.content", content)}


def _part(name: str, value: Any) -> str:
    fields = Fields(as_object(name, value), name)
    if fields.required("type") != "text":
        raise bad_field(f"{name}.type", "only 'text' is supported", "unsupported_value")
    text = as_text(f"{name}.text", fields.required("text"))
    fields.done()
    return text


def _prompts(value: Any) -> list[str] | list[list[int]]:
    if isinstance(value, str):
        return [as_text("prompt", value)]
    values = as_list("prompt", value, 1, 2**20)
    if are_tokens(values):
        return [values]
    if len(values) > 128:
        raise bad_field("prompt", "at most 128 prompts")
    if all(isinstance(one, str) for one in values):
        return [as_text("prompt", one) for one in values]
    if all(isinstance(one, list) and one and are_tokens(one) for one in values):
        return values
    raise bad_field(
        "prompt", "must be a string, strings, token ids, or lists of them", "invalid_type"
    )


def _sampling(fields: Fields, maximum_tokens: int | None, logprobs: int | None) -> Sampling:
    bias = {}
    for key, value in as_object("logit_bias", fields.value("logit_bias") or {}).items():
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise bad_field("logit_bias", "keys must be token ids")
        bias[int(key)] = as_number("logit_bias", value, -100.0, 100.0)
    template = Request(
        prompt=(),
        temperature=fields.number("temperature", 1.0, 0.0, 2.0),
        top_p=fields.number("top_p", 1.0, 0.0, 1.0),
        top_k=fields.whole("top_k", 0, 2**31) or 0,
        min_p=fields.number("min_p", 0.0, 0.0, 1.0),
        seed=fields.whole("seed", -(2**63), 2**63 - 1),
        stop=_stops(fields.value("stop")),
        logprobs=logprobs,
        presence_penalty=fields.number("presence_penalty", 0.0, -2.0, 2.0),
        frequency_penalty=fields.number("frequency_penalty", 0.0, -2.0, 2.0),
        repetition_penalty=fields.number("repetition_penalty", 1.0, 0.01, 100.0),
        logit_bias=bias,
    )
    penalised = bool(
        bias
        or template.presence_penalty
        or template.frequency_penalty
        or template.repetition_penalty != 1.0
    )
    return Sampling(maximum_tokens, template, penalised)


def _stops(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else as_list("stop", value, 0, 16)
    stops = tuple(as_text("stop", one) for one in values)
    if not all(0 < len(stop) <= 1_000 for stop in stops):
        raise bad_field("stop", "stop strings have 1 to 1000 characters")
    return stops


def _streaming(fields: Fields) -> tuple[bool, bool]:
    stream, options = fields.flag("stream"), fields.value("stream_options")
    if options is None:
        return stream, False
    if not stream:
        raise bad_field("stream_options", "needs 'stream': true")
    inner = Fields(as_object("stream_options", options), "stream_options")
    include_usage = inner.flag("include_usage")
    inner.neutral("include_obfuscation", False)
    inner.done()
    return stream, include_usage


def _labels(fields: Fields) -> None:
    for name in ("user", "safety_identifier", "prompt_cache_key"):
        fields.text(name)
    fields.neutral("metadata", {})
    fields.neutral("store", False)
    fields.neutral("service_tier", "auto", "default")
