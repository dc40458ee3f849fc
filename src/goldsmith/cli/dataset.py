"""`goldsmith dataset`: gold chunks to packed token shards and instruction examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, SetOption, WorkspaceOption


def dataset(
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of --out: alpaca, sharegpt, messages, prompt_completion, or preference.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the examples here too (.json, .jsonl).")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Write the examples of this file instead; no workspace."),
    ] = None,
    generate: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Let a model at this OpenAI-compatible address write examples about each chunk.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The name of that model. Its key: OPENAI_API_KEY.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn gold chunks into packed token shards and instruction examples."""
    from goldsmith.cli import learn
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.errors import UserError

    if (form is None) != (out is None) or (source is not None and out is None):
        raise UserError("give --format and --out together, as in --format alpaca --out mine.json")
    if source is not None:
        assert form is not None
        assert out is not None
        count = _convert(source, form, out)
        show({"examples": count, "file": str(out)}, as_json, [f"{out}: {count} examples"])
        return
    if form == "preference":
        raise UserError("gold has no preferences; name a file of your own with --from FILE")
    if generate is None and model is not None:
        raise UserError("--model names the model of --generate URL; give both")
    named = {"writer": generate, "writer_model": model}
    asked = [f"dataset.{key}={json.dumps(text)}" for key, text in named.items() if text is not None]
    with working_on(workspace, [*(overrides or ()), *asked]) as project:
        learn.tokenizer(project)
        learn.dataset(project)
    figures = learn.dataset_figures(project)
    lines = [f"{name.replace('_', ' '):<24} {value}" for name, value in figures.items()]
    if out is not None and form is not None:
        from goldsmith.datasets import write_format

        rows = project.lake.read("examples").to_pylist()
        about = [{name: row[name] for name in ("id", "split", "source_chunks")} for row in rows]
        write_format(out, form, [row["messages"] for row in rows], about)
        figures["file"] = str(out)
        lines.append(f"{out}: {len(rows)} examples as {form}")
    lines.append(f"{project.workspace.datasets}; next: goldsmith train -w {workspace}")
    show(figures, as_json, lines)


def _convert(source: Path, form: str, out: Path) -> int:
    """Write a user's file in another format; return how many rows it has."""
    from goldsmith.datasets import (
        read_examples,
        read_preferences,
        strict,
        write_format,
        write_preferences,
    )

    if form == "preference":
        pairs = strict(source, read_preferences(source))
        write_preferences(out, pairs)
        return len(pairs)
    talks = strict(source, read_examples(source))
    write_format(out, form, talks)
    return len(talks)
