"""Documents to gold: the steps that run as stages over the lake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from goldsmith.cli.project import Project
from goldsmith.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from goldsmith.lake import Ledger
    from goldsmith.pipeline import Runner, Source, Stage


@contextmanager
def runner(project: Project) -> Iterator[Runner]:
    """A runner with the project's workers and limits."""
    from goldsmith.pipeline import Pool, Runner

    limits = project.settings.extract
    with Pool(project.workers, limits.seconds_per_document, limits.megabytes_per_worker) as pool:
        yield Runner(
            project.lake, project.workspace.staging, pool, project.progress, project.settings.seed
        )


def find_files(project: Project) -> Source:
    """List the folder's files; forgotten documents are not among them.

    Raises UserError when there is nothing to read.
    """
    import pyarrow.compute as pc

    from goldsmith.extract import list_files
    from goldsmith.pipeline import Source

    settings = project.settings.ingest
    if project.workspace.root.is_relative_to(project.folder):
        inside = project.workspace.root.relative_to(project.folder).as_posix()
        settings = settings.model_copy(update={"exclude": (*settings.exclude, f"{inside}/**")})
    table = list_files(project.folder, settings)
    if project.forgotten:
        gone = pc.is_in(table["id"], value_set=_strings(sorted(project.forgotten)))
        table = table.filter(pc.invert(gone))
    readable = pc.sum(pc.equal(table["status"], "ok")).as_py() or 0
    if not readable:
        wanted = ", ".join(settings.include)
        found = f"{table.num_rows} files, none of them readable" if table.num_rows else "no files"
        raise UserError(
            f"{project.folder}: {found} (looked for {wanted}); put PDF, HTML, DOCX, Markdown or "
            "text files there and run it again"
        )
    table = table.sort_by([("id", "ascending"), ("uri", "ascending")])
    rows = table.select(["id", "uri", "status"]).to_pylist()
    paths = {row["id"]: project.folder / row["uri"] for row in rows if row["status"] == "ok"}
    return Source(table, paths)


def ingest(project: Project, files: Source) -> bool:
    """Files to documents, pages and lines."""
    from goldsmith.extract import ExtractStage

    with runner(project) as run:
        return run.run(ExtractStage(project.settings.extract), {"files": files})


def refine_stages(project: Project) -> list[Stage]:
    """The stages from lines to chunks, in order."""
    from goldsmith.refine import Chunk, Clean, Cut, Deduplicate, Screen, Tag

    settings = project.settings.refine
    kinds = (Tag, Clean, Screen, Cut, Deduplicate, Chunk)
    return [kind(settings) for kind in kinds]


def refine(project: Project) -> Ledger:
    """Lines to gold chunks; return the ledger, which balances.

    Raises LedgerError when it does not.
    """
    from goldsmith.lake import take_stock

    with runner(project) as run:
        for stage in refine_stages(project):
            run.run(stage)
    ledger = take_stock(project.lake)
    ledger.require_balance()
    if not ledger.total("kept"):
        raise UserError(
            f"{project.folder}: nothing is left for gold after refining; "
            "`goldsmith status` says why each document fell away"
        )
    return ledger


def forget(project: Project, document: str) -> Project:
    """Note that a document must not come back; the next steps leave it out."""
    return replace(project, forgotten=project.forgotten | {document})


def _strings(values: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.string())


def free_threads(project: Project) -> int:
    """Threads that one process of tensor work may use."""
    return project.settings.train.threads or os.cpu_count() or 1
