"""`goldsmith dataset --format, --generate`, `goldsmith tokenizer compare, extend` on a folder."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
from command import SALT, TEA, made, run

from goldsmith.datasets import read_examples, strict
from goldsmith.lake import Lake, table_digest
from goldsmith.models import Decoder, ModelConfig, load_model, save_model
from goldsmith.project import Workspace
from goldsmith.tokenizers import load

SETTINGS = (
    "workers=1",
    "tokenizer.vocabulary=300",
    "dataset.sequence=64",
    "dataset.validation=0.3",
)


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learning")
    source, space = folder / "papers", folder / "space"
    source.mkdir()
    (source / "salt.md").write_text(SALT, "utf-8")
    (source / "tea.md").write_text(f"{TEA} Nobody brews green leaves at ninety degrees.\n", "utf-8")
    chosen = [part for one in SETTINGS for part in ("--set", one)]
    made("ingest", source, "-w", space, *chosen)
    made("refine", "-w", space)
    made("tokenizer", "-w", space)
    return space


@pytest.fixture
def space(refined, tmp_path):
    return shutil.copytree(refined, tmp_path / "space")


class _Server(BaseHTTPRequestHandler):
    """Writes the chunk's first sentence as an answer, and one that it makes up."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chunk = body["messages"][-1]["content"]
        self.server.asked.append((self.headers.get("Authorization"), body["model"], chunk))
        said = chunk.split("\n")[-1].partition(". ")[0] + "."
        pairs = [
            {"question": f"What is said of {said.split()[0]} number {len(chunk)}?", "answer": said},
            {"question": "And what else?", "answer": "The moon is made of green cheese."},
        ]
        text = "\n".join(json.dumps(pair) for pair in pairs)
        broken = len(self.server.asked) == self.server.breaks
        self.send_response(503 if broken else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": text}}]}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), _Server)
    made.asked, made.breaks = [], 0
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def examples(space):
    return Lake(Workspace(space).lake).read("examples")


def test_a_model_writes_examples_and_what_it_makes_up_is_refused(space, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-7")
    address = f"http://127.0.0.1:{server.server_port}/v1"
    chunks = Lake(Workspace(space).lake).read("chunks").to_pylist()
    assert len(chunks) > 2
    server.breaks = 3
    asking = ("dataset", "--generate", address, "--model", "small", "-w", space)
    code, _, said = run(*asking)
    assert (code, "503" in said) == (2, True)
    made(*asking)
    assert len(server.asked) == len(chunks) + 1  # the one that failed was asked again
    assert {asked[:2] for asked in server.asked} == {("Bearer secret-7", "small")}
    rows = [row for row in examples(space).to_pylist() if row["kind"] == "written question"]
    by_id = {chunk["id"]: chunk["text"] for chunk in chunks}
    assert len(rows) == len(chunks)
    for row in rows:
        (source,) = row["source_chunks"]
        assert row["messages"][1]["content"] in by_id[source]
        assert row["generator"] == "small"
    lines = (Workspace(space).datasets / "refused.jsonl").read_text("utf-8").splitlines()
    refused = [json.loads(line) for line in lines]
    assert {row["chunk"] for row in refused} == set(by_id)
    assert {row["reason"] for row in refused} == {"the answer does not stand in the chunk"}
    every = [path for path in space.rglob("*") if path.is_file()]
    assert not [path for path in every if b"secret-7" in path.read_bytes()]

    before = table_digest(examples(space))
    shutil.rmtree(Workspace(space).datasets)  # made again without asking
    made("dataset", "-w", space)
    assert table_digest(examples(space)) == before
    assert len(server.asked) == len(chunks) + 1
    told = json.loads(made("forget", "tea.md", "-w", space, "--json"))
    assert told["removed"]["replies"] > 0
    assert b"eaves" not in Workspace(space).replies.read_bytes()
    assert len(server.asked) == len(chunks) + 1
    assert run("dataset", "--model", "small", "-w", space)[0] == 2


def test_examples_go_out_in_the_formats_of_others(space, tmp_path):
    for form in ("alpaca", "sharegpt", "messages", "prompt_completion"):
        out = tmp_path / f"{form}.jsonl"
        made("dataset", "--format", form, "--out", out, "-w", space)
        rows = examples(space).to_pylist()
        assert strict(out, read_examples(out)) == [row["messages"] for row in rows]
        assert json.loads(out.read_text("utf-8").split("\n")[0])["source_chunks"]
        other = tmp_path / f"{form}-again.json"
        made("dataset", "--from", out, "--format", "messages", "--out", other)
        assert strict(other, read_examples(other)) == [row["messages"] for row in rows]
    mine = tmp_path / "pairs.jsonl"
    mine.write_text('{"prompt": "Salt?", "chosen": "Yes.", "rejected": "No."}\n', "utf-8")
    made("dataset", "--from", mine, "--format", "preference", "--out", tmp_path / "p.json")
    (row,) = json.loads((tmp_path / "p.json").read_text("utf-8"))
    assert row["prompt"] == [{"role": "user", "content": "Salt?"}]
    for wrong in (
        ["--format", "alpaca"],
        ["--format", "preference", "--out", tmp_path / "x.json"],
        ["--format", "other", "--out", tmp_path / "x.json"],
        ["--from", mine, "--format", "alpaca", "--out", tmp_path / "x.json"],
    ):
        code, _, said = run("dataset", *wrong, "-w", space)
        assert code == 2, said
    assert not (tmp_path / "x.json").exists()


def test_tokenizers_are_compared_and_extended(space, tmp_path):
    own = Workspace(space).tokenizer
    config = ModelConfig(
        vocabulary=load(own).size,
        width=16,
        layers=1,
        heads=2,
        key_value_heads=2,
        head_dim=8,
        hidden=16,
        context=32,
    )
    base, grown = tmp_path / "base", tmp_path / "grown"
    shutil.copytree(own, base)
    save_model(Decoder(config, seed=1).to(torch.bfloat16), base)
    told = json.loads(made("tokenizer", "extend", base, "-o", grown, "-w", space, "--json"))
    assert told["held_out"]
    assert told["tokens_after"] <= told["tokens_before"]
    assert told["model_grown"]
    old, new = load_model(base, torch.bfloat16), load_model(grown, torch.bfloat16)
    added = load(grown).size - load(base).size
    assert added == told["tokens_added"] > 0
    pieces = load(base).encode(f" {told['words'][0]}")
    (number,) = load(grown).encode(f" {told['words'][0]}")
    mean = old.embedding.weight[pieces].float().mean(0).to(torch.bfloat16)
    assert torch.equal(new.embedding.weight[number], mean)
    assert torch.equal(new.embedding.weight[: load(base).size], old.embedding.weight)
    assert new.embedding.weight.dtype == torch.bfloat16

    drawing = tmp_path / "both.svg"
    table = made("tokenizer", "compare", base, grown, "--picture", drawing, "-w", space)
    assert "tokens per word" in table
    assert drawing.read_text("utf-8").startswith("<svg")
    assert "<style>" in drawing.read_text("utf-8")
    value = json.loads(made("tokenizer", "compare", base, grown, "-w", space, "--json"))
    one, other = value["figures"]
    assert one["tokens_per_word"] > other["tokens_per_word"]
    for wrong in (
        ["tokenizer", "extend", base, "-o", grown, "-w", space],
        ["tokenizer", "compare", base, tmp_path / "none", "-w", space],
        ["tokenizer", "-w", space, "compare", base, grown],
    ):
        code, _, said = run(*wrong)
        assert code in (1, 2), said
        assert "internal" not in said


def test_biases_are_trained_served_and_checked_or_refused_first(space, tmp_path):
    own, biases = Workspace(space).tokenizer, ("--set", "train.adapter=bias")
    before = sorted(space.rglob("*"))
    other, papers = tmp_path / "other", tmp_path / "papers"
    papers.mkdir()
    (papers / "salt.md").write_text(SALT, "utf-8")
    for verb in (("train", "-w", space), ("run", papers, "-w", other), ("train", "--plan")):
        code, _, said = run(*verb, *(("-w", space) if "--plan" in verb else ()), *biases)
        assert code == 2
        assert "no biases to train; use LoRA (train.adapter = 'lora')" in said
    assert sorted(space.rglob("*")) == before
    assert not other.exists()

    config = ModelConfig(
        vocabulary=load(own).size,
        width=16,
        layers=2,
        heads=2,
        key_value_heads=2,
        head_dim=8,
        hidden=16,
        context=128,
        qkv_bias=True,
        family="qwen2",
    )
    base = tmp_path / "base"
    shutil.copytree(own, base)
    save_model(Decoder(config, seed=1), base)
    mine = tmp_path / "mine.jsonl"
    rows = [{"prompt": f"Salt {n}?", "completion": f"Salt is salt {n}."} for n in range(12)]
    mine.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    chosen = ("train.tune_steps=4", f"model.base={base}", f'dataset.instructions=["{mine}"]')
    how = [part for one in chosen for part in ("--set", one)]
    plan = made("train", "--plan", "-w", space, *how, *biases)
    assert f", {2 * 3 * 16} of them learn; " in plan
    made("train", "-w", space, *how, *biases)
    assert "equals the trained model over" in made("export", "--check", "-w", space)
    tuned, plain = (load_model(one).state_dict() for one in (space / "models/merged", base))
    changed = {name for name in plain if not torch.equal(plain[name], tuned[name])}
    assert changed
    assert changed <= {
        f"layers.{n}.attention.{p}.bias" for n in (0, 1) for p in ("query", "key", "value")
    }
