"""Labels: what a person said about a passage, one appended row a decision.

A row is never changed: taking something back appends a row that says so, and what counts about a
passage is its last row. The order of rows is that of the table's key (time, subject, person).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from goldsmith.lake import Lake
from goldsmith.lake.schemas import SCHEMAS

Answer = Literal["good", "garbage", "skip", "undone"]
Arm = Literal["active", "random"]


@dataclass(frozen=True)
class Label:
    """The last word on one passage; ``order`` counts the passages that have one, from 0."""

    subject: str
    answer: Answer
    who: str
    arm: Arm
    order: int

    @property
    def garbage(self) -> bool:
        return self.answer == "garbage"


def append_label(
    lake: Lake, subject: str, answer: Answer, *, who: str, arm: Arm, at: datetime | None = None
) -> None:
    """Write down one decision at once; ``at`` is now unless given (UTC)."""
    row = {
        "subject": subject,
        "label": answer,
        "who": who,
        "at": at or datetime.now(UTC),
        "arm": arm,
    }
    lake.append("labels", pa.Table.from_pylist([row], schema=SCHEMAS["labels"]))


def current_labels(lake: Lake) -> dict[str, Label]:
    """Return the last word on each passage, in the order they were first asked about.

    Passages whose last word is "undone" are left out, as if never asked; "skip" stays, so that
    nobody is asked again.
    """
    last: dict[str, dict[str, str]] = {}
    for row in lake.read("labels").to_pylist():
        if row["label"] == "undone":
            last.pop(row["subject"], None)
        else:
            last[row["subject"]] = row
    return {
        subject: Label(subject, row["label"], row["who"], row["arm"], order)  # type: ignore[arg-type]
        for order, (subject, row) in enumerate(last.items())
    }


def labels_digest(labels: Mapping[str, Label]) -> str:
    """Return a digest of what is learned from: subjects, answers, arms and their order."""
    digest = hashlib.sha256()
    for label in labels.values():
        digest.update(f"{label.subject} {label.answer} {label.arm}\n".encode())
    return digest.hexdigest()[:32]
