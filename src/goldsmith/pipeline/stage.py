"""What a stage is.

A stage is a frozen dataclass with typed settings, the tables it reads and writes, and one pure
method from Arrow tables to Arrow tables. It knows nothing of files, processes or Ray: the runner
(`goldsmith.pipeline.run`) owns parallelism, time and memory limits, commits and resume.

A table reference is a table's name, or ``"name:stage"`` for the rows of a shared table that one
stage owns (``"rejects:cut"``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

import pyarrow as pa

Tables = Mapping[str, pa.Table]


class Stage(Protocol):
    """One step of the refinery.

    ``unit`` says what one call sees: ``"document"`` — the rows of a single document in every table
    it reads, so that calls are independent and run in any order on any number of workers; or
    ``"all"`` — the whole tables (global steps such as de-duplication).

    ``version`` goes into the fingerprint: raise it whenever the same input would give other rows.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    unit: ClassVar[Literal["document", "all"]]
    reads: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        """Return one table for each name in ``writes``, each with the lake's schema."""
        ...
