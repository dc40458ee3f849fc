"""The whole job on a small folder, as a user runs it: run, run again, ask, why, forget, kill."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import SALT, TEA, run

from goldsmith.lake import Lake, table_digest
from goldsmith.lake.schemas import LOGS, SCHEMAS
from goldsmith.pipeline.artifact import file_digest
from goldsmith.project import Workspace

SMALL = (
    "tokenizer.vocabulary=400",
    "dataset.sequence=64",
    "dataset.validation=0.3",
    "model.width=32",
    "model.layers=2",
    "model.heads=4",
    "model.key_value_heads=2",
    "model.hidden=64",
    "train.steps=12",
    "train.tune_steps=8",
    "train.batch=2",
    "train.warmup=2",
    "train.evaluate_every=4",
    "train.checkpoint_every=3",
    "train.threads=1",
    "index.embedder=tfidf",
    "evaluate.resamples=50",
)


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "goldsmith", *map(str, arguments)]


def goldsmith(*arguments) -> str:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings(*more: str) -> list[str]:
    return [part for setting in (*SMALL, *more) for part in ("--set", setting)]


def state(root: Path) -> dict[str, str]:
    space = Workspace(root)
    lake = Lake(space.lake)
    found = {name: table_digest(lake.read(name)) for name in SCHEMAS if name not in LOGS}
    for folder in (space.tokenizer, space.shards, space.datasets, space.models, space.checkpoints):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            found[path.relative_to(root).as_posix()] = file_digest(path)
    return found


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "papers"
    folder.mkdir()
    (folder / "salt.md").write_text(SALT)
    (folder / "tea.md").write_text(f"{TEA} Write to tea@example.org for the full table.\n")
    (folder / "salt-copy.md").write_text(SALT)
    (folder / "film.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    question = {
        "id": "q1",
        "question": "How warm should water for green leaves be?",
        "answer": "seventy degrees",
        "passage": "Green leaves are brewed at seventy degrees, black ones at ninety five.",
        "document": "tea.md",
        "page": 1,
        "answerable": True,
        "split": "evaluate",
    }
    lines = [question, question | {"id": "q2", "question": "Who?", "answerable": False}]
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "goldsmith.toml").write_text(
        'name = "kitchen"\n[dataset]\nquestions = "questions.jsonl"\n'
        '[ingest]\nexclude = ["*.jsonl", "*.toml"]\n'
    )
    return folder


@pytest.fixture(scope="module")
def workspace(papers) -> Path:
    root = papers.parent / "workspace"
    goldsmith("run", papers, "-w", root, *settings())
    return root


def test_run_ends_with_report_ledger_answer_and_the_command_that_serves(papers, workspace):
    out = goldsmith("run", papers, "-w", workspace, *settings())  # all of it is up to date
    assert f"report: {workspace / 'report.html'}" in out
    assert "; balanced" in out
    assert "asked: " in out
    assert f"serve it: goldsmith serve --workspace {workspace}" in out
    page = (workspace / "report.html").read_text("utf-8")
    for text in ("salt.md", "film.mp4", "unsupported type", "perplexity", "e-mail", "balanced"):
        assert text in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_a_second_run_does_nothing_again(papers, workspace):
    lake = Lake(Workspace(workspace).lake)
    before = lake.read("runs").num_rows
    goldsmith("run", papers, "-w", workspace, *settings())
    assert lake.read("runs").num_rows == before


def test_answers_that_changed_are_measured_again(workspace, monkeypatch):
    other = workspace.parent / "other-answers"
    shutil.copytree(workspace, other)
    lake = Lake(Workspace(other).lake)
    before = lake.read("runs").num_rows
    assert run("eval", "-w", other)[0] == 0
    assert lake.read("runs").num_rows == before
    monkeypatch.setattr("goldsmith.retrieval.ANSWER_VERSION", 0)
    assert run("eval", "-w", other)[0] == 0
    assert lake.read("runs").num_rows > before


def test_every_file_is_accounted_for(workspace):
    status = json.loads(goldsmith("status", "-w", workspace, "--json"))
    states = {row["uri"]: (row["status"], row["reason"]) for row in status["documents"]}
    assert states == {
        "salt.md": ("duplicate", "same bytes"),
        "salt-copy.md": ("ok", None),
        "tea.md": ("ok", None),
        "film.mp4": ("failed", "unsupported type"),
    }
    assert status["ledger"]["balanced"]
    salt = [d for d in status["ledger"]["documents"] if d["uri"] == "salt.md"]
    assert salt[0]["merged"] == salt[0]["input"] > 300


def test_an_answer_leads_back_to_its_page(workspace):
    given = json.loads(goldsmith("ask", "How are green leaves brewed?", "-w", workspace, "--json"))
    if given["refused"]:
        pytest.fail(f"refused: {given['reason']}")
    assert "seventy degrees" in given["sentences"][0]["text"]
    trace = json.loads(goldsmith("why", given["id"], "-w", workspace, "--json"))
    assert trace["kind"] == "answer"
    assert any("tea.md" in step["text"] for step in trace["back"])
    chunk = given["sentences"][0]["chunk"]
    trace = json.loads(goldsmith("why", chunk, "-w", workspace, "--json"))
    relations = {step["relation"] for step in [*trace["back"], *trace["forward"]]}
    assert {"page", "document", "dataset", "model"} <= relations


def test_a_removed_address_is_a_reject_with_its_line(workspace):
    rejects = Lake(Workspace(workspace).lake).read("rejects").to_pylist()
    (mail,) = [row for row in rejects if row["rule"] == "e-mail"]
    assert (mail["text"], mail["replacement"]) == ("tea@example.org", "[EMAIL]")
    assert "tea.md" in goldsmith("why", mail["id"], "-w", workspace)


def test_workers_do_not_change_a_byte(papers, workspace):
    other = papers.parent / "one-worker"
    goldsmith("run", papers, "-w", other, *settings("workers=1"))
    assert state(other) == state(workspace)


def test_killed_at_random_and_run_again_gives_the_same_bytes(papers, workspace):
    root = papers.parent / "killed"
    moments = random.Random(7)
    call = command("run", papers, "-w", root, *settings())
    for _ in range(6):
        process = subprocess.Popen(call, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(timeout=moments.uniform(0.5, 5))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.2)
    subprocess.run(call, check=True, capture_output=True)
    assert state(root) == state(workspace)


def test_an_export_is_the_model_that_was_trained_or_none_at_all(workspace, tmp_path):
    root = tmp_path / "w"
    shutil.copytree(workspace, root)
    found = json.loads(goldsmith("export", tmp_path / "model", "-w", root, "--json"))
    assert max(found["gaps"].values()) <= found["bound"]
    weights = Workspace(root).models / "merged" / "model.safetensors"
    assert (tmp_path / "model" / weights.name).read_bytes() == weights.read_bytes()
    (weights.parent / weights.name).write_bytes(
        (Workspace(root).models / "base" / weights.name).read_bytes()
    )
    call = [sys.executable, "-m", "goldsmith", "export", str(tmp_path / "other"), "-w", str(root)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the first tensor that differs is" in done.stderr
    assert not (tmp_path / "other").exists()


def test_forget_removes_a_document_and_all_that_was_made_of_it(papers, workspace):
    root = papers.parent / "forgetful"
    shutil.copytree(workspace, root)
    done = json.loads(goldsmith("forget", "tea.md", "-w", root, "--json"))
    assert {model["kind"] for model in done["models"]} == {"base", "adapter", "merged"}
    lake = Lake(Workspace(root).lake)
    for name, schema in SCHEMAS.items():
        if name not in (*LOGS, "models"):
            assert "seventy degrees" not in str(lake.read(name).to_pylist()), name
        if "document" in schema.names:
            assert done["id"] not in lake.read(name)["document"].to_pylist(), name
    for path in root.rglob("*"):
        readable = path.is_file() and "models" not in path.parts and "checkpoints" not in path.parts
        if readable:
            assert b"seventy degrees" not in path.read_bytes(), path
    again = json.loads(goldsmith("ingest", papers, "-w", root, "--json"))
    assert "tea.md" not in {row["uri"] for row in again["documents"]}


def test_a_folder_that_gives_no_example_still_gets_a_model(tmp_path):
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.txt").write_text("Rain fell on the hills all night and day. " * 4)
    out = goldsmith("run", tmp_path / "papers", "-w", tmp_path / "w", *settings())
    assert "; balanced" in out
    space = Workspace(tmp_path / "w")
    assert (space.models / "merged" / "model.safetensors").is_file()
    kinds = {row["kind"] for row in Lake(space.lake).read("models").to_pylist()}
    assert kinds == {"base", "merged"}
    goldsmith("run", tmp_path / "papers", "-w", tmp_path / "w", *settings())


def test_a_dry_run_writes_nothing(papers):
    out = goldsmith("run", papers, "-w", papers.parent / "dry", "--dry-run")
    assert "2 files would be read" in out
    assert not (papers.parent / "dry").exists()
