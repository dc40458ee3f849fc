"""`goldsmith refine`: tag, clean, screen, cut, de-duplicate and chunk; check the ledger.

With ``--recut`` new cuts are put over the stored scores: no document is read again, and what would
move is shown before it moves.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption
from goldsmith.errors import UserError

if TYPE_CHECKING:
    from goldsmith.refine import Moves

_SHOWN = 40  # rows of moves


def refine(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    recut: Annotated[
        bool, typer.Option("--recut", help="Only put new cuts over the stored scores.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --recut: show what would move, move nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --recut: do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn lines into gold chunks; every removed character gets a reason."""
    from goldsmith.cli import steps
    from goldsmith.cli.console import say, show
    from goldsmith.cli.project import locked, reopen, save, working_on
    from goldsmith.cli.scoring import planned_moves
    from goldsmith.cli.summaries import ledger_line, ledger_values, tiers

    if (dry_run or yes) and not recut:
        raise UserError("--dry-run and --yes belong to --recut; add it or leave them out")
    planned: Moves | None = None
    if recut:
        project = reopen(workspace, overrides or ())
        planned = planned_moves(project, reopen(workspace))
        if dry_run:
            show(_values(planned), as_json, _lines(planned))
            return
        for line in _lines(planned):
            say(line)
        if not yes:
            _ask()
        with locked(project):
            save(project)
            ledger = steps.refine(project, first="cut")
    else:
        with working_on(workspace, overrides) as project:
            ledger = steps.refine(project)
    chunks = project.lake.read("chunks", ["document", "order", "tokens"])
    count = f"{chunks.num_rows} chunks; next: goldsmith tokenizer --workspace {workspace}"
    counts = tiers(project)
    graded = "grades: " + ", ".join(f"{number} {name}" for name, number in counts.items())
    values = ledger_values(ledger) | {"grades": counts}
    if planned is not None:
        values |= {"recut": _values(planned)}
    show(values, as_json, [ledger_line(ledger), f"{graded} passages", count])


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UserError("nobody can be asked here; add --yes to move them, or --dry-run to look")
    if not typer.confirm("Move them?", err=True):
        raise UserError("nothing was moved")


def _values(planned: Moves) -> dict[str, Any]:
    return {
        "passages": planned.passages,
        "kept_before": planned.kept_before,
        "kept_after": planned.kept_after,
        "moves": [row._asdict() for row in planned.rows],
    }


def _lines(planned: Moves) -> list[str]:
    out, back = planned.total("out"), planned.total("back")
    lines = [
        f"{row.way:<4}  {row.passages:5,} passages  {row.characters:9,} characters  "
        f"{row.document}  {row.rule}"
        for row in planned.rows[:_SHOWN]
    ]
    if len(planned.rows) > _SHOWN:
        lines.append(f"... and {len(planned.rows) - _SHOWN} rows more; --json shows all")
    return [
        *lines,
        f"out of gold: {out[0]:,} passages ({out[1]:,} characters); "
        f"back into gold: {back[0]:,} ({back[1]:,}); "
        f"kept: {planned.kept_before:,} before, {planned.kept_after:,} after, "
        f"of {planned.passages:,}",
    ]
