"""Goldsmith: a folder of documents into a gold dataset, a model, an index and a measured server.

The rooms, in the order in which they may import each other (a later one an earlier one, never
back): project, errors, lake, pipeline, tokenizers, models, extract, refine, datasets, training,
engine, retrieval, evaluation, report, server, cli. Each room's ``__init__`` is its front door.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def front_door(room: str, places: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room whose names are imported when they are first used.

    ``places`` says which names are in which of its modules.
    """
    modules = {name: module for module, names in places.items() for name in names}

    def look_up(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"{room} has no '{name}'")
        return getattr(import_module(f"{room}.{modules[name]}"), name)

    return look_up
