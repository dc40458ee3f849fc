"""The log entry of a step that makes an artifact."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from goldsmith.cli.project import Project


@contextmanager
def recorded(
    project: Project, stage: str, key: str, settings: Any, inputs: Mapping[str, str]
) -> Iterator[dict[str, float]]:
    """Time a step that makes an artifact and log it; the dict yielded becomes its counts."""
    from goldsmith.pipeline import record_run

    started, clock = datetime.now(UTC), time.monotonic()
    counts: dict[str, float] = {}
    yield counts
    record_run(
        project.lake,
        stage=stage,
        key=key,
        settings=settings.model_dump(mode="json"),
        inputs=inputs,
        outputs={stage: key},
        counts=counts,
        seed=project.settings.seed,
        started=started,
        seconds=time.monotonic() - clock,
    )
