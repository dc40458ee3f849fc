"""Delta tables with fixed schemas: read in key order, replaced or appended in one atomic commit.

Every write is checked against the schema and sorted by the table's key first, so that a table's
digest depends on its rows alone: not on file names, commit times, or how many workers ran. The
digest is kept with the commit; `Lake.digest` returns it without reading the data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldsmith.errors import LakeError
from goldsmith.lake.schemas import KEYS, SCHEMAS, SHARED

_PARQUET_FAILURES = (pa.ArrowException, OSError)


class Lake:
    """The tables below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, name: str) -> bool:
        """Whether the table has been written at least once."""
        return (self.root / name / "_delta_log").is_dir()

    def read(
        self, reference: str, columns: Sequence[str] | None = None, version: int | None = None
    ) -> pa.Table:
        """Return the rows of a table in key order; an unwritten table is empty.

        ``reference`` is a table's name, or ``"name:stage"`` for the rows one stage owns.
        ``version`` reads an earlier commit. Raises LakeError when the table cannot be read.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        name, _, stage = reference.partition(":")
        schema = SCHEMAS[name]
        if not self.exists(name):
            table = schema.empty_table()
        else:
            try:
                delta = DeltaTable(str(self.root / name), version=version)
                table = pa.table(delta.to_pyarrow_table())
                table = table.select(schema.names).cast(schema)
            except (DeltaError, *_PARQUET_FAILURES, KeyError) as error:
                raise self._corrupt(name, error) from error
        if stage:
            table = table.filter(pc.equal(table["stage"], stage))
        table = in_order(name, table)
        return table.select(list(columns)) if columns is not None else table

    def replace(self, name: str, table: pa.Table, stage: str | None = None) -> str:
        """Replace all rows (of ``stage``, in a shared table) in one commit; return their digest.

        Nothing is written when the rows are already there.
        """
        from deltalake import CommitProperties, write_deltalake
        from deltalake.exceptions import DeltaError

        if (stage is not None) != (name in SHARED):
            raise ValueError(f"{name}: shared tables, and only they, are replaced by stage")
        table = in_order(name, checked(name, table))
        if stage is not None and set(table["stage"].to_pylist()) - {stage}:
            raise ValueError(f"{name}: rows of another stage than {stage}")
        digest = table_digest(table)
        reference = name if stage is None else f"{name}:{stage}"
        if self.exists(name) and self.digest(reference) == digest:
            return digest
        if not self.exists(name):
            self._create(name)
        try:
            write_deltalake(
                str(self.root / name),
                table,
                mode="overwrite",
                predicate=None if stage is None else f"stage = '{stage}'",
                commit_properties=CommitProperties(
                    custom_metadata={"digest": digest, "reference": reference}
                ),
            )
        except DeltaError as error:
            raise self._corrupt(name, error) from error
        return digest

    def append(self, name: str, table: pa.Table) -> None:
        """Add rows to a log."""
        from deltalake import write_deltalake
        from deltalake.exceptions import DeltaError

        if not self.exists(name):
            self._create(name)
        try:
            write_deltalake(str(self.root / name), checked(name, table), mode="append")
        except DeltaError as error:
            raise self._corrupt(name, error) from error

    def digest(self, reference: str) -> str:
        """Return the digest of a table, or of one stage's rows in a shared one."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        name = reference.partition(":")[0]
        if self.exists(name):
            try:
                for commit in DeltaTable(str(self.root / name)).history():
                    if commit.get("reference") == reference:
                        return str(commit["digest"])
            except (DeltaError, *_PARQUET_FAILURES) as error:
                raise self._corrupt(name, error) from error
        return table_digest(self.read(reference))

    def vacuum(self) -> None:
        """Delete the files of all earlier versions, so that what was forgotten is really gone."""
        from deltalake import DeltaTable

        for name in SCHEMAS:
            if self.exists(name):
                delta = DeltaTable(str(self.root / name))
                delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    def _create(self, name: str) -> None:
        from deltalake import DeltaTable

        folder = self.root / name
        if folder.exists():  # a crash before the first commit left files without a log
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        # No statistics: smallest and largest texts would stay in the log of what was forgotten.
        plain = {"delta.dataSkippingNumIndexedCols": "0"}
        DeltaTable.create(str(folder), SCHEMAS[name], mode="ignore", configuration=plain)

    def _corrupt(self, name: str, error: Exception) -> LakeError:
        cause = " ".join(str(error).split())[:200]
        return LakeError(
            f"table '{name}' in {self.root} cannot be read ({cause}); "
            f"delete the folder {self.root / name} and run `goldsmith run` again"
        )


def checked(name: str, table: pa.Table) -> pa.Table:
    """Return the table with exactly the schema's columns and types, or raise ValueError."""
    schema = SCHEMAS[name]
    if set(table.column_names) != set(schema.names):
        difference = sorted(set(table.column_names) ^ set(schema.names))
        raise ValueError(f"{name}: columns differ from the schema: {difference}")
    return table.select(schema.names).cast(schema)


def in_order(name: str, table: pa.Table) -> pa.Table:
    """Return the rows sorted by the table's key."""
    return table.sort_by([(column, "ascending") for column in KEYS[name]])


def table_digest(table: pa.Table) -> str:
    """Return a hex digest of the values, row order included, layout in memory not."""
    digest = hashlib.sha256(json.dumps([str(field) for field in table.schema]).encode())
    for column in table.columns:
        _feed(digest, pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([]))
    return digest.hexdigest()[:32]


def _feed(digest: hashlib._Hash, array: pa.Array) -> None:
    digest.update(len(array).to_bytes(8, "little"))
    if array.null_count:
        digest.update(np.packbits(array.is_null().to_numpy(zero_copy_only=False)).tobytes())
    kind = array.type
    if pa.types.is_string(kind):
        filled = pc.fill_null(array, "").cast(pa.large_string())
        digest.update(pc.binary_length(filled).to_numpy().astype("<i8").tobytes())
        offsets, data = filled.buffers()[1:3]
        if data is not None and len(filled):
            bounds = np.frombuffer(offsets, "<i8")[filled.offset : filled.offset + len(filled) + 1]
            digest.update(memoryview(data)[bounds[0] : bounds[-1]])
    elif pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        digest.update(lengths.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        _feed(digest, pc.list_flatten(array))
    elif pa.types.is_struct(kind):
        for field in array.flatten():
            _feed(digest, field)
    elif pa.types.is_timestamp(kind):
        _feed(digest, array.cast(pa.int64()))
    elif pa.types.is_boolean(kind):
        filled = pc.fill_null(array, False)
        digest.update(np.packbits(filled.to_numpy(zero_copy_only=False)).tobytes())
    else:
        filled = pc.fill_null(array, 0) if array.null_count else array
        digest.update(filled.to_numpy(zero_copy_only=False).tobytes())
