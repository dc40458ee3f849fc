"""Curves for TensorBoard, read back by TensorBoard's own reader."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")

from goldsmith.cli.board import Board
from goldsmith.pipeline.progress import Silent


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(each.step, round(each.value, 4)) for each in events.Scalars(name)]


def add(folder: Path, *rows: dict[str, float | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open("a") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def test_rows_of_every_job_become_curves(tmp_path: Path) -> None:
    board = Board(Silent(), tmp_path / "runs", tmp_path / "board")
    add(tmp_path / "runs" / "pretrain", {"step": 1, "loss": 3.5, "validation_loss": None})
    board.advance(1, loss=3.5)
    add(tmp_path / "runs" / "pretrain", {"step": 2, "loss": 3.0, "validation_loss": 3.25})
    add(tmp_path / "runs" / "tune", {"step": 1, "loss": 2.0})
    board.close()
    assert curve(tmp_path / "board" / "pretrain", "loss") == [(1, 3.5), (2, 3.0)]
    assert curve(tmp_path / "board" / "pretrain", "validation_loss") == [(2, 3.25)]
    assert curve(tmp_path / "board" / "tune", "loss") == [(1, 2.0)]


def test_half_a_row_waits_for_its_end(tmp_path: Path) -> None:
    board = Board(Silent(), tmp_path / "runs", tmp_path / "board")
    add(tmp_path / "runs" / "tune", {"step": 1, "loss": 2.0})
    path = tmp_path / "runs" / "tune" / "metrics.jsonl"
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    board.update()
    with path.open("a") as file:
        file.write('ss": 1.5}\n')
    board.close()
    assert curve(tmp_path / "board" / "tune", "loss") == [(1, 2.0), (2, 1.5)]


def test_a_board_that_starts_again_replaces_the_older_curve(tmp_path: Path) -> None:
    add(tmp_path / "runs" / "tune", {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5})
    for _ in range(2):
        Board(Silent(), tmp_path / "runs", tmp_path / "board").close()
    assert curve(tmp_path / "board" / "tune", "loss") == [(1, 2.0), (2, 1.5)]
