"""`goldsmith show DOCUMENT`: what was read of a document, as MultiMarkdown or line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

_SHOWN = ("id", "page", "order", "text", "hint", "engine", "confidence", "replaced")


def show(
    document: Annotated[str, typer.Argument(help="A document's id or its file name.")],
    lines: Annotated[
        bool, typer.Option("--lines", help="Each line with its id, page and label instead.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Print a document as MultiMarkdown, as it was read: before anything is cleaned or redacted."""
    import pyarrow.compute as pc

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show as shown
    from goldsmith.errors import UserError
    from goldsmith.extract import to_mmd
    from goldsmith.lake import trace
    from goldsmith.pipeline.artifact import write_atomically

    lake = projects.reopen(workspace).lake
    found = trace(lake, document)
    if found.kind != "document":
        raise UserError(
            f"{document}: is a {found.kind}, not a document; `goldsmith status` lists them"
        )
    table = lake.read("lines")
    table = table.filter(pc.equal(table["document"], found.id))
    if not table.num_rows:
        raise UserError(
            f"{document}: no line was read of it; `goldsmith why {found.id}` says what became of it"
        )
    tags = lake.read("tags", ["document", "line", "label"])
    tags = tags.filter(pc.equal(tags["document"], found.id)).to_pylist()
    labels = {row["line"]: row["label"] for row in tags}
    if lines:
        rows = sorted(table.to_pylist(), key=lambda row: row["order"])
        value: Any = [
            {name: row[name] for name in _SHOWN} | {"label": labels.get(row["id"])} for row in rows
        ]
        text = "\n".join(
            f"{row['id']} {row['page']:>4} {row['label'] or '':<12} {row['text']}" for row in value
        )
    else:
        text = to_mmd(table, labels).removesuffix("\n")
        value = {"document": found.id, "mmd": text}
    if output is not None:
        write_atomically(output, f"{text}\n".encode("utf-8", "surrogatepass"))
        text = f"{output}: written"
    shown(value, as_json, [text])
