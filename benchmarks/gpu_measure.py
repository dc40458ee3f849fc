"""What the benchmarks of a GPU share: the device or a way out, time and memory of a function.

Without CUDA they end with exit code 2 and one line; with ``--tiny`` small shapes go through the
same code on whatever there is, so that it is known to run. Figures of that mean nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

import torch


def device_or_exit(script: str, tiny: bool) -> torch.device:
    """Return the CUDA device; without one the processor for ``tiny``, else exit with 2."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if tiny:
        return torch.device("cpu")
    print(
        f"{script}: needs a CUDA device and torch built for it; --tiny runs small shapes without",
        file=sys.stderr,
    )
    raise SystemExit(2)


def describe(device: torch.device) -> dict[str, str]:
    """Return what figures were measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    return {"device": name, "torch": torch.__version__}


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(
    sides: Mapping[str, Callable[[], object]], device: torch.device, rounds: int
) -> dict[str, float]:
    """Return the median time of each side, a warm call before, the sides in turn."""
    for run in sides.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            wait(device)
            began = time.perf_counter()
            run()
            wait(device)
            times[name].append(time.perf_counter() - began)
    return {name: median(each) for name, each in times.items()}


def peak_bytes(run: Callable[[], object], device: torch.device) -> int:
    """Return how much more memory of the device was in use at the worst moment than before."""
    if device.type != "cuda":
        run()
        return 0
    forget_peak(device)
    before = torch.cuda.memory_allocated(device)
    run()
    wait(device)
    return int(torch.cuda.max_memory_allocated(device)) - before


def forget_peak(device: torch.device) -> None:
    """Let the peak of memory begin anew."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
