"""`goldsmith export`: copy the model that is served, once it is proven to be the one trained."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.evaluation import Equivalence

_CHECKED = "equivalence.json"
_PROMPTS = 8


def export(
    folder: Annotated[Path | None, typer.Argument(help="Where the model goes.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only compare; write nothing.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Copy the served model to FOLDER if it is, token by token, the one that was trained."""
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.errors import UserError
    from goldsmith.pipeline import building, read_manifest
    from goldsmith.pipeline.artifact import MANIFEST

    if (folder is None) != check:
        raise UserError("give a FOLDER to export to, or --check to compare alone")
    if folder is not None and folder.exists():
        raise UserError(f"{folder}: exists already; give another folder")
    with working_on(workspace) as project:
        found = check_export(project, again=True)
        merged = project.workspace.models / "merged"
        if folder is not None:
            import shutil

            key = (read_manifest(merged) or {}).get("fingerprint", "")
            with building(folder.resolve(), key) as new:
                ignored = shutil.ignore_patterns(MANIFEST)
                shutil.copytree(merged, new, dirs_exist_ok=True, ignore=ignored)
    assert found is not None
    gaps = ", ".join(f"{name} {gap:.2g}" for name, gap in found.gaps.items())
    written = [f"{folder}: written"] if folder is not None else []
    if folder is not None and (folder / "prompt").is_dir():
        written.append(f"{folder / 'prompt'}: its prompt, for PEFT; without it this is the base")
    line = f"{merged}: equals the trained model over {found.tokens} tokens (nats apart: {gaps})"
    show(asdict(found), as_json, [line, *written])


def check_export(project: Project, again: bool = False) -> Equivalence | None:
    """Compare the served model with the trained one, unless both were compared when they were made.

    Returns what was compared, None where it was before.

    ``again`` compares in any case: files may have been changed since.
    Raises ModelError naming the first tensor that differs, UserError where nothing is trained yet.
    """
    from itertools import islice

    import goldsmith
    from goldsmith.cli.learn import base_folder
    from goldsmith.cli.measure import example_questions
    from goldsmith.errors import UserError
    from goldsmith.evaluation import compare_export, require_equivalence
    from goldsmith.models import load_model
    from goldsmith.pipeline import building, fingerprint, is_current, read_manifest
    from goldsmith.tokenizers import load
    from goldsmith.training import load_adapter

    space, settings = project.workspace, project.settings
    merged, adapter = space.models / "merged", space.models / "adapter"
    made = read_manifest(merged)
    if made is None:
        raise UserError(f"{space.root}: there is no model; run `goldsmith train` first")
    questions = list(islice(example_questions(project), _PROMPTS))
    inputs = [made["files"], (read_manifest(adapter) or {}).get("files"), questions]
    key = fingerprint("export", goldsmith.__version__, settings.serve.model_dump(), *inputs)
    if not again and is_current(space.models / "checked", key):
        return None
    project.progress.start("export", None, "models")
    trained = load_model(base_folder(project) if settings.model.base else space.models / "base")
    if adapter.is_dir():
        load_adapter(trained, adapter)
    words = load(merged)
    prompts = [words.chat([{"role": "user", "content": question}]) for question in questions]
    found = compare_export(trained, merged, words, prompts, settings.serve)
    require_equivalence(found, merged)
    with building(space.models / "checked", key) as new:
        # Without the gaps: they depend on which prompts the engine decoded together.
        about = {"prompts": found.prompts, "tokens": found.tokens, "bound": found.bound}
        (new / _CHECKED).write_text(json.dumps(about), "utf-8")
    project.progress.finish(f"{found.tokens} tokens agree")
    return found
