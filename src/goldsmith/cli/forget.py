"""`goldsmith forget DOCUMENT`: remove a document and all that was made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def forget(
    document: Annotated[str, typer.Argument(help="A document's id or its file name.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Remove a document and all that was made from it; say which models saw it."""
    from goldsmith.cli import forgetting
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on

    with working_on(workspace) as project:
        done = forgetting.forget(project, document)
    lines = [f"{document}: forgotten ({done['id']}); it will not be read again from this folder"]
    lines += [f"removed: {count} rows of {name}" for name, count in done["removed"].items()]
    lines += [f"made again without it: {', '.join(done['made_again']) or 'nothing'}"]
    lines += [
        f"saw it in training and cannot unsee it: {model['kind']} model {model['path']} "
        f"({model['id']}); run `goldsmith train` to make one that did not"
        for model in done["models"]
    ]
    show(done, as_json, lines)
