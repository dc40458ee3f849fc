"""`goldsmith train`: pretrain a decoder on gold (or take a base model), then tune it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.training import Plan


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
            print("\n".join(training_plan(project, price)))
            return
        learn.check_adapter(project)
        learn.tokenizer(project)
        learn.dataset(project)
        with _curves(project) if tensorboard else nullcontext(project) as watched:
            made = learn.train(watched)
    state = "trained" if made else "up to date"
    print(f"{project.workspace.models / 'merged'}: {state}; next: goldsmith serve -w {workspace}")


def training_plan(project: Project, price: float) -> list[str]:
    """Say what both jobs will need, from the settings alone; ``price`` is of an hour."""
    from goldsmith.cli import learn
    from goldsmith.training import (
        adapter_of,
        compute_precision,
        estimate,
        matmul_rate,
        plan_of,
        training_device,
    )

    settings, train = project.settings, project.settings.train
    config = learn.model_shape(project)
    device = training_device()
    dtype = compute_precision(train.precision, device)
    rate = matmul_rate(dtype, device)
    tuned = plan_of("tune", train, train.tune_steps, train.tune_learning_rate, 0.0)
    jobs: list[tuple[Plan, Any]] = [(tuned, adapter_of(train))]
    if not settings.model.base:
        first = plan_of("pretrain", train, train.steps, train.learning_rate, train.weight_decay)
        jobs.insert(0, (first, None))
    lines = []
    machine: dict[str, Any] = {"dtype": dtype, "rate": rate, "device": device, "price": price}
    for plan, adapter in jobs:
        need = estimate(config, plan, train.batch, adapter=adapter, **machine)
        lines.append(
            f"{plan.task}: {need.parameters:,} weights, {need.trained:,} of them learn; "
            f"{need.tokens:,} tokens, {need.flops:.3g} FLOP, about {need.seconds:,.0f} s, "
            f"cost {need.cost:.2f}, memory {need.total_memory / 2**20:,.0f} MiB"
        )
        lines += [f"  {part}: {size / 2**20:,.1f} MiB" for part, size in need.memory.items()]
        if need.host_memory:
            lines.append(f"  optimizer, on the host: {need.host_memory / 2**20:,.1f} MiB")
    return lines


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
