"""`goldsmith perplexity MODEL`: score every passage by how well a model predicts it."""

from __future__ import annotations

from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def perplexity(
    model: Annotated[
        str, typer.Argument(help="base, merged, or a folder with a model and its tokenizer.")
    ] = "base",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Store the perplexity of every passage under a model, for cuts such as 'perplexity > 900'."""
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.cli.scoring import store_perplexity

    with working_on(workspace) as project:
        count = store_perplexity(project, model)
    line = (
        f"{count} passages have a perplexity under {model}; next: goldsmith refine --recut "
        f"--dry-run --set 'refine.cuts=[\"perplexity > 900\"]' --workspace {workspace}"
    )
    show({"model": model, "passages": count}, as_json, [line])
