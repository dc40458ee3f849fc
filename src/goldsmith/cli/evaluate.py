"""`goldsmith eval`: measure the model, the search and the answers, with intervals."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption


def evaluate(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the model, the search and the answers; every score with n and its interval."""
    from goldsmith.cli import measure
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        measure.evaluate(project)
    scores = measure.read_scores(project)
    show(scores, as_json, measure.score_lines(scores))
