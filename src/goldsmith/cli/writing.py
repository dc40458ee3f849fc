"""Examples that a model writes about gold, with what it made up left out and said.

The key of the server, where it wants one, is in OPENAI_API_KEY: no argument, setting or log has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from goldsmith.cli.project import Project
from goldsmith.errors import UserError

KEY_VARIABLE = "OPENAI_API_KEY"


def written(project: Project) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return (``examples`` rows, what was refused and why); none where no writer is set.

    What the model said is kept in the workspace: killed at any moment, or run again, only what was
    not asked before is asked.
    """
    from goldsmith.cli.replies import remembering
    from goldsmith.datasets import openai_writer, write_examples

    settings = project.settings.dataset
    if not settings.writer:
        return [], []
    if not settings.writer_model:
        raise UserError("dataset.writer has no model: set dataset.writer_model (or give --model)")
    chunks = project.lake.read("chunks").to_pylist()
    name = settings.writer_model
    key = os.environ.get(KEY_VARIABLE) or None
    ask = openai_writer(settings.writer, name, key=key, seed=project.settings.seed)
    documents = {chunk["text"]: chunk["document"] for chunk in chunks}
    remembered = remembering(ask, project.workspace.replies, name, documents)

    def writer(messages: Sequence[Mapping[str, str]]) -> str:
        reply = remembered(messages)
        project.progress.advance()
        return reply

    made, refused = [], []
    for kind in settings.writes:
        project.progress.start(f"{kind}s", len(chunks), "chunks")
        kept, fallen = write_examples(
            chunks,
            writer,
            name,
            settings,
            project.settings.seed,
            kind=kind,
            count=settings.writes_per_chunk,
        )
        made += kept
        refused += [asdict(one) for one in fallen]
        project.progress.finish(f"{len(kept)} written, {len(fallen)} refused")
    return made, refused
