"""`goldsmith why ID`: where something came from, and what was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.lake import Trace


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

    project = projects.reopen(workspace)
    found = trace(project.lake, identifier)
    lines = [f"{found.kind} {found.id}", f"  {found.text}"]
    for title, steps in (("came from", found.back), ("went to", found.forward)):
        lines.append(f"{title}:")
        lines += [f"  {step.relation:<11} {step.id:<22} {step.text}" for step in steps] or ["  —"]
    known = _names_of_known(project, found)
    lines += [f"  {name:<22} is {file} there" for name, file in sorted(known.items())]
    show(asdict(found) | ({"known": known} if known else {}), as_json, lines)


def _names_of_known(project: Project, found: Trace) -> dict[str, str]:
    """File names of documents of other folders that this one was merged into."""
    from goldsmith.cli.steps import known_duplicates
    from goldsmith.lake.ids import kind_of
    from goldsmith.refine import names_of

    index = known_duplicates(project)
    merged = {step.id for step in found.forward if step.relation == "merged into"}
    merged = {name for name in merged if kind_of(name) == "document"}
    return names_of(index, merged) if index is not None and merged else {}
