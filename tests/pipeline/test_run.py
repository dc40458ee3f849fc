import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from stages import Count

from goldsmith.lake import Lake
from goldsmith.pipeline import Pool, Runner, Silent, Source
from goldsmith.pipeline.run import read_tables, write_tables


def source(folder: Path) -> Source:
    paths = {f"d-{path.name}": path for path in sorted(folder.iterdir())}
    return Source(pa.table({"id": list(paths)}), paths)


def files(folder: Path, **contents: bytes) -> Source:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return source(folder)


def values(lake: Lake) -> dict[str, float]:
    table = lake.read("scores")
    return dict(zip(table["subject"].to_pylist(), table["value"].to_pylist(), strict=True))


def run(root: Path, given: Source, workers: int = 1, marks: Path | None = None) -> bool:
    marks = marks or root / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    with Pool(workers, seconds=30, megabytes=500) as pool:
        runner = Runner(Lake(root / "lake"), root / "staging", pool, Silent())
        return runner.run(Count(str(marks)), {"files": given})


def test_a_stage_runs_once_and_again_only_for_what_is_new(tmp_path):
    given = files(tmp_path / "in", a=b"1", b=b"22")
    assert run(tmp_path, given)
    assert values(Lake(tmp_path / "lake")) == {"d-a": 1.0, "d-b": 2.0}
    assert not run(tmp_path, given)
    for mark in (tmp_path / "marks").iterdir():
        mark.unlink()
    assert run(tmp_path, files(tmp_path / "in", c=b"333"))
    assert values(Lake(tmp_path / "lake")) == {"d-a": 1.0, "d-b": 2.0, "d-c": 3.0}
    assert [mark.name.rpartition("-")[0] for mark in (tmp_path / "marks").iterdir()] == ["d-c"]


def test_a_document_that_kills_its_worker_becomes_a_row(tmp_path):
    run(tmp_path, files(tmp_path / "in", a=b"1", bad=b"die", c=b"333"), workers=2)
    assert values(Lake(tmp_path / "lake")) == {"d-a": 1.0, "d-bad": -1.0, "d-c": 3.0}


def test_a_table_changed_behind_our_back_is_made_again(tmp_path):
    given = files(tmp_path / "in", a=b"1")
    run(tmp_path, given)
    lake = Lake(tmp_path / "lake")
    lake.replace("scores", lake.read("scores").slice(0, 0), "count")
    assert run(tmp_path, given)
    assert values(lake) == {"d-a": 1.0}


def test_workers_do_not_change_the_bytes(tmp_path):
    given = files(tmp_path / "in", **{f"f{n}": b"x" * n for n in range(12)})
    digests = set()
    for workers in (1, 2):
        run(tmp_path / str(workers), given, workers)
        digests.add(Lake(tmp_path / str(workers) / "lake").digest("scores:count"))
    assert len(digests) == 1


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from stages import Count
from test_run import source
from goldsmith.lake import Lake
from goldsmith.pipeline import Pool, Runner, Silent
if __name__ == "__main__":
    root = Path(sys.argv[1])
    with Pool(2, seconds=30, megabytes=500) as pool:
        runner = Runner(Lake(root / "lake"), root / "staging", pool, Silent())
        runner.run(Count(str(root / "marks"), pause=0.4), {"files": source(root / "in")})
"""


def test_killed_and_run_again_it_goes_on_where_it_was(tmp_path):
    files(tmp_path / "in", **{f"f{n:02}": b"x" * n for n in range(20)})
    (tmp_path / "marks").mkdir()
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(tmp_path), str(Path(__file__).parent)]
    process = subprocess.Popen(command)
    while len(list((tmp_path / "marks").iterdir())) < 4:
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # workers die with their parent
    done = {mark.name for mark in (tmp_path / "marks").iterdir()}
    assert len(done) < 20
    subprocess.run(command, check=True)
    assert values(Lake(tmp_path / "lake")) == {f"d-f{n:02}": float(n) for n in range(20)}
    again = {mark.name for mark in (tmp_path / "marks").iterdir()} - done
    assert len(again) < 20  # not everything was done twice


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look for processes")
def test_no_worker_outlives_the_pool(tmp_path):
    run(tmp_path, files(tmp_path / "in", a=b"1"))
    (mark,) = (tmp_path / "marks").iterdir()
    assert not os.path.exists(f"/proc/{mark.name.rpartition('-')[2]}")


def test_tables_in_one_file_come_back_as_they_were(tmp_path):
    tables = {"a": pa.table({"x": [1, None]}), "b": pa.table({"y": pa.array([], pa.string())})}
    write_tables(tmp_path / "unit.arrow", tables)
    assert read_tables(tmp_path / "unit.arrow") == tables
