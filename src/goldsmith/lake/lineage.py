"""From any id back to its page and box, and forward to every dataset and model that used it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from goldsmith.errors import UserError
from goldsmith.lake.ids import LETTERS, Kind
from goldsmith.lake.tables import Lake

Row = Mapping[str, Any]

_TABLES: dict[Kind, str] = {
    "document": "documents",
    "line": "lines",
    "passage": "passages",
    "chunk": "chunks",
    "reject": "rejects",
    "example": "examples",
    "answer": "answers",
    "run": "runs",
    "model": "models",
}
_SHORTEST_PREFIX = 6
_EXCERPT = 90


@dataclass(frozen=True)
class Step:
    """One fact about where something came from or went to."""

    relation: str
    id: str
    text: str


@dataclass(frozen=True)
class Trace:
    """What an id is, the way back to the page, and the way forward to what was made from it."""

    id: str
    kind: Kind
    text: str
    back: list[Step] = field(default_factory=list)
    forward: list[Step] = field(default_factory=list)


def trace(lake: Lake, identifier: str) -> Trace:
    """Follow an id (or a document's uri, or the unique beginning of an id) both ways.

    Raises UserError when nothing, or more than one thing, has that id.
    """
    kind, row = _find(lake, identifier)
    steps = _STEPS[kind]
    text, back, forward = steps(lake, row)
    return Trace(row["id"], kind, text, list(back), list(forward))


def models_that_saw(lake: Lake, document: str) -> list[Row]:
    """Return the rows of every model that had this document in its training data."""
    return [row for row in lake.read("models").to_pylist() if document in row["documents"]]


def _find(lake: Lake, identifier: str) -> tuple[Kind, Row]:
    kinds = [kind for kind, letter in LETTERS.items() if identifier.startswith(f"{letter}-")]
    if kinds and len(identifier) >= _SHORTEST_PREFIX:
        (kind,) = kinds
        table = lake.read(_TABLES[kind])
        found = table.filter(pc.starts_with(table["id"], identifier)).to_pylist()
        names = {row["id"] for row in found}
        if len(names) > 1:
            raise UserError(f"{identifier}: {len(names)} {kind}s begin so; give more of the id")
        if found:
            return kind, found[0]
    by_uri = [row for row in lake.read("documents").to_pylist() if row["uri"] == identifier]
    if by_uri:
        return "document", by_uri[0]
    raise UserError(
        f"{identifier}: no such id or document in this workspace; "
        "`goldsmith status` lists the documents"
    )


def _document(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    name = row["id"]
    note = f" — {row['reason']}: {row['detail']}" if row["reason"] else ""
    text = f"{row['uri']}: {row['media_type']}, {row['pages'] or 0} pages, {row['status']}{note}"
    rules: Counter[str] = Counter()
    rejects = _of(lake, "rejects", "document", name)
    for reject in rejects.to_pylist():
        rules[f"{reject['stage']}: {reject['rule']}"] += reject["end"] - reject["start"]
    back = [Step("file", name, row["uri"])]
    back += [Step("removed", "", f"{rule}: {count} characters") for rule, count in rules.items()]
    chunks = _of(lake, "chunks", "document", name)
    forward = [Step("chunk", c["id"], _excerpt(c["text"])) for c in chunks.to_pylist()]
    for cluster in _of(lake, "clusters", "member", name).to_pylist():
        forward += _merged(lake, cluster["kept"], name)
    forward += _models(lake, name)
    return text, back, forward


def _chunk(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    return (
        _excerpt(row["text"]),
        [*_places(lake, row["document"], row["spans"]), _source(lake, row["document"])],
        _uses(lake, row),
    )


def _passage(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    chunks = _of(lake, "chunks", "document", row["document"]).to_pylist()
    holding = [chunk for chunk in chunks if row["id"] in chunk["passages"]]
    rejects = _of(lake, "rejects", "subject", row["id"]).to_pylist()
    forward = [Step("chunk", chunk["id"], _excerpt(chunk["text"])) for chunk in holding]
    forward += [_rejected(reject) for reject in rejects[:1]]
    back = [*_places(lake, row["document"], row["spans"]), _source(lake, row["document"])]
    return f"{row['kind']}: {_excerpt(row['text'])}", back, forward


def _line(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    tags = _of(lake, "tags", "line", row["id"]).to_pylist()
    label = f"[{tags[0]['label']}] " if tags else ""
    back = [Step("page", "", f"page {row['page']}, {_box(row)}"), _source(lake, row["document"])]
    forward = [_rejected(r) for r in _of(lake, "rejects", "line", row["id"]).to_pylist()]
    for passage in _of(lake, "passages", "document", row["document"]).to_pylist():
        if any(span["line"] == row["id"] for span in passage["spans"]):
            forward.append(Step("passage", passage["id"], _excerpt(passage["text"])))
    return label + _excerpt(row["text"]), back, forward


def _reject(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    lines = _of(lake, "lines", "id", row["line"]).to_pylist()
    where = f"page {row['page']}, characters {row['start']} to {row['end']}"
    back = [Step("page", row["line"], f"{where}, {_box(lines[0])}" if lines else where)]
    back += [Step("line", line["id"], _excerpt(line["text"])) for line in lines]
    back.append(_source(lake, row["document"]))
    text = f"{row['stage']}, rule {row['rule']}, score {row['score']:.3g}: {_excerpt(row['text'])}"
    return text, back, list(_merged(lake, row["merged_into"], row["document"], row["subject"]))


def _example(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    back = []
    for name in row["source_chunks"]:
        for chunk in _of(lake, "chunks", "id", name).to_pylist():
            back.append(Step("chunk", name, _excerpt(chunk["text"])))
            back += [*_places(lake, chunk["document"], chunk["spans"])]
            back.append(_source(lake, chunk["document"]))
    text = " / ".join(_excerpt(message["content"]) for message in row["messages"])
    tuned = [m for m in lake.read("models").to_pylist() if m["kind"] != "base"]
    return text, back, [Step("model", m["id"], f"{m['kind']} in {m['path']}") for m in tuned]


def _answer(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    back = []
    for sentence in row["sentences"]:
        back.append(Step("sentence", sentence["chunk"], _excerpt(sentence["text"])))
        for chunk in _of(lake, "chunks", "id", sentence["chunk"]).to_pylist():
            source = _source(lake, chunk["document"])
            back.append(Step("page", source.id, f"{source.text}, page {sentence['page']}"))
    state = "refused: the documents do not say" if row["refused"] else "answered"
    return f"{row['question']} ({state})", back, []


def _run(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    text = f"{row['stage']} at {row['started']:%Y-%m-%d %H:%M} UTC, {row['seconds']:.1f} s"
    back = [Step("inputs", "", row["inputs"]), Step("settings", "", row["settings"])]
    return text, back, [Step("outputs", "", row["outputs"]), Step("counts", "", row["counts"])]


def _model(lake: Lake, row: Row) -> tuple[str, Iterable[Step], Iterable[Step]]:
    seen = [_source(lake, document) for document in row["documents"]]
    if row["parent"]:
        seen.insert(0, Step("tuned from", row["parent"], "base model"))
    later = [m for m in lake.read("models").to_pylist() if m["parent"] == row["id"]]
    made = [Step("model", m["id"], f"{m['kind']} in {m['path']}") for m in later]
    return f"{row['kind']} in {row['path']}", seen, made


_STEPS = {
    "document": _document,
    "line": _line,
    "passage": _passage,
    "chunk": _chunk,
    "reject": _reject,
    "example": _example,
    "answer": _answer,
    "run": _run,
    "model": _model,
}


def _uses(lake: Lake, chunk: Row) -> Iterator[Step]:
    for tokens in _of(lake, "tokens", "chunk", chunk["id"]).to_pylist():
        place = f"tokens {tokens['start']} to {tokens['end']} of {tokens['shard']}"
        yield Step("dataset", "", f"{place} ({tokens['split']})")
    for example in lake.read("examples").to_pylist():
        if chunk["id"] in example["source_chunks"]:
            question = _excerpt(example["messages"][0]["content"])
            yield Step("example", example["id"], f"{question} ({example['split']})")
    yield from _models(lake, chunk["document"])


def _models(lake: Lake, document: str) -> list[Step]:
    return [
        Step("model", row["id"], f"{row['kind']} in {row['path']}")
        for row in models_that_saw(lake, document)
    ]


def _places(lake: Lake, document: str, spans: Iterable[Row]) -> Iterator[Step]:
    """One step a page: the box around all spans there."""
    pages: dict[int, list[Row]] = {}
    for span in spans:
        pages.setdefault(span["page"], []).append(span)
    for page, parts in sorted(pages.items()):
        yield Step("page", parts[0]["line"], f"page {page}, {_box(*parts)}, {len(parts)} lines")


def _box(*rows: Row) -> str:
    boxed = [row for row in rows if row["x0"] is not None]
    if not boxed:
        return "no box (not a paged format)"
    x0, y0 = (min(row[key] for row in boxed) for key in ("x0", "y0"))
    x1, y1 = (max(row[key] for row in boxed) for key in ("x1", "y1"))
    return f"box {x0:.0f} {y0:.0f} {x1:.0f} {y1:.0f} pt"


def _merged(lake: Lake, kept: str | None, *members: str) -> Iterator[Step]:
    """Where a document or passage went that says what another one says."""
    if kept is None:
        return
    for name in members:
        for cluster in _of(lake, "clusters", "member", name).to_pylist():
            if cluster["kept"] == kept:
                known = cluster["reason"] == "known"
                who = "of a folder that came before" if known else "the member that was kept"
                how = f"{cluster['method']}, similarity {cluster['similarity']:.3g}"
                yield Step("merged into", kept, f"{who} ({how}; {cluster['reason']})")
                return
    yield Step("merged into", kept, "the member that was kept")  # of a repeated string


def _rejected(row: Row) -> Step:
    return Step(
        "rejected", row["id"], f"{row['stage']}, rule {row['rule']}: {_excerpt(row['text'])}"
    )


def _source(lake: Lake, document: str) -> Step:
    rows = _of(lake, "documents", "id", document).to_pylist()
    return Step("document", document, rows[0]["uri"] if rows else "(forgotten)")


def _of(lake: Lake, name: str, column: str, value: str) -> pa.Table:
    table = lake.read(name)
    return table.filter(pc.equal(table[column], value))


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
