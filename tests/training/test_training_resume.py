"""Kill a training process at any point, run it again, and the same bytes come out."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import signal
from pathlib import Path

import pytest
import toy
from hypothesis import given, settings
from hypothesis import strategies as st


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


# A server that has imported torch once; each job is a process forked from it.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["goldsmith.training.pretraining", "goldsmith.training.tuning"])


def in_a_process(job: str, root: Path, kill: str) -> int | None:
    process = PROCESSES.Process(target=toy.main, args=(job, str(root), kill))
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize(
    ("job", "results", "kills"),
    [
        ("pretrain", ["base"], ["step:1", "step:8", "save:2"]),
        ("tune", ["adapter", "merged"], ["save:1", "step:5"]),
        ("biases", ["adapter", "merged"], ["save:1", "step:5"]),
    ],
)
def test_killed_and_run_again_gives_the_same_bytes(tmp_path, job, results, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert in_a_process(job, whole, "never") == 0
    for kill in kills:
        assert in_a_process(job, killed, kill) == -signal.SIGKILL
        assert not (killed / results[0]).exists()
    assert in_a_process(job, killed, "never") == 0
    for result in results:
        assert bytes_of(killed / result) == bytes_of(whole / result)
    kept = {"state.json", "metrics.jsonl"}
    tensors = {p.name for p in (killed / "checkpoints").iterdir()} - kept
    assert len(tensors) == 2, "one state and one best, no leftovers"


class StopHereError(Exception):
    pass


@settings(max_examples=8, deadline=None)
@given(
    stops=st.lists(st.integers(0, 11), max_size=4),
    checkpoint_every=st.integers(1, 13),
    evaluate_every=st.integers(1, 13),
)
def test_any_stops_and_any_rhythm(tmp_path_factory, stops, checkpoint_every, evaluate_every):
    root = tmp_path_factory.mktemp("run")
    train = toy.TRAIN.model_copy(
        update={"checkpoint_every": checkpoint_every, "evaluate_every": evaluate_every}
    )
    toy.run_pretrain(root / "whole", toy.ToyBatches(), train)
    for stop in stops:

        def stop_there(step: int, stop: int = stop) -> None:
            if step == stop:
                raise StopHereError

        try:
            toy.run_pretrain(root / "again", toy.ToyBatches(on_step=stop_there), train)
        except StopHereError:
            continue
    toy.run_pretrain(root / "again", toy.ToyBatches(), train)
    assert bytes_of(root / "again" / "base") == bytes_of(root / "whole" / "base")


def test_a_finished_run_trains_no_further(tmp_path):
    toy.run_pretrain(tmp_path, toy.ToyBatches())
    before = bytes_of(tmp_path / "base")

    def refuse(step: int) -> None:
        raise AssertionError(f"step {step} was asked for")

    toy.run_pretrain(tmp_path, toy.ToyBatches(on_step=refuse))
    assert bytes_of(tmp_path / "base") == before


def test_other_settings_or_a_damaged_checkpoint_start_anew(tmp_path):
    toy.run_pretrain(tmp_path, toy.ToyBatches())
    before = bytes_of(tmp_path / "base")
    asked: list[int] = []
    state = next((tmp_path / "checkpoints").glob("state-*"))
    state.write_bytes(state.read_bytes()[:100])
    toy.run_pretrain(tmp_path, dataclasses.replace(toy.ToyBatches(), on_step=asked.append))
    assert asked == list(range(12))
    assert bytes_of(tmp_path / "base") == before
    faster = toy.TRAIN.model_copy(update={"learning_rate": 2e-2})
    toy.run_pretrain(tmp_path, dataclasses.replace(toy.ToyBatches(), on_step=asked.append), faster)
    assert asked == [*range(12), *range(12)]
    rows = [json.loads(line) for line in (tmp_path / "base/metrics.jsonl").open()]
    assert [row["step"] for row in rows] == list(range(1, 13))
