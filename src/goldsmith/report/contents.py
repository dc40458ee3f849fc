"""What a report says, as plain values read from the lake and from what the steps measured."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from goldsmith.lake import Account, Lake, take_stock
from goldsmith.review import Decision

SAMPLES = 4
_SAMPLE_CHARACTERS = 160


@dataclass(frozen=True)
class Reason:
    """Everything one rule of one stage took out."""

    stage: str
    rule: str
    ranges: int
    characters: int
    merged: bool
    samples: tuple[tuple[str, str, str], ...]  # (text, place, reject id)


@dataclass(frozen=True)
class Curve:
    """Losses over steps. Validation is measured at fewer steps."""

    title: str
    steps: tuple[int, ...]
    loss: tuple[float, ...]
    validation: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer and the places it was taken from; boxes in shares of the page."""

    text: str
    uri: str
    page: int
    picture: str | None  # key into Report.pictures
    boxes: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class AnswerShown:
    """A question of the evaluation, the answer given, and what was expected."""

    question: str
    expected: str | None
    refused: bool
    right: bool
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Report:
    """All that the page draws."""

    name: str
    source: str
    version: str
    accounts: tuple[Account, ...]
    failures: tuple[Mapping[str, Any], ...]
    pages: int
    chunks: int
    tokens: int
    reasons: tuple[Reason, ...]
    stages: tuple[tuple[str, float], ...]  # (stage, seconds of its last run)
    settings: str
    clusters: tuple[tuple[str, str, str, float], ...]  # (member, kept, method, similarity)
    scores: tuple[Mapping[str, Any], ...] = ()
    curves: tuple[Curve, ...] = ()
    answers: tuple[AnswerShown, ...] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)  # key -> data URI
    sample: str = ""  # what the model writes
    row: tuple[tuple[str, str], ...] = ()  # (text, kind) of a row it was tuned on, with its mask
    models: tuple[Mapping[str, Any], ...] = ()
    review: Decision | None = None  # what was learned from labels

    def total(self, column: str) -> int:
        return sum(int(getattr(account, column)) for account in self.accounts)


def gather(
    lake: Lake, *, name: str, source: str, version: str, settings: str, **more: Any
) -> Report:
    """Read the lake into a Report; ``more`` are the fields that other rooms measured."""
    documents = lake.read("documents").to_pylist()
    uris = {row["id"]: row["uri"] for row in reversed(documents)}
    chunks = lake.read("chunks", ["document", "order", "tokens"])
    clusters = lake.read("clusters").to_pylist()
    return Report(
        name=name,
        source=source,
        version=version,
        accounts=take_stock(lake).accounts,
        failures=tuple(row for row in documents if row["status"] != "ok"),
        pages=sum(row["pages"] or 0 for row in documents if row["status"] == "ok"),
        chunks=chunks.num_rows,
        tokens=pc.sum(chunks["tokens"]).as_py() or 0,
        reasons=tuple(_reasons(lake.read("rejects"), uris)),
        stages=tuple(_seconds(lake)),
        settings=settings,
        clusters=tuple(
            (uris[c["member"]], uris[c["kept"]], c["method"], c["similarity"])
            for c in clusters
            if c["member"] in uris and c["kept"] in uris
        ),
        models=tuple(lake.read("models").to_pylist()),
        **more,
    )


def curve(title: str, rows: Sequence[Mapping[str, Any]]) -> Curve:
    """Make a curve from the metrics a training run left: one mapping a step."""
    losses = [(row["step"], row["loss"]) for row in rows if row.get("loss") is not None]
    validation = [
        (row["step"], row["validation_loss"])
        for row in rows
        if row.get("validation_loss") is not None
    ]
    return Curve(
        title,
        tuple(step for step, _ in losses),
        tuple(loss for _, loss in losses),
        tuple(validation),
    )


def _reasons(rejects: pa.Table, uris: Mapping[str, str]) -> Iterable[Reason]:
    """One Reason a rule, largest first; samples are those with the smallest ids."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rejects.sort_by("id").to_pylist():
        groups[row["stage"], row["rule"]].append(row)
    found = []
    for (stage, rule), rows in groups.items():
        shown = sorted(rows, key=lambda row: (len(row["text"]) < 2, row["id"]))[:SAMPLES]
        samples = tuple(
            (_cut(row["text"]), f"{uris.get(row['document'], '?')} p. {row['page']}", row["id"])
            for row in shown
        )
        count = sum(row["end"] - row["start"] for row in rows)
        merged = rows[0]["merged_into"] is not None
        found.append(Reason(stage, rule, len(rows), count, merged, samples))
    return sorted(found, key=lambda reason: (-reason.characters, reason.stage, reason.rule))


def _cut(text: str) -> str:
    return text if len(text) <= _SAMPLE_CHARACTERS else text[:_SAMPLE_CHARACTERS] + "…"


def _seconds(lake: Lake) -> Iterable[tuple[str, float]]:
    last: dict[str, float] = {}
    for run in lake.read("runs", ["started", "id", "stage", "seconds"]).to_pylist():
        last.pop(run["stage"], None)
        last[run["stage"]] = run["seconds"]
    return last.items()


def read_metrics(text: str) -> list[dict[str, Any]]:
    """Parse a metrics file of one JSON object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
