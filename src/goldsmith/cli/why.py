"""`goldsmith why ID`: where something came from, and what was made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def why(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="An id (its beginning will do) or a file's name.")
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Walk from an answer, chunk or reject back to its page, and forward to what used it."""
    from dataclasses import asdict

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.lake import trace

    found = trace(projects.reopen(workspace).lake, identifier)
    lines = [f"{found.kind} {found.id}", f"  {found.text}"]
    for title, steps in (("came from", found.back), ("went to", found.forward)):
        lines.append(f"{title}:")
        lines += [f"  {step.relation:<11} {step.id:<22} {step.text}" for step in steps] or ["  —"]
    show(asdict(found), as_json, lines)
