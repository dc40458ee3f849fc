"""A project: a folder of documents, a workspace for its results, the settings, and a lock."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldsmith.cli.console import Console
from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.pipeline.progress import Progress
from goldsmith.project import Settings, Workspace, load_settings, with_overrides

if TYPE_CHECKING:
    from goldsmith.lake import Lake

CONFIG = "goldsmith.toml"


@dataclass(frozen=True)
class Project:
    """Everything a step needs to know."""

    folder: Path
    workspace: Workspace
    settings: Settings
    config: Path | None = None
    overrides: tuple[str, ...] = ()
    forgotten: frozenset[str] = frozenset()  # ids of documents that must not come back
    progress: Progress = field(default_factory=Console)  # while the lock is held: a journal, too

    @property
    def lake(self) -> Lake:
        from goldsmith.lake import Lake

        return Lake(self.workspace.lake)

    @property
    def workers(self) -> int:
        return self.settings.workers or os.cpu_count() or 1


def describe(
    folder: Path, workspace: Path, config: Path | None = None, overrides: Sequence[str] = ()
) -> Project:
    """Check the folder, the configuration and the workspace; write nothing.

    Raises UserError or ConfigError with the next command.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such folder; check the path and run it again")
    if not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder; give the folder that holds it")
    if config is None and (folder / CONFIG).is_file():
        config = folder / CONFIG
    settings = with_overrides(load_settings(config), overrides)
    forgotten: frozenset[str] = frozenset()
    space = Workspace(workspace.resolve())
    if space.project_file.exists():
        before = _read(space)
        if Path(before["source"]) != folder.resolve():
            raise UserError(
                f"{workspace}: holds the results of {before['source']}; "
                "give another folder with --workspace"
            )
        forgotten = frozenset(before["forgotten"])
    elif space.root.exists() and (not space.root.is_dir() or any(space.root.iterdir())):
        raise UserError(
            f"{workspace}: is not a goldsmith workspace and not empty; "
            "give another folder with --workspace"
        )
    return Project(
        folder.resolve(),
        space,
        settings,
        config.resolve() if config else None,
        tuple(overrides),
        forgotten,
    )


def reopen(workspace: Path, overrides: Sequence[str] = ()) -> Project:
    """Open the project a workspace was made for; its goldsmith.toml is read afresh.

    Raises UserError when there is no workspace.
    """
    space = Workspace(workspace.resolve())
    if not space.project_file.is_file():
        raise UserError(
            f"{workspace}: no workspace here; run `goldsmith run FOLDER` first, "
            "or name yours with --workspace"
        )
    saved = _read(space)
    config = Path(saved["config"]) if saved["config"] else None
    if config is not None and config.is_file():
        settings = load_settings(config)
    else:
        settings = Settings.model_validate(saved["settings"])
    overrides = [*saved["overrides"], *overrides]
    return Project(
        Path(saved["source"]),
        space,
        with_overrides(settings, overrides),
        config,
        tuple(overrides),
        frozenset(saved["forgotten"]),
    )


def save(project: Project) -> None:
    """Write what the next command needs to find the project again."""
    project.workspace.root.mkdir(parents=True, exist_ok=True)
    value = {
        "source": str(project.folder),
        "config": str(project.config) if project.config else None,
        "overrides": list(project.overrides),
        "forgotten": sorted(project.forgotten),
        "settings": project.settings.model_dump(mode="json"),
    }
    write_atomically(project.workspace.project_file, json.dumps(value, indent=1))


@contextmanager
def locked(project: Project) -> Iterator[Project]:
    """Hold the workspace: two commands that write at once would spoil each other's work.

    The project yielded tells `goldsmith status` in other processes what it is doing.
    """
    from goldsmith.pipeline import Journal

    project.workspace.root.mkdir(parents=True, exist_ok=True)
    with (project.workspace.root / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{project.workspace.root}: another goldsmith command is working here; "
                "wait until it is done"
            ) from error
        state = project.workspace.state
        yield replace(project, progress=Journal(project.progress, state))
        state.unlink(missing_ok=True)


@contextmanager
def working_on(workspace: Path, overrides: Sequence[str] | None = None) -> Iterator[Project]:
    """Reopen a workspace to change it: settings kept, workspace held."""
    project = reopen(workspace, overrides or ())
    with locked(project) as held:
        save(held)
        yield held


def _read(space: Workspace) -> dict[str, Any]:
    try:
        value = json.loads(space.project_file.read_text("utf-8"))
        return {
            key: value[key] for key in ("source", "config", "overrides", "forgotten", "settings")
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{space.project_file}: cannot be read ({error}); "
            "delete it and run `goldsmith run FOLDER` again"
        ) from error
