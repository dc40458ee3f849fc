"""Documents that cannot be worked on: left out, accounted for, listed, tried again when told."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import pytest

from goldsmith.cli import project as projects
from goldsmith.cli import steps
from goldsmith.lake import Lake
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import Workspace

TEXT = "The mill stands by the river and grinds the corn of three villages in autumn. " * 4


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "goldsmith", *map(str, arguments)]


def goldsmith(*arguments) -> dict:
    done = subprocess.run(command(*arguments, "--json"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclasses.dataclass(frozen=True)
class Poisoned:
    """A stage of the refinery that dies of any line with "poison" in it."""

    name: ClassVar[str] = "poisoned"
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "document"
    reads: ClassVar[tuple[str, ...]] = ("lines",)
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables):
        if any("poison" in text for text in tables["lines"]["text"].to_pylist()):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"scores": SCHEMAS["scores"].empty_table()}


@pytest.fixture
def papers(tmp_path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "good.txt").write_text(TEXT)
    (folder / "bad.txt").write_text(TEXT + " It was poison.")
    return folder


def test_a_document_that_kills_a_stage_is_left_out_and_the_rest_is_refined(
    papers, tmp_path, monkeypatch
):
    stages = steps.refine_stages
    monkeypatch.setattr(steps, "refine_stages", lambda project: [Poisoned(), *stages(project)])
    project = projects.describe(papers, tmp_path / "w")
    with projects.locked(project) as held:
        projects.save(held)
        steps.ingest(held, steps.find_files(held))
        ledger = steps.refine(held)
    assert ledger.balanced
    assert ledger.total("kept") > 0
    status = goldsmith("status", "-w", tmp_path / "w")
    rows = {row["uri"]: row for row in status["documents"]}
    assert rows["good.txt"]["status"] == "ok"
    assert (rows["bad.txt"]["status"], rows["bad.txt"]["reason"]) == ("failed", "worker died")
    assert "in stage 'poisoned'" in rows["bad.txt"]["detail"]
    assert [one["document"] for one in status["quarantine"]] == [rows["bad.txt"]["id"]]
    text = subprocess.run(
        command("status", "-w", tmp_path / "w"), capture_output=True, text=True
    ).stdout
    assert "bad.txt: worker died in poisoned" in text
    assert "--retry" in text
    monkeypatch.undo()  # the stage is mended
    goldsmith("ingest", papers, "-w", tmp_path / "w")
    assert Lake(Workspace(tmp_path / "w").lake).read("lines").num_rows == 1
    again = goldsmith("ingest", papers, "-w", tmp_path / "w", "--retry")
    assert {row["status"] for row in again["documents"]} == {"ok"}
    assert goldsmith("refine", "-w", tmp_path / "w")["balanced"]


def test_a_limit_is_told_and_a_higher_one_tries_again_by_itself(papers, tmp_path):
    tight = ("ingest", papers, "-w", tmp_path / "w", "--set", "extract.megabytes_per_worker=20")
    assert {row["reason"] for row in goldsmith(*tight)["documents"]} == {"memory limit"}
    assert len(goldsmith("status", "-w", tmp_path / "w")["quarantine"]) == 2
    wide = (*tight[:-1], "extract.megabytes_per_worker=2000")
    assert {row["status"] for row in goldsmith(*wide)["documents"]} == {"ok"}
    assert goldsmith("status", "-w", tmp_path / "w")["quarantine"] == []


HANGING = """
import sys, time
from pathlib import Path
from goldsmith.cli import project as projects
from goldsmith.pipeline import Pool, Runner, Source
sys.path.insert(0, sys.argv[3])
from stages import Count
import pyarrow as pa
if __name__ == "__main__":
    papers, root = Path(sys.argv[1]), Path(sys.argv[2])
    project = projects.describe(papers, root)
    with projects.locked(project) as held, Pool(1, 60, 500) as pool:
        projects.save(held)
        paths = {f"d-{path.name}": path for path in sorted(papers.iterdir())}
        source = Source(pa.table({"id": list(paths)}), paths)
        runner = Runner(held.lake, held.workspace.staging, pool, held.progress)
        runner.run(Count(str(root), pause=50), {"files": source})
"""


def test_status_tells_what_another_process_has_in_hand_and_what_it_had_when_killed(
    papers, tmp_path
):
    script = tmp_path / "hanging.py"
    script.write_text(HANGING)
    stages = Path(__file__).parent.parent / "pipeline"
    process = subprocess.Popen([sys.executable, script, papers, tmp_path / "w", stages])
    try:
        running, seconds, end = None, 0.0, time.monotonic() + 60
        while not seconds > 0 and time.monotonic() < end:  # they start anew as a worker takes up
            if (tmp_path / "w" / "project.json").exists():
                running = goldsmith("status", "-w", tmp_path / "w")["running"]
                seconds = sum(one["seconds"] for one in running["in_hand"]) if running else 0.0
        assert running["alive"]
        assert (running["task"], running["total"]) == ("count", 2)
        (unit,) = running["in_hand"]
        assert unit["document"] == "d-bad.txt"
        assert unit["seconds"] > 0
        assert unit["megabytes"] is None or unit["megabytes"] > 0
    finally:
        process.kill()
        process.wait()
    text = subprocess.run(
        command("status", "-w", tmp_path / "w"), capture_output=True, text=True
    ).stdout
    assert "stopped    in count" in text
    assert "was in hand d-bad.txt" in text


def test_a_command_that_ended_leaves_no_state_behind(papers, tmp_path):
    goldsmith("ingest", papers, "-w", tmp_path / "w")
    assert not Workspace(tmp_path / "w").state.exists()
    assert goldsmith("status", "-w", tmp_path / "w")["running"] is None
