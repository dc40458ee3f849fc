"""`goldsmith init`: write a goldsmith.toml with every setting, its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The folder with your documents.")] = Path(),
) -> None:
    """Write a goldsmith.toml with all defaults into a folder; change what you like."""
    from goldsmith.errors import UserError
    from goldsmith.pipeline.artifact import write_atomically
    from goldsmith.project import Settings, as_toml

    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make it first, then run `goldsmith init` again")
    path = folder / "goldsmith.toml"
    if path.exists():
        raise UserError(f"{path}: is already there; edit it, or move it away and run this again")
    write_atomically(path, as_toml(Settings()))
    print(f"{path}: written; next: goldsmith run {folder}")
