"""`goldsmith tokenizer`: train a tokenizer on gold, compare two, or add gold's words to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.tokenizers import Comparison

#: The report's colours, for a picture that stands alone.
_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#222}.number{fill:#555}"
    ".kept{fill:#c9a227}.removed{fill:#b5534a}</style>"
)
Source = Annotated[str, typer.Argument(help="A folder with a tokenizer.json, or a hub name.")]

tokenizer = typer.Typer(
    help="Train a tokenizer on gold and say how well it fits; compare two; add words to one.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@tokenizer.callback()
def train(
    context: typer.Context,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a tokenizer on gold and say how well it fits; compare two; add words to one."""
    from goldsmith.cli import learn
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.errors import UserError

    if context.invoked_subcommand is not None:
        if workspace != DEFAULT_WORKSPACE or overrides or as_json:
            raise UserError(f"give the options after the word {context.invoked_subcommand}")
        return
    with working_on(workspace, overrides) as project:
        learn.tokenizer(project)
    figures = learn.tokenizer_figures(project)
    lines = [f"{name.replace('_', ' '):<24} {value:.4g}" for name, value in figures.items()]
    lines.append(f"{project.workspace.tokenizer}; next: goldsmith dataset -w {workspace}")
    show(figures, as_json, lines)


@tokenizer.command()
def compare(
    one: Source,
    other: Source,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw it into this .svg file.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Set two tokenizers side by side on gold: figures, and the words that they cut."""
    from dataclasses import asdict

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.models import local_folder
    from goldsmith.pipeline.artifact import write_atomically
    from goldsmith.tokenizers import compare as compared
    from goldsmith.tokenizers import load
    from goldsmith.tokenizers import picture as drawn

    texts, held = _texts(projects.reopen(workspace))
    words = [load(local_folder(name)) for name in (one, other)]
    found = compared(words[0], words[1], [*texts, *held], (_short(one), _short(other)))
    lines = _table(found)
    if picture is not None:
        head, bracket, rest = drawn(found).partition(">")
        write_atomically(picture, f"{head}{bracket}{_STYLE}{rest}")
        lines.append(f"{picture}: drawn")
    show(asdict(found), as_json, lines)


@tokenizer.command()
def extend(
    base: Source,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    words: Annotated[int, typer.Option(min=1, help="How many words get a token, at most.")] = 256,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Add gold's words to BASE; a model beside it gets rows, each the mean of its pieces' rows."""
    from tempfile import TemporaryDirectory

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.errors import UserError
    from goldsmith.models import local_folder
    from goldsmith.pipeline import building, fingerprint
    from goldsmith.tokenizers import domain_words, load
    from goldsmith.tokenizers import extend as extended

    if out.exists():
        raise UserError(f"{out}: exists already; give another folder")
    texts, held = _texts(projects.reopen(workspace))
    source = local_folder(base)
    chosen = domain_words(texts, load(source), words)
    key = fingerprint("extend", base, chosen)
    with TemporaryDirectory() as place:
        made = extended(source, chosen, held or texts, Path(place) / "tokenizer", key)
        with building(out.resolve(), key) as new:
            grown = _grown(source, Path(place) / "tokenizer", made.pieces, new)
    on = "sections the words were not chosen from" if held else "the same texts"
    figures: dict[str, Any] = {
        "words": list(made.words),
        "tokens_added": len(made.pieces),
        "tokens_before": made.tokens_before,
        "tokens_after": made.tokens_after,
        "saved": made.saved,
        "held_out": bool(held),
        "model_grown": grown,
    }
    lines = [
        f"{len(made.words)} words, {len(made.pieces)} tokens added: {', '.join(made.words[:9])} …",
        f"{made.tokens_before:,} tokens become {made.tokens_after:,} on {on}: "
        f"{made.saved:.1%} saved",
    ]
    lines.append(f"{out}: written" + (f"; next: --set model.base={out}" if grown else ""))
    show(figures, as_json, lines)


def _texts(project: Project) -> tuple[list[str], list[str]]:
    """Return gold's texts, the held out sections apart; raises UserError where there is no gold."""
    from goldsmith.datasets import held_out
    from goldsmith.errors import UserError

    chunks = project.lake.read("chunks", ["document", "order", "text", "parent"]).to_pylist()
    if not chunks:
        raise UserError(f"{project.workspace.root}: there is no gold; run `goldsmith refine` first")
    share, seed = project.settings.dataset.validation, project.settings.seed
    apart = held_out((chunk["parent"] for chunk in chunks), share, seed)
    sides: tuple[list[str], list[str]] = ([], [])
    for chunk in chunks:
        sides[chunk["parent"] in apart].append(chunk["text"])
    return sides


def _grown(source: Path, words: Path, pieces: dict[int, tuple[int, ...]], new: Path) -> bool:
    """Fill ``new`` with the grown tokenizer and, where ``source`` has weights, the grown model."""
    import json
    import shutil

    shutil.copytree(words, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest*"))
    if not any(source.glob("*.safetensors")):
        return False
    import torch

    from goldsmith.models import grow_vocabulary, load_model, save_model

    about = json.loads((source / "config.json").read_text("utf-8"))
    kind = getattr(torch, str(about.get("dtype") or about.get("torch_dtype")), torch.float32)
    model = load_model(source, kind)
    grow_vocabulary(model, pieces)
    save_model(model, new)
    return True


def _table(found: Comparison) -> list[str]:
    one, other = found.figures
    lines = [f"{'':<24} {found.names[0]:>18} {found.names[1]:>18}"]
    lines += [
        f"{name.replace('_', ' '):<24} {one[name]:>18.4g} {other[name]:>18.4g}" for name in one
    ]
    lines += [
        f"{word:<24} {_cut(first):>18} {_cut(second):>18}" for word, first, second in found.words
    ]
    return lines


def _cut(pieces: Sequence[str]) -> str:
    return "|".join(piece.strip() for piece in pieces)


def _short(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2][:18] or name[:18]
