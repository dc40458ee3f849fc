"""What clients do wrong, or all at once, or in the middle: nobody else may notice."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.engine import Engine
from goldsmith.errors import UserError
from goldsmith.project import ServeSettings, Settings, Workspace
from goldsmith.server import create_app, serve
from tests.engine.parts import ByteVocabulary, random_decoder

from .parts import running


def send(address, method, path, body=b"", headers=None):
    """One request as bytes; returns status, headers and body."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers or {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def until(condition, seconds=20.0):
    """Wait for something another thread does; fails when it never happens."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", b"", 400),
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"\x00", 400),
        ("POST", "/v1/chat/completions", b'{"model": "\x00"}', 400),
        ("POST", "/v1/chat/completions", b"\xff\xfe", 400),
        ("POST", "/v1/chat/completions", b'{"temperature": NaN}', 400),
        ("POST", "/v1/chat/completions", b"9" * 10_000, 400),
        ("POST", "/v1/chat/completions", b"[" * 200_000, 400),
        ("POST", "/v1/chat/completions", b"[]", 422),
        ("POST", "/v1/chat/completions", b"null", 422),
        ("POST", "/v1/embeddings", b'{"model": "mill", "input": "\\ud800"}', 400),
        ("POST", "/v1/completions", b" " * (5 * 2**20), 413),
        ("GET", "/v1/chat/completions", b"", 405),
        ("GET", "/v1/nothing", b"", 404),
        ("GET", "/v1/models/%00", b"", 404),
    ],
)
def test_bad_requests_have_error_bodies(address, method, path, body, status):
    got, _, data = send(address, method, path, body)
    assert got == status
    error = json.loads(data)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]


def test_a_body_that_grows_too_large_is_refused_without_its_length(address):
    def parts():
        for _ in range(80):
            yield b" " * 2**16

    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    with contextlib.suppress(BrokenPipeError):  # refused before all of it was sent
        connection.request(
            "POST",
            "/v1/completions",
            parts(),
            {"Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
    assert connection.getresponse().status == 413
    connection.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = """
    messages prompt input max_tokens max_completion_tokens temperature top_p top_k min_p n seed stop
    stream stream_options logprobs top_logprobs logit_bias presence_penalty repetition_penalty user
    tools response_format echo best_of suffix encoding_format dimensions metadata store
