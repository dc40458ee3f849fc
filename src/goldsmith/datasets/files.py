"""Instruction files: Alpaca and messages out, Alpaca, ShareGPT and messages in.

What comes in is checked row by row; a malformed row is left out with its reason, never guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.pipeline import building

_SHAREGPT_ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant"}
_SHAREGPT_ROLES |= {"assistant": "assistant"}

Conversation = list[dict[str, str]]

_BLANK, _BROKEN = object(), object()


def write_instruction_files(examples: pa.Table, folder: Path, key: str) -> None:
    """Write ``<split>.messages.jsonl`` and ``<split>.alpaca.json`` as one artifact.

    Both hold the same examples, in the order of their ids. Alpaca has no place for more than one
    turn; examples here have exactly one.
    """
    rows = examples.to_pylist()
    with building(folder, key, examples=len(rows)) as new:
        for split in ("train", "validation"):
            chosen = [row for row in rows if row["split"] == split]
            lines = [
                json.dumps(
                    {name: row[name] for name in ("id", "messages", "source_chunks", "generator")},
                    ensure_ascii=False,
                )
                for row in chosen
            ]
            text = "".join(line + "\n" for line in lines)
            (new / f"{split}.messages.jsonl").write_text(text, "utf-8")
            alpaca = [
                {
                    "instruction": row["messages"][0]["content"],
                    "input": "",
                    "output": row["messages"][-1]["content"],
                }
                for row in chosen
            ]
            text = json.dumps(alpaca, ensure_ascii=False, indent=1)
            (new / f"{split}.alpaca.json").write_text(text, "utf-8")


def read_examples(path: Path) -> tuple[list[Conversation], list[tuple[int, str]]]:
    """Return (conversations, [(row number from 1, why it was left out)]) of an instruction file.

    A ``.json`` file is a list, a ``.jsonl`` file one object a line. The format is told by its keys:
    messages (``messages``), ShareGPT (``conversations``) or Alpaca (``instruction``, ``system`` and
    ``history`` where there are any). Rows of a ``.jsonl`` are numbered by line. Raises
    UserError when the file cannot be read at all.
    """
    try:
        text = path.read_text("utf-8")
        rows = _lines(text) if path.suffix == ".jsonl" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no instruction file ({error}); mend it") from error
    if not isinstance(rows, list):
        raise UserError(f"{path}: is not a list of examples; mend it")
    good, bad = [], []
    for number, row in enumerate(rows, 1):
        if row is _BLANK:
            continue
        try:
            good.append(_conversation(row))
        except ValueError as error:
            bad.append((number, str(error)))
    return good, bad


def _lines(text: str) -> list[Any]:
    """One value a line. JSON strings may hold every line break but "\\n", so only that divides."""
    values: list[Any] = []
    for line in text.split("\n"):
        try:
            values.append(json.loads(line) if line.strip() else _BLANK)
        except (ValueError, RecursionError):
            values.append(_BROKEN)
    return values


def _conversation(row: Any) -> Conversation:
    if row is _BROKEN:
        raise ValueError("is not JSON")
    if not isinstance(row, dict):
        raise ValueError("is not an object")
    if "messages" in row:
        turns = [_turn(turn, "role", "content") for turn in _list(row["messages"])]
    elif "conversations" in row:
        turns = [_turn(turn, "from", "value") for turn in _list(row["conversations"])]
    elif "instruction" in row:
        turns = _alpaca(row)
    else:
        raise ValueError("has neither messages, conversations nor instruction")
    spoken = [turn["role"] for turn in turns if turn["role"] != "system"]
    if not spoken or spoken[-1] != "assistant":
        raise ValueError("does not end with an answer")
    if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(spoken)):
        raise ValueError("user and assistant do not take turns")
    if any(turn["role"] == "system" for turn in turns[1:]):
        raise ValueError("a system message is not the first")
    return turns


def _turn(turn: Any, role: str, content: str) -> dict[str, str]:
    if not isinstance(turn, dict) or not isinstance(turn.get(content), str):
        raise ValueError("a turn has no text")
    name = _SHAREGPT_ROLES.get(str(turn.get(role)))
    if name is None:
        raise ValueError(f"unknown role '{turn.get(role)}'")
    return _said(name, turn[content])


def _said(role: str, content: str) -> dict[str, str]:
    if not content.strip():
        raise ValueError(f"an empty {role} turn")
    try:
        content.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"a {role} turn has half a character (a lone surrogate)") from None
    return {"role": role, "content": content}


def _alpaca(row: Mapping[str, Any]) -> Conversation:
    parts = [row.get(name) or "" for name in ("system", "instruction", "input", "output")]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("system, instruction, input or output is not text")
    system, instruction, given, output = parts
    if not instruction.strip() or not output.strip():
        raise ValueError("an empty instruction or output")
    turns = [_said("system", system)] if system else []
    for pair in row.get("history") or []:
        if not isinstance(pair, list) or [type(text) for text in pair] != [str, str]:
            raise ValueError("its history is not pairs of texts")
        turns += [_said("user", pair[0]), _said("assistant", pair[1])]
    question = f"{instruction}\n\n{given}" if given else instruction
    return [*turns, _said("user", question), _said("assistant", output)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("has no turns")
    return value
