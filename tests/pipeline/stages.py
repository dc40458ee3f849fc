"""Small stages and tasks that the pipeline's tests run in real worker processes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS


def square(number):
    return number * number


def misbehave(how):
    if how == "hang":
        time.sleep(60)
    if how == "swell":
        hoard = bytearray(700 * 2**20)
        hoard[::4096] = b"x" * len(hoard[::4096])
        time.sleep(60)
    if how == "die":
        os._exit(7)
    if how == "raise":
        raise ValueError("no such thing")
    return how


def die_once(flag):
    path = Path(flag)
    if not path.exists():
        path.touch()
        os._exit(1)
    return "second try"


def remember_much(megabytes):
    HOARD.append(b"x" * (megabytes * 2**20))
    return os.getpid()


HOARD = []


@dataclass(frozen=True)
class Fault:
    """Does to its worker what the document says; has no rows for a failure unless asked to."""

    name: ClassVar[str] = "fault"
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "document"
    reads: ClassVar[tuple[str, ...]] = ("files",)
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables):
        file = tables["files"].to_pylist()[0]
        how = file["content"].decode()
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "loop":
            while True:
                pass
        if how == "swell":
            hoard = []
            while True:
                hoard.append(b"x" * 2**22)
        if how == "raise":
            raise ValueError("a bad page")
        return {"scores": _score(file["id"], 1.0, self.name)}


@dataclass(frozen=True)
class FaultWithRows(Fault):
    """The same, with rows for a failure."""

    def failed(self, tables, reason, detail):
        return {"scores": _score(tables["files"]["id"][0].as_py(), -1.0, self.name)}


def _score(document, value, stage):
    row = {"subject": document, "document": document, "name": "fault", "value": value}
    row |= {"stage": stage, "scorer": "fault-1"}
    return pa.Table.from_pylist([row], schema=SCHEMAS["scores"])


@dataclass(frozen=True)
class Count:
    """Scores each document with the number of its bytes; leaves a mark for each call."""

    marks: str
    pause: float = 0.0
    name: ClassVar[str] = "count"
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "document"
    reads: ClassVar[tuple[str, ...]] = ("files",)
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables):
        file = tables["files"].to_pylist()[0]
        time.sleep(self.pause)
        if file["content"] == b"die":
            os._exit(3)
        Path(self.marks, f"{file['id']}-{os.getpid()}").touch()
        return {"scores": self._row(file["id"], float(len(file["content"])))}

    def failed(self, tables, reason, detail):
        return {"scores": self._row(tables["files"]["id"][0].as_py(), -1.0)}

    def _row(self, document, value):
        row = {"subject": document, "document": document, "name": "bytes", "value": value}
        row |= {"stage": self.name, "scorer": "count-1"}
        return pa.Table.from_pylist([row], schema=SCHEMAS["scores"])
