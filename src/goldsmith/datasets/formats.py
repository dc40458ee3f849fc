"""Conversations and preferences in the format that another trainer reads.

What is written here is read back by `read_examples` and `read_preferences` as it was. A ``.json``
file is a list, a ``.jsonl`` file one object a line; all rows of a file have the same keys, and
values of the same types, as table readers want it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldsmith.datasets.files import Conversation, Preference, as_alpaca, json_lines
from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import write_atomically

_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


def write_format(
    path: Path,
    name: str,
    conversations: Sequence[Conversation],
    about: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write conversations as "alpaca", "sharegpt", "messages" or "prompt_completion".

    ``about`` gives each row more keys, such as its source chunks. Raises UserError for another
    format or file name.
    """
    row = _rows(conversations).get(name)
    if row is None:
        known = ", ".join([*_rows(()), "preference"])
        raise UserError(f"'{name}' is no format of examples; use one of {known}")
    more = about or [{}] * len(conversations)
    _write(path, [{**row(one), **extra} for one, extra in zip(conversations, more, strict=True)])


def write_preferences(path: Path, preferences: Sequence[Preference]) -> None:
    """Write preferences: the ``prompt`` as messages, ``chosen`` and ``rejected`` as a message each.

    Raises UserError for a file name that is neither .json nor .jsonl.
    """
    rows = [
        {"prompt": one.prompt, "chosen": _answer(one.chosen), "rejected": _answer(one.rejected)}
        for one in preferences
    ]
    _write(path, rows)


def _rows(
    conversations: Sequence[Conversation],
) -> dict[str, Callable[[Conversation], dict[str, Any]]]:
    """Return what makes a row of each format."""
    rows = [as_alpaca(one) for one in conversations]
    keys = {"system": "", "history": []}
    some = {key: empty for key, empty in keys.items() if any(key in row for row in rows)}
    plain = all(len(one) == 2 for one in conversations)

    def pair(one: Conversation) -> dict[str, Any]:
        if plain:
            return {"prompt": one[0]["content"], "completion": one[1]["content"]}
        return {"prompt": one[:-1], "completion": one[-1:]}

    def sharegpt(one: Conversation) -> dict[str, Any]:
        turns = [{"from": _NAMES[turn["role"]], "value": turn["content"]} for turn in one]
        return {"conversations": turns}

    return {
        "alpaca": lambda one: {**some, **as_alpaca(one)},
        "sharegpt": sharegpt,
        "messages": lambda one: {"messages": one},
        "prompt_completion": pair,
    }


def _answer(text: str) -> Conversation:
    return [{"role": "assistant", "content": text}]


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    if path.suffix == ".jsonl":
        text = json_lines(rows)
    elif path.suffix == ".json":
        text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    else:
        raise UserError(f"{path}: name it .json or .jsonl")
    if not path.resolve().parent.is_dir():
        raise UserError(f"{path}: its folder is not there; make it first")
    write_atomically(path, text)
