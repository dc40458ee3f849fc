"""Instruction files out (Alpaca, messages) and in (those, ShareGPT, prompts, preferences).

What comes in is checked row by row; a malformed row is left out with its reason, never guessed at.
`strict` turns the first such reason into an error that names file and row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.pipeline import building

_ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant"}
_ROLES |= {"assistant": "assistant"}
_PLAIN = ("role", "content")

Conversation = list[dict[str, str]]
Bad = tuple[int, str]
T = TypeVar("T")

_BLANK, _BROKEN = object(), object()


def write_instruction_files(
    examples: pa.Table, folder: Path, key: str, refused: Sequence[Mapping[str, str]] = ()
) -> None:
    """Write ``<split>.messages.jsonl`` and ``<split>.alpaca.json`` as one artifact.

    Both hold the same examples, in the order of their ids; Alpaca keeps a system message and
    earlier turns under ``system`` and ``history``. What a writer made up goes to ``refused.jsonl``.
    """
    rows = examples.to_pylist()
    with building(folder, key, examples=len(rows)) as new:
        if refused:
            (new / "refused.jsonl").write_text(json_lines(refused), "utf-8", "surrogatepass")
        keys = ("id", "messages", "source_chunks", "generator")
        for split in ("train", "validation"):
            chosen = [row for row in rows if row["split"] == split]
            text = json_lines([{key: row[key] for key in keys} for row in chosen])
            (new / f"{split}.messages.jsonl").write_text(text, "utf-8")
            alpaca = [as_alpaca(row["messages"]) for row in chosen]
            text = json.dumps(alpaca, ensure_ascii=False, indent=1)
            (new / f"{split}.alpaca.json").write_text(text, "utf-8")


def json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return one JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_alpaca(messages: Conversation) -> dict[str, Any]:
    """Return a conversation as a row of Alpaca, its last question the instruction."""
    spoken = [turn["content"] for turn in messages if turn["role"] != "system"]
    row: dict[str, Any] = {"instruction": spoken[-2], "input": "", "output": spoken[-1]}
    if len(spoken) < len(messages):
        row["system"] = messages[0]["content"]
    if len(spoken) > 2:
        pairs = zip(spoken[:-2:2], spoken[1:-2:2], strict=True)
        row["history"] = [list(pair) for pair in pairs]
    return row


@dataclass(frozen=True)
class Preference:
    """A conversation up to a question, and two answers to it: the better and the worse one."""

    prompt: Conversation
    chosen: str
    rejected: str


def read_examples(path: Path) -> tuple[list[Conversation], list[Bad]]:
    """Return (conversations, [(row number from 1, why it was left out)]) of an instruction file.

    A ``.json`` file is a list, a ``.jsonl`` file one object a line. The format is told by its keys:
    messages (``messages``), ShareGPT (``conversations``), prompt and completion (``prompt``,
    ``completion``: texts or lists of messages) or Alpaca (``instruction``, ``system`` and
    ``history`` where there are any). Rows of a ``.jsonl`` are numbered by line. Raises
    UserError when the file cannot be read at all.
    """
    return _read(path, _conversation)


def read_preferences(path: Path) -> tuple[list[Preference], list[Bad]]:
    """Return (preferences, [(row number from 1, why it was left out)]) of a file, as above.

    A row has ``chosen`` and ``rejected``: texts or turns after a ``prompt`` (text or messages) or
    ``conversations``, or two whole conversations that differ in their last answer alone.
    """
    return _read(path, _preference)


def strict(path: Path, read: tuple[list[T], list[Bad]]) -> list[T]:
    """Return the rows; raise UserError naming file, row and reason where one is malformed."""
    rows, bad = read
    if bad:
        number, reason = bad[0]
        more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
        raise UserError(f"{path} row {number}: {reason}{more}; mend or remove it")
    return rows


def _read(path: Path, parse: Callable[[Any], T]) -> tuple[list[T], list[Bad]]:
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
            if row is _BROKEN:
                raise ValueError("is not JSON")
            if not isinstance(row, dict):
                raise ValueError("is not an object")
            good.append(parse(row))
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


def _conversation(row: Mapping[str, Any]) -> Conversation:
    if "messages" in row:
        turns = _turns(row["messages"])
    elif "conversations" in row:
        turns = _turns(row["conversations"])
        if row.get("system"):
            turns = [_said("system", row["system"]), *turns]
    elif "prompt" in row and "completion" in row:
        turns = [*_turns(row["prompt"], "user"), *_turns(row["completion"], "assistant")]
    elif "instruction" in row:
        turns = _alpaca(row)
    else:
        raise ValueError("has neither messages, conversations, prompt/completion nor instruction")
    return _checked(turns)


def _preference(row: Mapping[str, Any]) -> Preference:
    if "chosen" not in row or "rejected" not in row:
        raise ValueError("has no chosen and rejected")
    before = row.get("prompt", row.get("conversations"))
    prompt = [] if before is None else _turns(before, "user")
    better, worse = (
        _checked([*prompt, *_turns(row[name], "assistant")]) for name in ("chosen", "rejected")
    )
    if better[:-1] != worse[:-1]:
        raise ValueError("chosen and rejected do not answer the same prompt")
    if better[-1] == worse[-1]:
        raise ValueError("chosen and rejected are the same")
    return Preference(better[:-1], better[-1]["content"], worse[-1]["content"])


def _checked(turns: Conversation) -> Conversation:
    spoken = [turn["role"] for turn in turns if turn["role"] != "system"]
    if not spoken or spoken[-1] != "assistant":
        raise ValueError("does not end with an answer")
    if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(spoken)):
        raise ValueError("user and assistant do not take turns")
    if any(turn["role"] == "system" for turn in turns[1:]):
        raise ValueError("a system message is not the first")
    return turns


def _turns(value: Any, plain: str | None = None) -> Conversation:
    """Turns of a list, of a single turn, or, where a role is given for it, of a plain text."""
    if isinstance(value, str) and plain is not None:
        return [_said(plain, value)]
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not rows:
        raise ValueError("has no turns")
    return [_turn(row) for row in rows]


def _turn(turn: Any) -> dict[str, str]:
    """A turn as ``role`` and ``content``, or as ShareGPT's ``from`` and ``value``."""
    role, content = ("from", "value") if isinstance(turn, dict) and "from" in turn else _PLAIN
    if not isinstance(turn, dict) or not isinstance(turn.get(content), str):
        raise ValueError("a turn has no text")
    name = _ROLES.get(str(turn.get(role)))
    if name is None:
        raise ValueError(f"unknown role '{turn.get(role)}'")
    return _said(name, turn[content])


def _said(role: str, content: Any) -> dict[str, str]:
    if not isinstance(content, str):
        raise ValueError(f"{role} is not text")
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
