"""`goldsmith train`: pretrain a decoder on gold (or take a base model), then tune it."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption


def train(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print memory, time and cost; train nothing.")
    ] = False,
    price: Annotated[
        float, typer.Option(help="What an hour of this machine costs, for --plan.")
    ] = 0.0,
) -> None:
    """Pretrain a decoder on gold (or take model.base), then tune it on the examples."""
    from goldsmith.cli import learn
    from goldsmith.cli.project import working_on

    with working_on(workspace, overrides) as project:
        if plan:
            print("\n".join(learn.training_plan(project, price)))
            return
        learn.tokenizer(project)
        learn.dataset(project)
        made = learn.train(project)
    state = "trained" if made else "up to date"
    print(f"{project.workspace.models / 'merged'}: {state}; next: goldsmith serve -w {workspace}")
