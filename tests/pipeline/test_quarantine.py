"""Faults injected into workers: what happens to the document, the rest, and the next run."""

import json
import time
from pathlib import Path

import pytest
from stages import Fault, FaultWithRows, remember_much, square
from test_run import files, values

from goldsmith.errors import GoldsmithError
from goldsmith.lake import Lake
from goldsmith.pipeline import (
    Journal,
    Pool,
    Runner,
    Silent,
    StageFailedError,
    read_quarantine,
    read_state,
    release,
)

CAUSES = {
    "kill": ("worker died", "SIGKILL"),
    "loop": ("time limit", "3 seconds"),
    "swell": ("memory limit", "300 MB"),
    "raise": ("error", "a bad page"),
}


def run(root: Path, stage, given, workers=2, listener=None) -> bool:
    with Pool(workers, seconds=3, megabytes=300) as pool:
        runner = Runner(
            Lake(root / "lake"), root / "staging", pool, listener or Silent(), 0, root / "held.json"
        )
        return runner.run(stage, {"files": given})


def bad_files(root: Path):
    contents = {name: name.encode() for name in CAUSES}
    return files(root / "in", good=b"fine", other=b"fine", **contents)


def test_each_fault_becomes_a_row_with_its_cause_and_the_rest_goes_on(tmp_path):
    given = bad_files(tmp_path)
    assert run(tmp_path, FaultWithRows(), given)
    found = values(Lake(tmp_path / "lake"))
    assert found.pop("d-good") == found.pop("d-other") == 1.0
    assert set(found.values()) == {-1.0}
    held = read_quarantine(tmp_path / "held.json")
    assert set(held) == {"d-kill", "d-loop", "d-swell"}  # an error is a row, not a danger
    for name, one in held.items():
        cause, words = CAUSES[name[2:]]
        assert one.cause == cause
        assert words in one.detail or one.detail == "the worker could get no more memory"
        assert one.stage == "fault"


def test_what_is_in_quarantine_is_not_tried_again_until_told(tmp_path):
    given = files(tmp_path / "in", good=b"fine", bad=b"kill")
    run(tmp_path, FaultWithRows(), given)
    for path in (tmp_path / "staging" / "fault").iterdir():
        path.unlink()  # even where its row is lost
    lake = Lake(tmp_path / "lake")
    lake.replace("scores", lake.read("scores").slice(0, 0), "fault")
    (tmp_path / "in" / "bad").write_bytes(b"fine")  # it would do no harm now; same id in this test
    run(tmp_path, FaultWithRows(), given)
    assert values(lake) == {"d-bad": -1.0, "d-good": 1.0}
    assert not run(tmp_path, FaultWithRows(), given)
    assert release(tmp_path / "held.json") == ["d-bad"]
    assert run(tmp_path, FaultWithRows(), given)
    assert values(lake) == {"d-bad": 1.0, "d-good": 1.0}
    assert read_quarantine(tmp_path / "held.json") == {}
    assert not run(tmp_path, FaultWithRows(), given)


def test_a_release_that_was_killed_in_between_is_not_lost(tmp_path):
    given = files(tmp_path / "in", bad=b"kill")
    run(tmp_path, FaultWithRows(), given)
    release(tmp_path / "held.json")
    assert [one.key for one in read_quarantine(tmp_path / "held.json").values()] == [""]
    run(tmp_path, FaultWithRows(), given)  # still deadly
    (one,) = read_quarantine(tmp_path / "held.json").values()
    assert one.key


def test_a_stage_without_rows_for_failure_stops_after_all_others_are_done(tmp_path):
    given = bad_files(tmp_path)
    with pytest.raises(StageFailedError, match="stage 'fault' failed") as caught:
        run(tmp_path, Fault(), given)
    assert set(caught.value.failed) == {f"d-{name}" for name in CAUSES}
    assert len(list((tmp_path / "staging" / "fault").iterdir())) == 2
    assert not Lake(tmp_path / "lake").exists("scores")
    with pytest.raises(StageFailedError):  # and at once, without trying them again
        run(tmp_path, Fault(), given)
    rest = files(tmp_path / "less", good=b"fine", other=b"fine")
    assert run(tmp_path, Fault(), rest)
    assert values(Lake(tmp_path / "lake")) == {"d-good": 1.0, "d-other": 1.0}


def test_faults_do_not_change_the_bytes_whatever_the_number_of_workers(tmp_path):
    digests = set()
    for workers in (1, 3):
        root = tmp_path / str(workers)
        root.mkdir()
        run(root, FaultWithRows(), files(root / "in", a=b"fine", b=b"kill", c=b"fine"), workers)
        digests.add(Lake(root / "lake").digest("scores:fault"))
    assert len(digests) == 1


def test_a_damaged_quarantine_says_what_to_do(tmp_path):
    (tmp_path / "held.json").write_text("{nonsense")
    with pytest.raises(GoldsmithError, match="delete it"):
        read_quarantine(tmp_path / "held.json")


def test_a_worker_that_keeps_much_memory_is_replaced():
    with Pool(1, seconds=30, megabytes=300) as pool:
        tasks = [(n, megabytes) for n, megabytes in enumerate((200, 1, 1))]
        workers = dict(pool.map(remember_much, tasks))
    assert workers[0] != workers[1] == workers[2]


def test_a_caller_that_goes_away_leaves_no_stale_results():
    with Pool(2, seconds=30, megabytes=300) as pool:
        for _ in pool.map(square, ((n, n) for n in range(50))):
            break
        assert dict(pool.map(square, [("new", 7)])) == {"new": 49}


class Looking(Silent):
    """Reads the journal each time something is done, as another process would."""

    def __init__(self, path):
        self.path = path
        self.seen = []

    def advance(self, amount=1, **figures):
        self.seen.append(read_state(self.path))


def test_a_journal_tells_what_is_in_hand_and_for_how_long(tmp_path):
    looking = Looking(tmp_path / "state.json")
    journal = Journal(looking, tmp_path / "state.json")
    given = files(tmp_path / "in", a=b"fine", loop=b"loop")
    run(tmp_path, FaultWithRows(), given, 1, journal)
    state = looking.seen[-1]  # the loop has just been ended
    assert state.alive
    assert (state.task, state.total, state.unit) == ("fault", 2, "documents")
    (unit,) = state.units
    assert unit.name == "d-loop"
    assert 2 < time.time() - unit.since < 30
    assert read_state(tmp_path / "state.json").task == ""


def test_a_state_whose_process_is_gone_is_not_alive(tmp_path):
    path = tmp_path / "state.json"
    Journal(Silent(), path).start("extract", 3, "documents")
    assert read_state(path).alive
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value | {"process_start": value["process_start"] - 100}))
    assert not read_state(path).alive  # another process has its number now
    path.write_text("{half")
    assert read_state(path) is None
