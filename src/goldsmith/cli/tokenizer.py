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
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        learn.tokenizer(project)
    figures = learn.tokenizer_figures(project)
    lines = [f"{name.replace('_', ' '):<24} {value:.4g}" for name, value in figures.items()]
    lines.append(f"{project.workspace.tokenizer}; next: goldsmith dataset -w {workspace}")
    show(figures, as_json, lines)
