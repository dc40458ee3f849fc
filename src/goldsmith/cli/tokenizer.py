"""`goldsmith tokenizer`: train a tokenizer on gold and say how well it fits."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption


def tokenizer(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a tokenizer on gold and say how well it fits."""
    from goldsmith.cli import learn
    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show

    project = projects.reopen(workspace, overrides or ())
    with projects.locked(project):
        projects.save(project)
        learn.tokenizer(project)
    figures = learn.tokenizer_figures(project)
    lines = [f"{name.replace('_', ' '):<24} {value:.4g}" for name, value in figures.items()]
    lines.append(f"{project.workspace.tokenizer}; next: goldsmith dataset -w {workspace}")
    show(figures, as_json, lines)
