"""Take a document, and everything made from it, out of a workspace.

What was derived is derived again without it, since a forgotten document may have been the kept twin
of another. Old versions of the tables are deleted with it. Models cannot unlearn: they are named.
"""

from __future__ import annotations

import shutil
from typing import Any

from goldsmith.cli import learn, measure, steps
from goldsmith.cli.project import Project, save
from goldsmith.errors import UserError


def forget(project: Project, given: str) -> dict[str, Any]:
    """Forget one document, by id or uri; return what was removed and which models saw it.

    Once the document's id is in the project file, the next `run` (or the same command again)
    finishes the work, whenever it was killed; before that, nothing was forgotten but by the index
    of known duplicates, which a run puts right.
    """
    from goldsmith.lake import models_that_saw, trace

    found = trace(project.lake, given)
    if found.kind != "document":
        raise UserError(
            f"{given}: is a {found.kind}, not a document; `goldsmith status` lists them"
        )
    before = _rows(project, found.id)
    models = [
        {key: row[key] for key in ("id", "kind", "path")}
        for row in models_that_saw(project.lake, found.id)
    ]
    index = steps.known_duplicates(project)
    if index is not None:  # first, since a run that finishes the work may find nothing to refine
        from goldsmith.refine import forget_known

        before["known_duplicates"] = forget_known(index, project.folder, {found.id})
    project = steps.forget(project, found.id)
    save(project)
    from goldsmith.cli.replies import forget_replies

    before["replies"] = forget_replies(project.workspace.replies, {found.id})
    before["answers"] = _forget_answers(project, found.id)
    made_again = again(project)
    return {
        "id": found.id,
        "removed": {name: count for name, count in before.items() if count},
        "made_again": made_again,
        "models": models,
    }


def again(project: Project) -> list[str]:
    """Make every data table and artifact that exists again, without the forgotten documents."""
    lake, space, done = project.lake, project.workspace, []
    try:
        files = steps.find_files(project)
    except UserError:  # it was the last one
        _empty(project)
        return ["an empty lake"]
    steps.ingest(project, files)
    done.append("documents")
    if lake.exists("chunks"):
        steps.refine(project)
        done.append("gold")
    if space.shards.exists():
        learn.tokenizer(project)
        learn.dataset(project)
        done += ["tokenizer", "datasets"]
    if space.index.exists():
        measure.index(project)
        done.append("index")
    _drop_measured(project)
    lake.vacuum()
    return done


def _forget_answers(project: Project, document: str) -> int:
    """Drop the logged answers that quote the document; return how many."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lake = project.lake
    chunks = lake.read("chunks", ["id", "document"])
    gone = set(chunks.filter(pc.equal(chunks["document"], document))["id"].to_pylist())
    answers = lake.read("answers")
    quotes = [
        any(sentence["chunk"] in gone for sentence in row["sentences"])
        for row in answers.to_pylist()
    ]
    if any(quotes):
        lake.replace("answers", answers.filter(pa.array([not quote for quote in quotes])))
    return sum(quotes)


def _rows(project: Project, document: str) -> dict[str, int]:
    """How many rows of each table are about this document."""
    import pyarrow.compute as pc

    from goldsmith.lake.schemas import SCHEMAS

    counts = {}
    for name, schema in SCHEMAS.items():
        if "document" in schema.names or name == "documents":
            column = "id" if name == "documents" else "document"
            table = project.lake.read(name)
            counts[name] = pc.sum(pc.equal(table[column], document)).as_py() or 0
    return counts


def _empty(project: Project) -> None:
    """Nothing is left to make anything from: remove all tables and artifacts but the models."""
    space = project.workspace
    _drop_measured(project)
    space.replies.unlink(missing_ok=True)
    folders = (
        space.staging,
        space.tokenizer,
        space.shards,
        space.datasets,
        space.index,
        space.review,
        space.lake,  # the last, so that the same command finds the document until all is gone
    )
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _drop_measured(project: Project) -> None:
    """Remove the report and what the evaluation measured: both quote documents."""
    project.workspace.report.unlink(missing_ok=True)
    shutil.rmtree(project.workspace.scores, ignore_errors=True)
