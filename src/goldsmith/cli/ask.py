"""`goldsmith ask`: one question, answered from the documents with pages, or refused."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, each sentence with its page; or refuse."""
    from dataclasses import asdict

    from goldsmith.cli import measure
    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show

    project = projects.reopen(workspace)
    given = measure.ask(project, question)
    name = measure.log_answer(project, given)
    values = asdict(given) | {"id": name}
    show(values, as_json, [*measure.answer_lines(given), f"goldsmith why {name}"])
