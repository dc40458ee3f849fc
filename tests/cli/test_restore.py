"""`goldsmith restore`: the lines of every file come back, whatever was taken out of gold."""

import json
import subprocess
import sys

import pyarrow as pa

from goldsmith.lake import Lake
from goldsmith.project import Workspace

TEXT = """# Salt in the kitchen

Salt keeps food from spoiling because it draws water out of it. A brine of eight percent stops most
bacteria within a day, as Ren´e wrote to jo.doe@example.org in a ﬁne let-
ter. Fish is laid in dry salt for two weeks before it is hung in the wind.\u00ad Itâ€™s  done.

Salt keeps food from spoiling because it draws water out of it. A brine of eight percent stops most
"""


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "goldsmith", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_every_line_comes_back(tmp_path):
    source, space, out = tmp_path / "papers", tmp_path / "space", tmp_path / "out"
    source.mkdir()
    (source / "one.txt").write_text(TEXT, "utf-8")
    (source / "copy.txt").write_text(TEXT, "utf-8")
    (source / "near.txt").write_text(TEXT.replace("two weeks", "three weeks"), "utf-8")
    (source / "noise.txt").write_text("zxq wvbk jqpf xzzt kkvq wqxz jfgh " * 30, "utf-8")
    (source / "empty.pdf").write_bytes(b"")
    assert run("restore", "--workspace", space).returncode == 2
    assert run("ingest", source, "--workspace", space).returncode == 0
    early = run("restore", "--workspace", space)
    assert early.returncode == 2
    assert "goldsmith refine" in early.stderr
    assert run("refine", "--workspace", space).returncode == 0
    lake = Lake(Workspace(space).lake)
    rules = set(lake.read("rejects")["rule"].to_pylist())
    assert {"e-mail", "hyphen", "repaired character", "white space"} <= rules
    assert any(lake.read("rejects")["merged_into"].to_pylist())

    done = run("restore", "--workspace", space, "--output", out, "--json")
    assert done.returncode == 0, done.stderr
    assert all(file["identical"] for file in json.loads(done.stdout))
    for name in ("one.txt", "copy.txt", "near.txt", "noise.txt"):
        original = [row for row in (source / name).read_text("utf-8").split("\n") if row.strip()]
        assert (out / f"{name}.txt").read_text("utf-8").split("\n")[:-1] == original
    shown = run("restore", "near.txt", "--workspace", space)
    assert "three weeks" in shown.stdout
    assert run("restore", "gone.txt", "--workspace", space).returncode == 2

    rows = lake.read("rejects:clean").to_pylist()
    rows[0]["text"] = rows[0]["text"][:-1] + "?"
    lake.replace("rejects", pa.Table.from_pylist(rows, lake.read("rejects").schema), "clean")
    broken = run("restore", "--workspace", space)
    assert broken.returncode == 1
    assert "do not give all its lines back" in broken.stderr
