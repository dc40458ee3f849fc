"""`goldsmith refine --recut`: shown before it moves, and nothing before the cut runs again."""

import json
import subprocess
import sys

import pytest

from goldsmith.lake import Lake
from goldsmith.project import Workspace

SALT = """# Salt in the kitchen

Salt keeps food from spoiling because it draws water out of it. A brine of eight percent stops most
bacteria within a day. Fish is laid in dry salt for two weeks before it is hung in the wind.

Sxlt ia a minersl tbat makcs swcet thlngs tastc sweetcr. Bakcrs add tw o grams t o evcry huudred
gr ams offlour. Wlthout lt, brcad ls palc and lts crumb collapscs wheu lt ls cut on thc tablc.

A pinch of it goes into the dough of every cake, and into coffee that was left on the stove.
"""


def goldsmith(*arguments, code: int = 0) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "goldsmith", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recut")
    (folder / "papers").mkdir()
    (folder / "papers" / "salt.md").write_text(SALT)
    goldsmith("ingest", folder / "papers", "-w", folder / "workspace")
    goldsmith("refine", "-w", folder / "workspace")
    return folder / "workspace"


def test_recut_shows_then_moves_and_runs_only_what_follows(root):
    lake = Lake(Workspace(root).lake)
    before, runs = lake.digest("rejects:cut"), lake.read("runs").num_rows
    change = ("--set", 'refine.cuts=["damage > 0.05"]')

    shown = json.loads(
        goldsmith("refine", "--recut", "--dry-run", "--json", "-w", root, *change).stdout
    )
    assert [(row["way"], row["rule"], row["passages"]) for row in shown["moves"]] == [
        ("out", "damage", 1)
    ]
    refused = goldsmith("refine", "--recut", "-w", root, *change, code=2)
    assert "--yes" in refused.stderr
    assert lake.digest("rejects:cut") == before  # neither of them moved anything
    assert lake.read("runs").num_rows == runs

    moved = json.loads(
        goldsmith("refine", "--recut", "--yes", "--json", "-w", root, *change).stdout
    )
    assert moved["balanced"]
    assert moved["recut"]["moves"] == shown["moves"]
    stages = lake.read("runs")["stage"].to_pylist()[runs:]
    assert set(stages) <= {"cut", "deduplicate", "chunk"}
    assert "Sxlt" not in " ".join(lake.read("chunks")["text"].to_pylist())

    goldsmith("refine", "-w", root)  # the settings are kept, and nothing is left to do
    assert lake.read("runs").num_rows == runs + len(stages)
    back = goldsmith("refine", "--recut", "--dry-run", "-w", root, "--set", "refine.cuts=[]")
    assert "back into gold: 1" in back.stdout


def test_recut_takes_nothing_but_cuts(root):
    wrong = goldsmith("refine", "--recut", "-w", root, "--set", "refine.pii=keep", code=2)
    assert "refine.pii is not one" in wrong.stderr
    assert "--recut" in goldsmith("refine", "--dry-run", "-w", root, code=2).stderr
