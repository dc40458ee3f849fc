"""`goldsmith train`: pretrain a decoder on gold (or take a base model), then tune it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project


def train(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print memory, time and cost; train nothing.")
    ] = False,
    price: Annotated[
        float, typer.Option(help="What an hour of this machine costs, for --plan.")
    ] = 0.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves to WORKSPACE/tensorboard, too.")
    ] = False,
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
        with _curves(project) if tensorboard else nullcontext(project) as watched:
            made = learn.train(watched)
    state = "trained" if made else "up to date"
    print(f"{project.workspace.models / 'merged'}: {state}; next: goldsmith serve -w {workspace}")


@contextmanager
def _curves(project: Project) -> Iterator[Project]:
    """Give the project with a listener that draws its curves."""
    from goldsmith.cli.board import Board

    space = project.workspace
    board = Board(project.progress, space.checkpoints, space.root / "tensorboard")
    try:
        yield replace(project, progress=board)
    finally:
        board.close()
