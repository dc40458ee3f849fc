"""`goldsmith train`: pretrain a decoder on gold (or take a base model), then tune it."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption


def train(workspace: WorkspaceOption = DEFAULT_WORKSPACE, overrides: SetOption = None) -> None:
    """Pretrain a decoder on gold (or take model.base), then tune it on the examples."""
    from goldsmith.cli import learn
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        learn.tokenizer(project)
        learn.dataset(project)
        made = learn.train(project)
    state = "trained" if made else "up to date"
    print(f"{project.workspace.models / 'merged'}: {state}; next: goldsmith serve -w {workspace}")
