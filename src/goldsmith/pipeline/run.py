"""Run stages over the lake: in parallel, resumable, each committed as a whole.

A stage is skipped when its fingerprint (its version, its settings, the digests of what it reads) is
that of its last run and its tables have not changed since. Otherwise it is run: each document's
result is kept in the staging folder under a key made of what it was computed from, so that a run
killed at any moment goes on where it was, and a new document costs only itself. The tables are then
replaced in key order: the bytes do not depend on how many workers ran, nor in which order.

A document that met a limit, or whose worker died twice, is quarantined (see `quarantine`): where
the stage has rows for that they stand for it; else the stage is not committed, the others' results
are kept, and the caller leaves the document out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

import goldsmith
from goldsmith.lake import Lake, table_digest
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import KEYS, SCHEMAS, SHARED
from goldsmith.pipeline.artifact import fingerprint, sync
from goldsmith.pipeline.pool import Failure, Pool
from goldsmith.pipeline.progress import Progress, Unit
from goldsmith.pipeline.quarantine import (
    Quarantined,
    StageFailedError,
    read_quarantine,
    write_quarantine,
)
from goldsmith.pipeline.stage import Stage, Tables


@dataclasses.dataclass(frozen=True)
class Runner:
    """Where stages run and who watches."""

    lake: Lake
    staging: Path
    pool: Pool
    progress: Progress
    seed: int = 0
    quarantine: Path | None = None  # the file of quarantined documents; None: nobody keeps one

    def run(
        self,
        stage: Stage,
        sources: Mapping[str, Source] | None = None,
        known: Mapping[str, pa.Table] | None = None,
    ) -> bool:
        """Bring the stage's tables up to date; return whether anything had to be done.

        ``sources`` gives tables that are not in the lake (the files of a folder); ``known``
        gives rows of its output tables that need no work (files that cannot be read).
        Raises StageFailedError, with all else done, when documents fail and the stage has no rows
        for that.
        """
        sources, known = sources or {}, known or {}
        inputs = {
            name: sources[name].digest() if name in sources else self.lake.digest(name)
            for name in stage.reads
        } | {f"known {name}": table_digest(table) for name, table in known.items()}
        key = stage_key(stage, inputs)
        released = any(one.stage == stage.name and not one.key for one in self._held().values())
        if is_done(self.lake, stage.name, key) and not released:
            return False
        started, clock = datetime.now(UTC), time.monotonic()
        tables = {
            name: sources[name].table if name in sources else self.lake.read(name)
            for name in stage.reads
        }
        if stage.unit == "all":
            self.progress.start(stage.name, None, "rows")
            results = [stage.run(tables)]
        else:
            results = self._by_document(stage, tables, sources)
        outputs = {}
        for name in stage.writes:
            before = known.get(name, SCHEMAS[name].empty_table())
            table = pa.concat_tables([before, *(result[name] for result in results)])
            owner = stage.name if name in SHARED else None
            outputs[name if owner is None else f"{name}:{owner}"] = self.lake.replace(
                name, table, owner
            )
        record_run(
            self.lake,
            stage=stage.name,
            key=key,
            settings=stage_settings(stage),
            inputs=inputs,
            outputs=outputs,
            counts={name: sum(r[name].num_rows for r in results) for name in stage.writes},
            seed=self.seed,
            started=started,
            seconds=time.monotonic() - clock,
        )
        self.progress.finish()
        return True

    def _by_document(
        self, stage: Stage, tables: Tables, sources: Mapping[str, Source]
    ) -> list[dict[str, pa.Table]]:
        folder = self.staging / stage.name
        folder.mkdir(parents=True, exist_ok=True)
        units = dict(document_units(stage, tables))
        keys = {
            document: fingerprint(
                stage_key(stage, {name: table_digest(part) for name, part in unit.items()})
            )
            for document, unit in units.items()
        }
        wanted = {f"{key}.arrow" for key in keys.values()}
        present = set(os.listdir(folder))
        held = {name: one for name, one in self._held().items() if one.stage == stage.name}
        todo = [
            document
            for document in units
            if f"{keys[document]}.arrow" not in present
            or (document in held and held[document].key != keys[document])
        ]
        self.progress.start(stage.name, len(units), "documents", len(units) - len(todo))
        # What was quarantined with this very key is not tried again.
        refused = {
            document: Failure(held[document].cause, held[document].detail)
            for document in todo
            if document in held and held[document].key == keys[document]
        }
        tasks = (
            (document, (stage, units[document], _paths(sources, units[document])))
            for document in todo
            if document not in refused
        )
        clock, pages = time.monotonic(), 0
        failed: dict[str, Quarantined] = {}
        uris = _uris(stage, tables)

        def watch(in_hand: Sequence[Unit]) -> None:
            self.progress.hold(
                [dataclasses.replace(unit, uri=uris.get(unit.name)) for unit in in_hand]
            )

        tried = self.pool.map(_run_unit, tasks, watch)
        for document, result in chain(refused.items(), tried):
            if isinstance(result, Failure):
                if result.cause != "error" or not hasattr(stage, "failed"):
                    failed[document] = _quarantined(stage, document, result, keys[document])
                    self._keep(stage, {**held, **failed})
                result = _failed(stage, units[document], result)
            if result is not None:
                write_tables(folder / f"{keys[document]}.arrow", result)
            if result is not None and "pages" in result:
                pages += result["pages"].num_rows
                rate = pages / max(time.monotonic() - clock, 1e-9)
                self.progress.advance(pages_per_second=rate)
            else:
                self.progress.advance()
        self._keep(
            stage,
            failed | {d: one for d, one in held.items() if one.key == keys.get(d, one.key)},
        )
        if failed and not hasattr(stage, "failed"):
            raise StageFailedError(stage.name, failed)
        results = [read_tables(folder / f"{keys[document]}.arrow") for document in units]
        for name in sorted(present - wanted):  # results of other settings or gone documents
            (folder / name).unlink(missing_ok=True)
        return results

    def _held(self) -> dict[str, Quarantined]:
        return read_quarantine(self.quarantine) if self.quarantine is not None else {}

    def _keep(self, stage: Stage, entries: Mapping[str, Quarantined]) -> None:
        """Replace the stage's entries in the file, where that changes it."""
        before = self._held()
        others = {name: one for name, one in before.items() if one.stage != stage.name}
        if self.quarantine is not None and before != others | dict(entries):
            write_quarantine(self.quarantine, others | dict(entries))


