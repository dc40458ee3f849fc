"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The folder with your documents.")]
WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", envvar="GOLDSMITH_WORKSPACE", help="Where all results are kept."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings; else FOLDER/goldsmith.toml, else defaults."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one setting, as in --set train.steps=500."),
]
RetryOption = Annotated[
    bool, typer.Option("--retry", help="Try the documents in quarantine again.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

DEFAULT_WORKSPACE = Path("goldsmith-workspace")
