"""`goldsmith run FOLDER`: everything, from documents to a served, measured model and its report."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldsmith.cli.options import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    Folder,
    JsonOption,
    RetryOption,
    SetOption,
    WorkspaceOption,
)


def run(
    folder: Folder,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    overrides: SetOption = None,
    retry: RetryOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Documents to gold, tokenizer, model, index, scores and report. Run again to resume."""
    from goldsmith.cli import export, learn, measure, steps
    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.cli.summaries import ledger_line, ledger_values

    project = projects.describe(folder, workspace, config, overrides or ())
    files = steps.find_files(project)
    questions = learn.read_questions(project)
    learn.check_adapter(project)
    if dry_run:
        show(files.to_pylist(), as_json, _plan(files.to_pylist(), len(questions)))
        return
    with projects.locked(project) as held:
        projects.save(held)
        if retry:
            steps.release(held)
        steps.ingest(held, files)
        ledger = steps.refine(held)
        learn.tokenizer(held)
        learn.dataset(held)
        learn.train(held)
        export.check_export(held)
        measure.index(held)
        measure.evaluate(held)
        measure.report(held)
    asked = measure.show_off(project)
    values = {
        "report": str(project.workspace.report),
        "ledger": ledger_values(ledger),
        "scores": measure.read_scores(project),
    }
    lines = [
        *measure.score_lines(measure.read_scores(project)),
        "",
        ledger_line(ledger),
        "",
        f"asked: {asked.question}",
        *measure.answer_lines(asked),
        "",
        f"report: {project.workspace.report}",
        f"serve it: goldsmith serve --workspace {workspace}",
    ]
    show(values, as_json, lines)


def _plan(files: list[dict[str, Any]], questions: int) -> list[str]:
    lines = [
        f"{row['status']:<9} {row['uri']}" + (f": {row['reason']}" if row["reason"] else "")
        for row in files
    ]
    readable = sum(row["status"] == "ok" for row in files)
    return [*lines, f"{readable} files would be read; {questions} questions; nothing was written"]
