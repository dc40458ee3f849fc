"""The house's rule: a room imports only rooms before it, and only through their front doors."""

import ast
from pathlib import Path

import pytest

import goldsmith

SOURCE = Path(goldsmith.__file__).parent
ROOMS = (
    "errors",
    "project",
    "lake",
    "pipeline",
    "tokenizers",
    "kernels",
    "models",
    "extract",
    "refine",
    "datasets",
    "training",
    "quantize",
    "engine",
    "retrieval",
    "evaluation",
    "review",
    "report",
    "server",
    "cli",
)
#: Modules that are front doors of their own: contracts that everything speaks.
OPEN = {
    "goldsmith.lake.schemas",
    "goldsmith.lake.ids",
    "goldsmith.pipeline.stage",
    "goldsmith.pipeline.progress",
    "goldsmith.pipeline.artifact",
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("goldsmith"):
            found.add(node.module)
            if node.module in ("goldsmith", *(f"goldsmith.{room}" for room in ROOMS)):
                folder = SOURCE.joinpath(*node.module.split(".")[1:])
                found |= {
                    f"{node.module}.{alias.name}"
                    for alias in node.names
                    if (folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()
                }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("goldsmith.")}
    return found


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_point_to_earlier_rooms_through_their_front_doors(path):
    room = path.relative_to(SOURCE).parts[0]
    assert room in ROOMS
    for module in imports_of(path):
        other = room_of(module)
        if other in ("", room):
            continue
        assert ROOMS.index(other) < ROOMS.index(room), f"{room} imports the later room {other}"
        private = module.count(".") > 1 and module not in OPEN
        assert not private, f"{path.name} reaches into {module}; use {other}'s front door"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_file_says_what_it_is_for_and_can_be_read_in_one_sitting(path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= 450


def test_every_setting_is_read_somewhere():
    from goldsmith.project import Section, Settings

    code = "\n".join(p.read_text("utf-8") for p in MODULES)
    unread = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        inner = (
            kind.model_fields if isinstance(kind, type) and issubclass(kind, Section) else {name}
        )
        unread += [f"{name}.{key}" for key in inner if f".{key}" not in code]
    assert not unread