@dataclasses.dataclass(frozen=True)
class Source:
    """A table from outside the lake and, for each of its rows, the file that goes with it."""

    table: pa.Table  # has a column "id", in order
    paths: Mapping[str, Path]  # id -> file; its bytes become the column "content" in the worker

    def digest(self) -> str:
        return table_digest(self.table)


def stage_settings(stage: Stage) -> dict[str, Any]:
    """Return a stage's typed settings as JSON-able values.

    A field with ``metadata={"place": True}`` says where something lies, not what it is: left out.
    """
    values = {}
    for field in dataclasses.fields(stage):  # type: ignore[arg-type]
        if field.metadata.get("place"):
            continue
        value = getattr(stage, field.name)
        values[field.name] = (
            value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        )
    return values


def stage_key(stage: Stage, inputs: Mapping[str, str]) -> str:
    """Return the fingerprint of running this stage on inputs with these digests."""
    return fingerprint(stage.name, stage.version, stage_settings(stage), dict(inputs))


def is_done(lake: Lake, stage: str, key: str) -> bool:
    """Whether the stage's last run had this fingerprint and left what is in the lake now."""
    runs = lake.read("runs", ["stage", "fingerprint", "outputs"]).to_pylist()
    last = next((run for run in reversed(runs) if run["stage"] == stage), None)
    if last is None or last["fingerprint"] != key:
        return False
    outputs: dict[str, str] = json.loads(last["outputs"])
    return all(
        lake.exists(name.partition(":")[0]) and lake.digest(name) == digest
        for name, digest in outputs.items()
        if name.partition(":")[0] in SCHEMAS
    )


