"""`goldsmith report`: draw everything that is known into one HTML file."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, WorkspaceOption


def report(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Draw what went in, what was removed, the curves, scores and answers into one HTML file."""
    from goldsmith.cli import measure
    from goldsmith.cli.project import working_on

    with working_on(workspace) as project:
        measure.report(project)
    print(project.workspace.report)