"""
GOOD = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "mill"}]},
    "/v1/completions": {"prompt": "mill"},
    "/v1/embeddings": {"input": "mill"},
}


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(GOOD)),
    st.sampled_from(["mill", "mill-lm"]),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(FIELDS.split()),
        JSON
        | st.sampled_from(
            [0, 1, 0.5, "", [], {}, True, "x", ["x"], {"5": 1}, {"include_usage": True}]
        ),
        max_size=3,
    ),
)
def test_no_body_makes_the_server_fail(address, path, model, valid, fields):
    body = {"model": model, **(GOOD[path] if valid else {}), **fields}
    if path != "/v1/embeddings":
        body.setdefault("max_tokens", 2)
    status, _, data = send(address, "POST", path, json.dumps(body).encode())
    assert status in (200, 400, 404, 422), data
    assert b'"server_error"' not in data
    if status != 200:
        assert json.loads(data)["error"]["message"]


def test_the_server_is_well_after_all_that(address, client):
    assert send(address, "GET", "/health")[0] == 200
    answer = client.chat.completions.create(
        model="mill-lm", messages=[{"role": "user", "content": "Hello"}], max_tokens=3
    )
    assert answer.usage.completion_tokens <= 3


def slow_app(seconds: float, **options):
    """An app whose model takes its time for each step."""
    return app_that_waits(lambda: time.sleep(seconds), **options)


def app_that_waits(wait, **options):
    """An app whose model waits before each step."""
    settings = Settings(
        name="slow", serve=ServeSettings(**{"batch": 1, "maximum_tokens": 200, **options})
    )
    engine = Engine(random_decoder(), ByteVocabulary(), settings.serve)
    decode = engine._runner.decode

    def slowly(*arguments):
        wait()
        return decode(*arguments)

    engine._runner.decode = slowly
    app = create_app(settings, engine=engine, tokenizer=ByteVocabulary(), index=None)
    return app, engine


LONG = {"model": "slow-lm", "prompt": "x", "max_tokens": 200, "logit_bias": {"70": 100}}


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_slot(stream):
    app, engine = slow_app(0.05)
    with running(app) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        connection.request("POST", "/v1/completions", json.dumps({**LONG, "stream": stream}))
        until(lambda: engine.figures.tokens_out > 3)
        if stream:
            assert connection.getresponse().read(5) == b"data:"
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        until(lambda: engine.figures.running == 0)
        assert engine.figures.finished["abort"] == 1
        assert engine._scheduler.free_slots == 1
        assert engine.figures.tokens_out < 200


def test_a_full_queue_is_503_with_retry_after():
    gate = threading.Event()
    app, engine = app_that_waits(gate.wait, queue=1)
    with running(app) as address, contextlib.ExitStack() as at_the_end:
        at_the_end.callback(gate.set)
        body = json.dumps({**LONG, "max_tokens": 60}).encode()
        threads = [
            threading.Thread(target=send, args=(address, "POST", "/v1/completions", body))
            for _ in range(2)
        ]
        threads[0].start()
        until(lambda: engine.figures.running == 1)
        threads[1].start()
        until(lambda: engine.figures.waiting == 1)
        status, headers, data = send(address, "POST", "/v1/completions", body)
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
        assert json.loads(data)["error"]["code"] == "overloaded"
        with (
            openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
            pytest.raises(openai.InternalServerError),
        ):
            client.completions.create(model="slow-lm", prompt="x")
        # Several choices are queued together or not at all.
        status, _, _ = send(
            address, "POST", "/v1/completions", json.dumps({**LONG, "n": 2}).encode()
        )
        assert status == 503
        assert engine.figures.waiting == 1
        gate.set()
        for thread in threads:
            thread.join()


def test_an_error_in_the_middle_of_a_stream_reaches_the_client():
    app, engine = slow_app(0.0)
    decode, calls = engine._runner.decode, iter(range(1000))

    def failing(*arguments):
        if next(calls) > 3:
            raise RuntimeError("the memory is gone")
        return decode(*arguments)

    engine._runner.decode = failing
    with (
        running(app) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        stream = client.completions.create(**LONG, stream=True)
        assert next(stream).choices[0].text == "B"
        with pytest.raises(openai.APIError, match="memory is gone"):
            list(stream)
        with pytest.raises(openai.InternalServerError, match="memory is gone"):
            client.completions.create(**LONG)


def test_metrics_count(address, client):
    client.completions.create(model="mill-lm", prompt="abc", max_tokens=4)
    text = send(address, "GET", "/metrics")[2].decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines["goldsmith_requests_running"]) == 0
    assert float(lines["goldsmith_prompt_tokens_total"]) >= 3
    assert float(lines["goldsmith_generation_tokens_total"]) >= 1
    assert float(lines["goldsmith_time_to_first_token_seconds_count"]) >= 1
    assert 'goldsmith_http_requests_total{route="/v1/completions",status="200"}' in lines
    assert "/v1/nothing" not in text


def test_two_apps_have_their_own_metrics(address):
    app, _ = slow_app(0.0)
    with running(app) as other:
        assert b"goldsmith_prompt_tokens_total 0.0" in send(other, "GET", "/metrics")[2]


def test_a_port_in_use_is_said_before_anything_is_opened(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(serve=ServeSettings(port=port))
        with pytest.raises(UserError, match=f"port {port} .* in use"):
            serve(Workspace(tmp_path / "nothing"), settings)


def test_an_empty_workspace_is_refused(tmp_path):
    with pytest.raises(UserError, match="goldsmith run"):
        serve(Workspace(tmp_path), Settings(serve=ServeSettings(port=0)))


DRAIN = """
import sys
from tests.server.test_robust import slow_app
import uvicorn
app, engine = slow_app(0.02)
port = int(sys.argv[1])
uvicorn.run(app, port=port, log_level="warning", timeout_graceful_shutdown=20)
"""


def test_sigterm_finishes_what_is_running():
    root = Path(__file__).parents[2]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    process = subprocess.Popen(
        [sys.executable, "-c", DRAIN, str(port)], env=environment, cwd=root, stderr=subprocess.PIPE
    )
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or reachable(port), 60)
        with openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client:
            stream = iter(client.completions.create(**{**LONG, "max_tokens": 80}, stream=True))
            chunks = [next(stream)]
            process.send_signal(signal.SIGTERM)
            until(lambda: not reachable(port))
            chunks += stream
        assert chunks[-1].choices[0].finish_reason == "length"
        assert "".join(chunk.choices[0].text for chunk in chunks) == "B" * 80
        assert process.wait(20) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()


def reachable(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
