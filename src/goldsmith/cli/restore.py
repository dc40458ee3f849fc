"""`goldsmith restore [DOCUMENT]`: the original lines, from gold and rejects alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def restore(
    document: Annotated[
        str | None, typer.Argument(help="A document's id or file name; else all of them.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a text file each into this folder.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Put each document's lines together again from gold and rejects, and check them."""
    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.errors import LedgerError, UserError
    from goldsmith.lake import restore as restored
    from goldsmith.pipeline.artifact import write_atomically

    lake = projects.reopen(workspace).lake
    if not lake.exists("chunks"):
        raise UserError(f"{workspace}: nothing is refined yet; run `goldsmith refine` first")
    found = list(restored(lake, document))
    values, lines = [], []
    for file in found:
        text = "".join(f"{line.text}\n" for line in file.lines)
        if output is not None:
            target = output / f"{file.uri}.txt"
            if not target.resolve().is_relative_to(output.resolve()):
                raise UserError(f"{file.uri}: lies outside the folder; rename the file")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, text.encode("utf-8", "surrogatepass"))
        elif document is not None and file is found[0]:
            lines.append(text.removesuffix("\n"))
        same = sum(line.identical for line in file.lines)
        values.append(
            {
                "document": file.document,
                "uri": file.uri,
                "lines": len(file.lines),
                "identical_lines": same,
                "identical": file.identical,
            }
        )
        if document is None or output is not None:
            lines.append(f"{same:>7,} of {len(file.lines):,} lines identical  {file.uri}")
    show(values, as_json, lines)
    broken = [file for file in found if not file.identical]
    if broken:
        raise LedgerError(
            f"{broken[0].uri}: gold and rejects do not give all its lines back; "
            f"run `goldsmith why {broken[0].document}` and report this"
        )
