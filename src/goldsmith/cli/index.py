"""`goldsmith index`: make the gold chunks searchable by words and by meaning."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption


def index(workspace: WorkspaceOption = DEFAULT_WORKSPACE, overrides: SetOption = None) -> None:
    """Make the gold chunks searchable by words and by meaning."""
    from goldsmith.cli import measure
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        made = measure.index(project)
    state = "made" if made else "up to date"
    print(f"{project.workspace.index}: {state}; next: goldsmith ask QUESTION -w {workspace}")
