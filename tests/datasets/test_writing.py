import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_gold import chunk_rows

from goldsmith.datasets import openai_writer, write_examples
from goldsmith.errors import UserError
from goldsmith.project import DatasetSettings

TEXT = "Packing puts many\nexamples into a row. Attention stays inside each of them. 42 rows."
CHUNKS = chunk_rows([[(TEXT, 0)], [("Padding wastes work. It is simple.", 0)]])
WHOLE = DatasetSettings(validation=0.0)


def line(question, answer):
    return json.dumps({"question": question, "answer": answer})


GOOD = line("What is packing?", "Packing puts many examples into a row.")
BAD = [
    (line("What is packing?", "Packing puts few examples into a row."), "does not stand in"),
    (line("What is packing?", "acking puts many examples into a ro"), "does not stand in"),
    (line("Say what packing is.", "Packing puts many examples into a row."), "does not ask"),
    (line("What does the text say?", "Packing puts many examples into a row."), "points at"),
    (
        line(
            "Is it so that attention stays inside each of them?",
            "Attention stays inside each of them",
        ),
        "holds its answer",
    ),
    (line("How many?", "42 rows."), "has not 12 to"),
    (line(" ", "Attention stays inside each of them."), "empty or too long"),
    ("Here you are:", "is not JSON"),
    ("3", "has no question"),
    ('{"question": 3, "answer": "x"}', "has no question"),
    (GOOD, "asked before"),
]


@pytest.mark.parametrize(("written", "why"), BAD)
def test_what_the_source_does_not_bear_out_is_refused_with_its_reason(written, why):
    replies = iter([f"```json\n{GOOD}\n{written}\n```", ""])
    kept, [refused] = write_examples(CHUNKS, lambda _: next(replies), "m", WHOLE, 0)
    assert why in refused.reason
    assert refused.chunk == CHUNKS[0]["id"]
    [example] = kept
    assert example["source_chunks"] == [CHUNKS[0]["id"]]
    assert example["messages"][1]["content"] == "Packing puts many examples into a row."
    assert (example["generator"], example["kind"]) == ("m", "written question")


def test_an_instruction_need_not_ask_and_no_chunk_gives_more_than_asked_for():
    lines = [line(f"Name thing {n}.", "Attention stays inside each of them.") for n in range(3)]
    kept, [refused] = write_examples(
        CHUNKS[:1], lambda _: "\n".join(lines), "m", WHOLE, 0, kind="instruction", count=2
    )
    assert len(kept) == 2
    assert refused.reason == "more than 2 of a chunk"


@given(st.text())
def test_whatever_a_model_says_nothing_is_kept_that_is_not_in_its_chunk(said):
    pair = line("What is it?", said)
    for reply in (said, pair):
        kept, _ = write_examples(CHUNKS[:1], lambda _, reply=reply: reply, "m", WHOLE, 0)
        for example in kept:
            assert " ".join(example["messages"][1]["content"].split()) in " ".join(TEXT.split())


class _Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers.get("Authorization"), body))
        status, reply = self.server.reply
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(reply.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), _Server)
    made.seen = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_server_is_asked_as_openai_has_it(server):
    server.reply = (200, json.dumps({"choices": [{"message": {"content": GOOD}}]}))
    address = f"http://127.0.0.1:{server.server_port}/v1/"
    writer = openai_writer(address, "small", key="k", seed=4)
    kept, refused = write_examples(CHUNKS[:1], writer, "small", WHOLE, 0)
    assert (len(kept), refused) == (1, [])
    [(path, authorization, body)] = server.seen
    assert (path, authorization) == ("/v1/chat/completions", "Bearer k")
    assert (body["model"], body["temperature"], body["seed"]) == ("small", 0, 4)
    assert body["messages"][1] == {"role": "user", "content": TEXT}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ((401, "who are you"), "refuses .401: who are you"),
        ((302, ""), "refuses .302"),
        ((200, "[]"), "gives no completion"),
        ((200, "<html>"), "gives no completion"),
        ((200, '{"choices": [{"message": {"content": null}}]}'), "without a text"),
    ],
)
def test_a_server_that_does_not_answer_is_named(server, reply, why):
    server.reply = reply
    address = f"http://127.0.0.1:{server.server_port}/v1"
    with pytest.raises(UserError, match=rf"{server.server_port}/v1.*{why}"):
        openai_writer(address, "m")([{"role": "user", "content": "q"}])
    with pytest.raises(UserError, match="no http address"):
        openai_writer("file:///etc/passwd", "m")
