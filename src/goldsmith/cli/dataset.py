"""`goldsmith dataset`: gold chunks to packed token shards and instruction examples."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption


def dataset(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn gold chunks into packed token shards and instruction examples."""
    from goldsmith.cli import learn
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        learn.tokenizer(project)
        learn.dataset(project)
    figures = learn.dataset_figures(project)
    lines = [f"{name.replace('_', ' '):<24} {value}" for name, value in figures.items()]
    lines.append(f"{project.workspace.datasets}; next: goldsmith train -w {workspace}")
    show(figures, as_json, lines)