def record_run(
    lake: Lake,
    *,
    stage: str,
    key: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    counts: Mapping[str, float],
    seed: int,
    started: datetime,
    seconds: float,
    metrics: Mapping[str, float] | None = None,
) -> None:
    """Append one row to the log of runs."""
    row = {
        "id": content_id("run", stage, key, started.isoformat()),
        "stage": stage,
        "fingerprint": key,
        "settings": json.dumps(settings, sort_keys=True),
        "inputs": json.dumps(inputs, sort_keys=True),
        "outputs": json.dumps(outputs, sort_keys=True),
        "counts": json.dumps(counts, sort_keys=True),
        "metrics": json.dumps(metrics or {}, sort_keys=True),
        "seed": seed,
        "code_version": goldsmith.__version__,
        "started": started,
        "seconds": seconds,
    }
    lake.append("runs", pa.Table.from_pylist([row], schema=SCHEMAS["runs"]))


def document_units(stage: Stage, tables: Tables) -> Iterator[tuple[str, dict[str, pa.Table]]]:
    """Yield (document, its rows in every table), in the order of document ids.

    Documents are those of the first table the stage reads; rows keep their order.
    """
    slices = {name: _slices(name, table) for name, table in tables.items()}
    first = stage.reads[0]
    for document in sorted(slices[first]):
        yield (
            document,
            {
                name: table.slice(*slices[name].get(document, (0, 0)))
                for name, table in tables.items()
            },
        )


def _slices(name: str, table: pa.Table) -> dict[str, tuple[int, int]]:
    column = "document" if "document" in table.column_names else "id"
    assert name.partition(":")[0] not in KEYS or KEYS[name.partition(":")[0]][0] == column
    if not table.num_rows:
        return {}
    codes = table[column].combine_chunks().dictionary_encode()
    indices = codes.indices.to_numpy()
    starts = np.flatnonzero(np.diff(indices, prepend=-1))
    ends = np.append(starts[1:], len(indices))
    names = codes.dictionary.to_pylist()
    return {names[indices[s]]: (int(s), int(e - s)) for s, e in zip(starts, ends, strict=True)}


def _uris(stage: Stage, tables: Tables) -> dict[str, str]:
    """Names of documents for a person, where the stage knows them before the lake does."""
    table = tables[stage.reads[0]]
    if "uri" not in table.column_names:
        return {}
    return dict(zip(table["id"].to_pylist(), table["uri"].to_pylist(), strict=True))


def _paths(sources: Mapping[str, Source], unit: Tables) -> dict[str, Path]:
    return {name: source.paths[unit[name]["id"][0].as_py()] for name, source in sources.items()}


def _run_unit(task: tuple[Stage, Tables, Mapping[str, Path]]) -> dict[str, pa.Table]:
    stage, tables, paths = task
    given = dict(tables)
    for name, path in paths.items():
        content = pa.array([path.read_bytes()], pa.large_binary())
        given[name] = given[name].append_column("content", content)
    return stage.run(given)


def _quarantined(stage: Stage, document: str, failure: Failure, key: str) -> Quarantined:
    return Quarantined(document, stage.name, failure.cause, failure.detail.splitlines()[0], key)


def _failed(stage: Stage, unit: Tables, failure: Failure) -> dict[str, pa.Table] | None:
    """The stage's own rows for a failure; None where it has none."""
    as_rows: Callable[..., dict[str, pa.Table]] | None = getattr(stage, "failed", None)
    if as_rows is None:
        return None
    reason = "unreadable" if failure.cause == "error" else failure.cause
    return as_rows(unit, reason, failure.detail.splitlines()[0])


def write_tables(path: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write several tables into one file, whole or not at all: Arrow streams, end to end."""
    temporary = path.with_suffix(".writing")
    with pa.OSFile(str(temporary), "wb") as file:
        for name, table in sorted(tables.items()):
            labelled = table.replace_schema_metadata({"table": name})
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(file, labelled.schema, options=options) as writer:
                writer.write_table(labelled)
    sync(temporary)
    os.replace(temporary, path)


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read what `write_tables` wrote."""
    tables = {}
    with pa.OSFile(str(path), "rb") as file:
        size = file.size()
        while file.tell() < size:
            with pa.ipc.open_stream(file) as reader:
                table = reader.read_all()
            name = table.schema.metadata[b"table"].decode()
            tables[name] = table.replace_schema_metadata(None)
    return tables
