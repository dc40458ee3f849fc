"""The user's questions: a JSONL file with the passage that answers each, split into two halves.

The "train" half may become instruction examples; the "evaluate" half (the default) is only ever
asked. A row needs ``id`` and ``question``; an answerable one ``passage`` (word for word) and
``document`` (a uri) too; ``answer``, ``page``, ``pages`` and ``section`` make more measurable.
``also`` lists other places that answer it as well: ``document``, ``pages`` and, for people,
``passage``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goldsmith.errors import UserError

FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "question": (str,),
    "answer": (str, type(None)),
    "passage": (str, type(None)),
    "answerable": (bool,),
    "split": (str,),
    "document": (str, type(None)),
    "page": (int, type(None)),
    "pages": (list, type(None)),
    "section": (str, type(None)),
    "also": (list, type(None)),
}
SPLITS = ("train", "evaluate")


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a questions file in its order.

    Raises UserError naming the file, the line and the field that is wrong.
    """
    rows = [_checked(row, where) for where, row in _rows(path, "dataset.questions")]
    names = [row["id"] for row in rows]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: two questions have the id '{twice}'; give each its own")
    return rows


def _rows(path: Path, setting: str) -> Iterator[tuple[str, Any]]:
    """Yield each line's JSON and what an error calls it; ``setting`` is where the file is named."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); mend {setting}") from error
    for number, line in enumerate(lines, 1):
        where = f"{path} line {number}"
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where}: is not JSON ({error}); mend it") from error
            yield where, row


def _checked(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise UserError(f"{where}: is not a JSON object; mend it")
    values = {name: row.get(name) for name in FIELDS}
    values["answerable"] = row.get("answerable", True)
    values["split"] = row.get("split", "evaluate")
    for name, kinds in FIELDS.items():
        if not isinstance(values[name], kinds):
            raise UserError(f"{where}: '{name}' is {values[name]!r}; mend it")
    if values["split"] not in SPLITS:
        raise UserError(f"{where}: 'split' is {values['split']!r}; use train or evaluate")
    if values["answerable"] and not (values["passage"] and values["document"]):
        raise UserError(
            f"{where}: an answerable question needs 'passage' and 'document'; add them, or say "
            '"answerable": false'
        )
    if not all(isinstance(page, int) for page in values["pages"] or ()):
        raise UserError(f"{where}: 'pages' is {values['pages']!r}; give page numbers")
    for place in values["also"] or ():
        if not _is_place(place):
            raise UserError(
                f"{where}: 'also' has {place!r}; give each other place a 'document' and its 'pages'"
            )
    return values


def _is_place(place: object) -> bool:
    if not isinstance(place, dict) or not isinstance(place.get("passage", ""), str):
        return False
    document, pages = place.get("document"), place.get("pages")
    return (
        isinstance(document, str)
        and bool(document)
        and isinstance(pages, list)
        and bool(pages)
        and all(isinstance(page, int) and page > 0 for page in pages)
    )


#: Where public evaluation sets keep what is asked.
_ASKED = ("question", "prompt", "instruction", "problem", "query", "text")


def read_evaluation(path: Path) -> list[str]:
    """Return what each row of a JSONL evaluation set asks, for the check of contamination.

    Raises UserError naming the file and the line that is not JSON or has none of the usual keys.
    """
    found: list[str] = []
    for where, row in _rows(path, "dataset.evaluation"):
        values = [row.get(name) for name in _ASKED] if isinstance(row, dict) else []
        asked = next((value for value in values if isinstance(value, str)), None)
        if asked is None:
            raise UserError(f"{where}: has none of {', '.join(_ASKED)}; add one")
        found.append(asked)
    return found
