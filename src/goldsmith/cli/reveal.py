"""`goldsmith vault FILE`, `goldsmith reveal TEXT`: seal what pseudonyms stand for, and undo them.

The key is in the file that GOLDSMITH_PII_KEY_FILE names: no argument, setting or log holds it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def vault(
    file: Annotated[Path, typer.Argument(help="The vault to write.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Seal what the pseudonyms of a workspace stand for in FILE, under their key."""
    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.errors import UserError
    from goldsmith.refine import write_vault

    project = projects.reopen(workspace)
    if project.settings.refine.pii != "pseudonymise":
        raise UserError(
            f"{workspace}: made without pseudonyms; set refine.pii to pseudonymise and refine again"
        )
    if not file.resolve().parent.is_dir():
        raise UserError(f"{file}: its folder is not there; make it first")
    count = write_vault(project.lake.read("rejects:clean"), file)
    show({"pseudonyms": count, "vault": str(file)}, as_json, [f"{file}: {count} pseudonyms sealed"])


def reveal(
    text: Annotated[Path, typer.Argument(help="A text with pseudonyms; - for standard input.")],
    sealed: Annotated[Path, typer.Option("--vault", help="What `goldsmith vault` wrote.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file, for you alone.")
    ] = None,
) -> None:
    """Print a text with its pseudonyms undone, by the vault and the key."""
    import os

    from goldsmith.errors import UserError
    from goldsmith.pipeline.artifact import write_atomically
    from goldsmith.refine import reveal as revealed

    try:
        data = sys.stdin.buffer.read() if str(text) == "-" else text.read_bytes()
        given = data.decode("utf-8")
        sealed.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{text}, {sealed}: cannot be read ({error}); check the paths") from error
    made = revealed(given, sealed)
    if output is None:
        sys.stdout.write(made)
        return
    before = os.umask(0o077)
    try:
        write_atomically(output, made)
    finally:
        os.umask(before)
