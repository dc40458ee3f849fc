"""`goldsmith label` in a terminal of its own."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from goldsmith.lake import Lake
from goldsmith.project import Workspace
from goldsmith.review import append_label

PROSE = "The keeper of the harbour light wrote down the wind and the weather of each day. "


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "goldsmith", *map(str, arguments)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("label")
    (folder / "papers").mkdir()
    for number in range(3):
        parts = [f"{PROSE * 2}It was day {number}{part}." for part in range(5)]
        parts.append(f"Buy {number} lamps now! \x1b[31mSale\x1b[0m ends soon, click here to order.")
        (folder / "papers" / f"{number}.txt").write_text("\n\n".join(parts))
    root = folder / "workspace"
    for verb in (("ingest", folder / "papers"), ("refine",)):
        done = subprocess.run(command(*verb, "-w", root), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return root


def sit(root: Path, keys: str, *more: str) -> tuple[int, str, str]:
    """Type keys into `goldsmith label` one after another; return code, screen and output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("label", "-w", root, *more), stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    screen, left, end = b"", list(keys), time.monotonic() + 60
    prompts = 0
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            screen += data
        elif process.poll() is not None:
            break
        if left and screen.count(b"q quit") > prompts:
            prompts = screen.count(b"q quit")
            os.write(ours, left.pop(0).encode())
    out, _ = process.communicate(timeout=30)
    os.close(ours)
    return process.returncode, screen.decode("utf-8", "replace"), out.decode()


def rows(root: Path) -> list[dict]:
    return Lake(Workspace(root).lake).read("labels").to_pylist()


def test_one_key_each_and_every_answer_is_stored_at_once(workspace):
    code, screen, out = sit(workspace, "gxsq", "--who", "ann", "--json")
    assert code == 0, screen
    found = rows(workspace)
    assert [row["label"] for row in found] == ["good", "garbage", "skip"]
    assert {row["who"] for row in found} == {"ann"}
    assert {row["arm"] for row in found} == {"active", "random"}
    assert json.loads(out)["given"] == 3
    assert not json.loads(out)["decision"]["accepted"]
    for text in (".txt, page 1", "active: unusual", "random: drawn by chance", "3 in this sitting"):
        assert text in screen


def test_it_goes_on_where_it_was_and_takes_back(workspace):
    before = rows(workspace)
    code, screen, _ = sit(workspace, "gugq")
    assert code == 0
    assert f"{len({r['subject'] for r in before})} of 18 asked" in screen or "of 1" in screen
    new = rows(workspace)[len(before) :]
    assert [row["label"] for row in new] == ["good", "undone", "good"]
    assert len({row["subject"] for row in new}) == 1
    assert new[0]["subject"] not in {row["subject"] for row in before}


def test_what_a_document_says_cannot_steer_the_terminal(workspace):
    _, screen, _ = sit(workspace, "s" * 8, "--count", "8")
    assert "\x1b[31m" not in screen


def test_without_a_terminal_it_says_what_to_do(workspace):
    done = subprocess.run(
        command("label", "-w", workspace), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "--fit" in done.stderr
    done = subprocess.run(
        command("label", "-w", workspace, "--fit", "--json"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "too few labels" in json.loads(done.stdout)["decision"]["reason"]


def test_a_classifier_proven_better_decides_until_it_is_told_not_to(workspace, tmp_path):
    """Advertisements pass the heuristic; labels teach to cut them, and the ledger balances."""
    papers, root = tmp_path / "papers", tmp_path / "workspace"
    papers.mkdir()
    for number in range(16):
        parts = [
            f"Buy {number}{part} lamps now! The sale ends soon, click here to order lamp {part}."
            if part % 4 == 0
            else f"{PROSE * 2}It was day {number}{part} of the voyage to the islands."
            for part in range(12)
        ]
        (papers / f"{number}.txt").write_text("\n\n".join(parts))

    def goldsmith(*arguments) -> dict:
        done = subprocess.run(
            command(*arguments, "-w", root, "--json"), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    goldsmith("ingest", papers)
    goldsmith("refine")
    lake = Lake(Workspace(root).lake)
    passages = lake.read("passages").to_pylist()
    assert lake.read("rejects:cut").num_rows == 0
    for number, row in enumerate(passages):
        answer = "garbage" if row["text"].startswith("Buy") else "good"
        append_label(lake, row["id"], answer, who="ann", arm="active" if number % 3 else "random")
    decision = goldsmith("label", "--fit")["decision"]
    assert decision["accepted"], decision["reason"]
    ledger = goldsmith("refine")
    assert ledger["balanced"]
    cut = lake.read("rejects:cut").to_pylist()
    assert {row["rule"] for row in cut} == {"garbage"}
    assert {row["subject"] for row in cut} == {
        row["id"] for row in passages if row["text"].startswith("Buy")
    }
    assert goldsmith("status")["labels"]["decision"]["accepted"]
    back = goldsmith("refine", "--set", "refine.garbage=heuristic")
    assert back["balanced"]
    assert lake.read("rejects:cut").num_rows == 0
    assert lake.read("scores:review").num_rows == 0
    assert "set to heuristic" in goldsmith("status")["labels"]["decision"]["reason"]


def test_status_knows_the_labels(workspace):
    done = subprocess.run(
        command("status", "-w", workspace, "--json"), capture_output=True, text=True
    )
    labels = json.loads(done.stdout)["labels"]
    assert labels["given"] >= 2
    assert not labels["decision"]["accepted"]
