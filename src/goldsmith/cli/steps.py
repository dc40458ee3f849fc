"""Documents to gold: the steps that run as stages over the lake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldsmith.cli.project import Project
from goldsmith.cli.scoring import drop_stale_scores
from goldsmith.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from goldsmith.lake import Ledger
    from goldsmith.pipeline import Quarantined, Runner, Stage


@contextmanager
def runner(project: Project) -> Iterator[Runner]:
    """A runner with the project's workers and limits."""
    from goldsmith.pipeline import Pool, Runner

    limits = project.settings.extract
    with Pool(project.workers, limits.seconds_per_document, limits.megabytes_per_worker) as pool:
        yield Runner(
            project.lake,
            project.workspace.staging,
            pool,
            project.progress,
            project.settings.seed,
            project.workspace.quarantine,
        )


def find_files(project: Project) -> pa.Table:
    """List the folder's files (see `goldsmith.extract.list_files`) but the forgotten ones.

    Raises UserError when there is nothing to read.
    """
    import pyarrow.compute as pc

    from goldsmith.extract import list_files

    settings = project.settings.ingest
    if project.workspace.root.is_relative_to(project.folder):
        inside = project.workspace.root.relative_to(project.folder).as_posix()
        settings = settings.model_copy(update={"exclude": (*settings.exclude, f"{inside}/**")})
    files = list_files(project.folder, settings)
    if project.forgotten:
        gone = pc.is_in(files["id"], value_set=_strings(sorted(project.forgotten)))
        files = files.filter(pc.invert(gone))
    if not (pc.sum(pc.equal(files["status"], "ok")).as_py() or 0):
        wanted = ", ".join(settings.include)
        found = f"{files.num_rows} files, none of them readable" if files.num_rows else "no files"
        raise UserError(
            f"{project.folder}: {found} (looked for {wanted}); put PDF, HTML, DOCX, Markdown or "
            "text files there and run it again"
        )
    return files


def ingest(project: Project, files: pa.Table) -> bool:
    """Files to documents, pages and lines.

    A document that a later stage failed on is a row with that reason, and is not read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from goldsmith.extract import ExtractStage
    from goldsmith.lake.schemas import SCHEMAS
    from goldsmith.pipeline import Source, keep_only, read_quarantine

    keep_only(project.workspace.quarantine, set(files["id"].to_pylist()))
    left_out = {
        name: one
        for name, one in read_quarantine(project.workspace.quarantine).items()
        if one.stage != ExtractStage.name and one.key
    }
    held = pc.is_in(files["id"], value_set=_strings(sorted(left_out)))
    readable = pc.and_not(pc.equal(files["status"], "ok"), held)
    to_read = files.filter(readable).select(["id", "uri", "media_type", "size"]).sort_by("id")
    rows = zip(to_read["id"].to_pylist(), to_read["uri"].to_pylist(), strict=True)
    source = Source(to_read, {name: project.folder / uri for name, uri in rows})
    schema = SCHEMAS["documents"]
    others = [
        dict.fromkeys(schema.names) | {"pages": 0, "characters": 0} | row | _failure(row, left_out)
        for row in files.filter(pc.invert(readable)).to_pylist()
    ]
    known = {"documents": pa.Table.from_pylist(others, schema=schema)}
    with runner(project) as run:
        return run.run(ExtractStage(project.settings.extract), {"files": source}, known)


def refine_stages(project: Project) -> Iterator[Stage]:
    """The stages from lines to chunks, in order; each is made when those before it have run."""
    from goldsmith.cli.reviewing import judge
    from goldsmith.refine import (
        Chunk,
        Clean,
        Cut,
        Deduplicate,
        Divide,
        Familiarity,
        Screen,
        Tag,
        taking_part,
        without_cuts,
    )

    # Where the index lies is no matter for any stage; what is in it is.
    settings = project.settings.refine.model_copy(update={"known_duplicates": None})
    sound = without_cuts(settings)  # so that a moved cut leaves the others as they are
    yield from (kind(sound) for kind in (Tag, Divide, Clean, Screen, Familiarity))
    yield judge(project)
    yield Cut(settings)
    index = known_duplicates(project)
    if index is None:
        yield Deduplicate(sound)
    else:
        with taking_part(index, project.folder) as known:
            yield Deduplicate(sound, known.content(), known.before)
            known.keep(project.lake)
    yield Chunk(sound)


def known_duplicates(project: Project) -> Path | None:
    """Return the folder of the index that other folders share, where the settings name one."""
    named = project.settings.refine.known_duplicates
    return (project.folder / named).resolve() if named else None


def refine(project: Project, first: str | None = None) -> Ledger:
    """Lines to gold chunks, from the stage called ``first`` on; return the ledger, which balances.

    A document that a stage fails on is taken out and the rest goes on without it. Raises
    LedgerError when the ledger does not balance.
    """
    from goldsmith.lake import take_stock
    from goldsmith.pipeline import StageFailedError

    while True:
        try:
            with runner(project) as run:
                begun = first is None
                for stage in refine_stages(project):
                    begun = begun or stage.name == first
                    if begun and stage.name == "cut":
                        drop_stale_scores(project)
                    if begun:
                        run.run(stage)
            break
        except StageFailedError:  # its documents are in quarantine now
            ingest(project, find_files(project))
            first = None
    ledger = take_stock(project.lake)
    ledger.require_balance()
    if not ledger.total("kept"):
        if set(project.lake.read("clusters")["reason"].to_pylist()) == {"known"}:
            raise UserError(
                f"{project.folder}: nothing new is in it: all that was left after the cut is known "
                "from folders before; `goldsmith why FILE` says from which"
            )
        raise UserError(
            f"{project.folder}: nothing is left for gold after refining; "
            "`goldsmith status` says why each document fell away"
        )
    return ledger


def forget(project: Project, document: str) -> Project:
    """Note that a document must not come back; the next steps leave it out."""
    return replace(project, forgotten=project.forgotten | {document})


def release(project: Project) -> list[str]:
    """Let the quarantined documents be tried again by the next steps; return their ids."""
    from goldsmith.pipeline import release as let_go

    return let_go(project.workspace.quarantine)


def _failure(row: Mapping[str, Any], left_out: Mapping[str, Quarantined]) -> dict[str, Any]:
    """What a document's row says where a stage after reading failed on it."""
    one = left_out.get(row["id"])
    if one is None or row["status"] != "ok":
        return {}
    reason = "stage failed" if one.cause == "error" else one.cause
    return {"status": "failed", "reason": reason, "detail": f"in stage '{one.stage}': {one.detail}"}


def _strings(values: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.string())
