"""What every benchmark shares: a workspace, a command run and measured, the last line of JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
HANDBOOK = ROOT / "examples" / "handbook"
DATA = ROOT.parent / "shared" / "data"
INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
"""What decides how fast matrices are multiplied, best first."""


def goldsmith(*arguments: str | Path) -> list[str]:
    """Return the command line that runs goldsmith with the same interpreter as this script."""
    return [sys.executable, "-m", "goldsmith", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return this process's environment with every hub and download library set to offline."""
    return os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass(frozen=True)
class Measured:
    """A finished command: wall-clock seconds, peak resident MB of its whole tree, its output."""

    seconds: float
    peak_rss_mb: float
    output: str


def measure(command: list[str]) -> Measured:
    """Run a command to its end, watching the memory of its process tree."""
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    root = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, _resident(root))
        time.sleep(0.1)
    seconds = time.monotonic() - started
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return Measured(seconds, peak / 2**20, output)


def _resident(root: psutil.Process) -> int:
    total = 0
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue  # it ended while we were looking
    return total


def print_result(name: str, figures: dict[str, Any]) -> None:
    """Print the last line: what was measured, and on what."""
    machine = {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "processor": platform.processor() or platform.machine(),
        "instructions": _instructions(),
        "python": platform.python_version(),
    }
    print(json.dumps({"name": name, "figures": figures, "machine": machine}))


def _instructions() -> str:
    """Return the best of INSTRUCTIONS that the processor has, "" where none is known."""
    about = Path("/proc/cpuinfo")
    flags = set(about.read_text("utf-8").split()) if about.is_file() else set()
    return next((name for name in INSTRUCTIONS if name in flags), "")
