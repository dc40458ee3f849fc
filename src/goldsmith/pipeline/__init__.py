"""The pipeline: what a stage is, how stages run and resume, and folders that are whole or absent.

A `Stage` is pure: tables in, tables out. The `Runner` gives it documents on a `Pool` of processes
with a time and a memory limit each, keeps finished documents in the staging folder, and replaces
the lake's tables when all are done; documents that cannot be worked on are quarantined. `building`
makes an artifact (a model, an index) in a temporary folder and renames it into place. `Progress` is
how long work tells a person where it is; a `Journal` tells other processes, too. `pages_kept`
spares a long run the memory that glibc would give back and take anew at every step.
"""

from goldsmith.pipeline.artifact import building, fingerprint, is_current, read_manifest
from goldsmith.pipeline.journal import Journal, State, read_state
from goldsmith.pipeline.pages import pages_kept, return_pages
from goldsmith.pipeline.pool import Failure, Pool
from goldsmith.pipeline.progress import Progress, Silent, Unit
from goldsmith.pipeline.quarantine import (
    Quarantined,
    StageFailedError,
    keep_only,
    read_quarantine,
    release,
)
from goldsmith.pipeline.run import Runner, Source, is_done, record_run
from goldsmith.pipeline.stage import Stage, Tables

__all__ = [
    "Failure",
    "Journal",
    "Pool",
    "Progress",
    "Quarantined",
    "Runner",
    "Silent",
    "Source",
    "Stage",
    "StageFailedError",
    "State",
    "Tables",
    "Unit",
    "building",
    "fingerprint",
    "is_current",
    "is_done",
    "keep_only",
    "pages_kept",
    "read_manifest",
    "read_quarantine",
    "read_state",
    "record_run",
    "release",
    "return_pages",
]
