"""`goldsmith serve`: the OpenAI-compatible server and the chat page."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption


def serve(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    host: Annotated[str | None, typer.Option(help="Address to bind; loopback by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    overrides: SetOption = None,
) -> None:
    """Serve the model and grounded answers under the OpenAI API, and a chat page."""
    from goldsmith.cli import project as projects
    from goldsmith.server import serve as run_server

    given = [
        f"serve.{key}={value}"
        for key, value in (("host", host), ("port", port))
        if value is not None
    ]
    project = projects.reopen(workspace, [*(overrides or ()), *given])
    run_server(project.workspace, project.settings, project.folder)
