"""`goldsmith refine`: tag, clean, screen, cut, de-duplicate and chunk; check the ledger."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption


def refine(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn lines into gold chunks; every removed character gets a reason."""
    from goldsmith.cli import steps
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.cli.summaries import ledger_line, ledger_values, tiers

    with working_on(workspace, overrides) as project:
        ledger = steps.refine(project)
    chunks = project.lake.read("chunks", ["document", "order", "tokens"])
    count = f"{chunks.num_rows} chunks; next: goldsmith tokenizer --workspace {workspace}"
    counts = tiers(project)
    graded = "grades: " + ", ".join(f"{number} {name}" for name, number in counts.items())
    values = ledger_values(ledger) | {"grades": counts}
    show(values, as_json, [ledger_line(ledger), f"{graded} passages", count])
