"""The benchmarks of a GPU run on small shapes without one, and otherwise say what they need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def run(script, *words):
    command = [sys.executable, BENCHMARKS / f"{script}.py", *words]
    return subprocess.run(command, capture_output=True, text=True)


def figures_of(script, *words):
    done = run(script, "--tiny", *words)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])["figures"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("script", ["gpu_kernels", "gpu_train"])
def test_without_cuda_one_line_says_what_is_missing(script):
    done = run(script)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "CUDA" in done.stderr
    assert not done.stdout


def test_small_kernels_agree_with_their_peers():
    figures = figures_of("gpu_kernels")
    assert figures["tiny"]
    assert figures["cross_entropy"]["slope_error"] < 0.02
    assert figures["cross_entropy"]["loss_error"] < 1e-3
    assert figures["attention"]["error_of_peers"] < 1.5
    assert set(figures["rows"]) == {"rms_norm", "rotate", "swiglu", "dequantize"}


def test_small_models_train_beside_the_peer():
    pytest.importorskip("bitsandbytes")
    figures = figures_of("gpu_train", "--rounds", "1", "--warm", "1", "--steps", "1")
    for side in ("ours", "peft", "pretraining"):
        assert figures[side]["tokens_per_second"] > 0
    assert figures["ratio_peft"] > 0
    assert figures["pretraining"]["utilisation"] > 0
