"""The kernels' numbers, in Triton's interpreter.

Triton decides at its import whether it interprets, so these tests run in a process of their own.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def started():
    """Both at once, for machines with two cores."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    running = {}
    for name in ("rows", "attention"):
        command = [sys.executable, "-m", "pytest", "-x", HERE / f"interpreted_{name}.py"]
        running[name] = subprocess.Popen(
            command,
            cwd=HERE.parent.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    yield running
    for process in running.values():
        process.kill()
        process.wait()


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed here")
@pytest.mark.parametrize("name", ["rows", "attention"])
def test_kernels_equal_float64(name, started):
    output, _ = started[name].communicate()
    assert started[name].returncode == 0, output[-8000:]
