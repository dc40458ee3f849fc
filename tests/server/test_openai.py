"""The official client against a real server: what it sends is understood and answered right."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import openai
import pytest

MESSAGES = [{"role": "user", "content": "Hello"}]
QUESTION = [{"role": "user", "content": "Who rebuilt the water wheel?"}]


def test_models(client):
    assert [model.id for model in client.models.list()] == ["mill", "mill-lm"]
    assert client.models.retrieve("mill-lm").owned_by == "goldsmith"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


def test_grounded_answer_cites_page_and_boxes(client):
    answer = client.chat.completions.create(model="mill", messages=QUESTION)
    text = answer.choices[0].message.content
    assert "Its water wheel was rebuilt in 1874 by the carpenter Anders Lund. [1]" in text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.refused is False
    first = answer.citations[0]
    assert first["index"] == 1
    assert first["uri"] == "mill.pdf"
    assert first["page"] == 1
    assert first["text"] in text
    assert first["chunk"].startswith("c-")
    box = first["boxes"][0]
    assert box["x0"] < box["x1"]
    assert box["y0"] < box["y1"]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_grounded_refuses_what_the_documents_do_not_say(client):
    answer = client.chat.completions.create(
        model="mill", messages=[{"role": "user", "content": "zyzzyva quasar xylophone?"}]
    )
    assert answer.refused is True
    assert answer.citations == []
    assert answer.choices[0].message.content.startswith("The documents do not answer")


def test_grounded_stream_joins_to_the_whole_answer(client):
    whole = client.chat.completions.create(model="mill", messages=QUESTION)
    chunks = list(client.chat.completions.create(model="mill", messages=QUESTION, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[-1].citations == whole.citations


def test_grounded_answer_is_cut_by_max_tokens_and_stop(client):
    short = client.chat.completions.create(model="mill", messages=QUESTION, max_tokens=9)
    assert short.choices[0].finish_reason == "length"
    assert short.choices[0].message.content == "Its water"
    stopped = client.chat.completions.create(model="mill", messages=QUESTION, stop=[" wheel"])
    assert stopped.choices[0].message.content == "Its water"
    assert stopped.choices[0].finish_reason == "stop"


def test_generated_answer(client):
    answer = client.chat.completions.create(
        model="mill-lm", messages=MESSAGES, max_completion_tokens=12, seed=5, n=3
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.choices[0].message.role == "assistant"
    assert len({choice.message.content for choice in answer.choices}) == 3
    assert answer.usage.prompt_tokens == 8
    again = client.chat.completions.create(
        model="mill-lm", messages=MESSAGES, max_completion_tokens=12, seed=5
    )
    assert again.choices[0].message.content == answer.choices[0].message.content


@pytest.mark.parametrize("n", [1, 2])
def test_stream_joins_to_the_whole_answer(client, n):
    options = {"model": "mill-lm", "messages": MESSAGES, "max_tokens": 30, "seed": 1, "n": n}
    whole = client.chat.completions.create(**options)
    texts, roles, finishes = [""] * n, [0] * n, [""] * n
    ids = set()
    for chunk in client.chat.completions.create(**options, stream=True):
        ids.add((chunk.id, chunk.created, chunk.model, chunk.object))
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            roles[choice.index] += choice.delta.role is not None
            finishes[choice.index] += choice.finish_reason or ""
    assert texts == [choice.message.content for choice in whole.choices]
    assert finishes == [choice.finish_reason for choice in whole.choices]
    assert roles == [1] * n
    assert len(ids) == 1


def test_stream_usage_comes_last_and_only_when_asked(client):
    options = {"model": "mill-lm", "messages": MESSAGES, "max_tokens": 5, "stream": True}
    chunks = list(client.chat.completions.create(**options, stream_options={"include_usage": True}))
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens <= 5
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**options))


def test_stream_helper_accumulates(client):
    whole = client.chat.completions.create(model="mill", messages=QUESTION)
    with client.chat.completions.stream(model="mill", messages=QUESTION) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.role == "assistant"
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert final.choices[0].finish_reason == "stop"


def test_logprobs(client):
    answer = client.chat.completions.create(
        model="mill-lm", messages=MESSAGES, max_tokens=6, logprobs=True, top_logprobs=3, seed=1
    )
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens
    for step in content:
        assert step.logprob <= 0
        assert len(step.top_logprobs) == 3
        assert step.top_logprobs[0].logprob >= step.logprob


def test_completions(client):
    answer = client.completions.create(
        model="mill-lm", prompt=["one", "two"], max_tokens=7, n=2, seed=3, echo=True
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text[:3] for choice in answer.choices] == ["one", "one", "two", "two"]
    ids = client.completions.create(
        model="mill-lm", prompt=[4 + byte for byte in b"one"], max_tokens=7, seed=3
    )
    assert ids.choices[0].text == answer.choices[0].text[3:]
    streamed = client.completions.create(
        model="mill-lm", prompt="one", max_tokens=7, seed=3, stream=True, logprobs=2
    )
    chunks = list(streamed)
    assert "".join(chunk.choices[0].text for chunk in chunks) == ids.choices[0].text
    offsets = [place for chunk in chunks for place in chunk.choices[0].logprobs.text_offset]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0


def test_grounded_model_refuses_completions(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="mill", prompt="x")
    assert caught.value.param == "model"
    assert "mill-lm" in str(caught.value)


def test_embeddings(client, index):
    texts = ["barley at the mill", "honey in jars"]
    expected = index.embedder.embed(texts)
    answer = client.embeddings.create(model="mill", input=texts)  # base64 on the wire
    assert np.allclose([one.embedding for one in answer.data], expected, atol=1e-6)
    raw = client.embeddings.with_raw_response.create(
        model="mill", input=texts[0], encoding_format="base64"
    )
    vector = np.frombuffer(base64.b64decode(json.loads(raw.text)["data"][0]["embedding"]), "<f4")
    assert np.allclose(vector, expected[0])
    floats = client.embeddings.create(model="mill", input=texts[0], encoding_format="float")
    assert np.allclose(floats.data[0].embedding, expected[0], atol=1e-6)
    assert floats.usage.prompt_tokens == len(texts[0])


@pytest.mark.parametrize("value", [[1, 2], [[1, 2], [3]], [], "", [""], ["a", 1], {"a": 1}])
def test_embeddings_refuse_what_they_cannot_read(client, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="mill", input=value)
    assert caught.value.param.startswith("input")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("reasoning_effort", "high"),
        ("modalities", ["text", "audio"]),
        ("store", True),
        ("metadata", {"a": "b"}),
        ("temperature", 3),
        ("top_p", -1),
        ("n", 0),
        ("n", 1000),
        ("max_tokens", 0),
        ("max_tokens", 100_000),
        ("seed", 1.5),
        ("stop", [""]),
        ("stop", 5),
        ("logit_bias", {"x": 1}),
        ("logit_bias", {"5": 101}),
        ("top_logprobs", 3),
        ("stream_options", {"include_usage": True}),
        ("user", 7),
        ("frequency_penalty", "high"),
        ("messages", []),
        ("messages", "hi"),
        ("foo", 1),
    ],
)
def test_nothing_is_silently_ignored(client, field, value):
    body = {"model": "mill-lm", "messages": MESSAGES, field: value}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.param == field
    assert caught.value.type == "invalid_request_error"
    assert f"'{field}'" in caught.value.message


@pytest.mark.parametrize("field", ["logit_bias", "presence_penalty", "logprobs"])
def test_grounded_model_refuses_what_quotes_cannot_honour(client, field):
    value = {"logit_bias": {"5": 1}, "presence_penalty": 1, "logprobs": True}[field]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="mill", messages=QUESTION, **{field: value})


def test_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def test_a_prompt_beyond_the_context_is_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="mill-lm", messages=[{"role": "user", "content": "x" * 500}]
        )
    assert caught.value.code == "context_length_exceeded"


def test_content_parts_and_roles(client):
    answer = client.chat.completions.create(
        model="mill-lm",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "He"}, {"type": "text", "text": "y"}],
            },
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "\u0000 é"},
        ],
        max_tokens=3,
    )
    assert answer.choices
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="mill-lm",
            messages=[
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
            ],
        )
    assert caught.value.param == "messages[0].content[0].type"


def test_async_client_streams_many_at_once(address):
    async def run() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"{address}/v1", api_key="none", max_retries=0
        ) as client:

            async def one(seed: int) -> str:
                stream = await client.chat.completions.create(
                    model="mill-lm", messages=MESSAGES, max_tokens=20, seed=seed, stream=True
                )
                return "".join([c.choices[0].delta.content or "" async for c in stream])

            together = await asyncio.gather(*(one(seed) for seed in range(6)))
            alone = [await one(seed) for seed in range(6)]
            assert together == alone
            return together

    assert len(set(asyncio.run(run()))) == 6
