"""SIGKILL at random moments of a training run, again and again: are the final weights the same?

A small decoder is trained in a process of its own, killed after random times until enough kills
have struck, and run to its end; every byte of the result is compared with a run in one go. Done for
each optimizer, with a running mean and two loader threads, in bfloat16 and float32.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from harness import print_result
from invariance import BASE, PLAN, Texts
from safetensors.torch import save_file

from goldsmith.models import Decoder
from goldsmith.pipeline import Silent
from goldsmith.training.loop import fit

SETTINGS: list[dict[str, Any]] = [
    {"optimizer": "adamw", "precision": "bfloat16", "loaders": 2},
    {"optimizer": "adamw8bit", "precision": "float32", "ema": 0.9, "keep": 2},
    {"optimizer": "muon", "precision": "bfloat16", "micro_batch": 3, "schedule": "wsd"},
]
STEPS = 250


def child(number: int, folder: Path) -> None:
    from dataclasses import replace

    torch.set_num_threads(1)
    plan = replace(PLAN, steps=STEPS, evaluate_every=20, checkpoint_every=5, **SETTINGS[number])
    model = Decoder(BASE, seed=1)

    class Seen(Silent):
        def advance(self, amount: int = 1, **figures: float | str) -> None:
            print(amount, flush=True)

    fit(model, Texts(number), plan, folder, "key", Seen())
    save_file({n: p.detach() for n, p in model.named_parameters()}, folder / "final.safetensors")


def start(number: int, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--child", str(number), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def killed(number: int, folder: Path, chance: random.Random) -> bool:
    """Run, and kill a random time after a random number of steps; whether the kill struck."""
    process = start(number, folder)
    assert process.stdout is not None
    for _ in range(chance.randint(2, 40)):
        if not process.stdout.readline():
            break
    time.sleep(chance.random() * 0.02)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5, help="for each kind of run")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        return child(int(options.child[0]), Path(options.child[1]))
    kills, identical = 0, True
    for number, setting in enumerate(SETTINGS):
        chance = random.Random(number)
        with tempfile.TemporaryDirectory() as scratch:
            whole, broken = Path(scratch) / "whole", Path(scratch) / "broken"
            process = start(number, whole)
            process.communicate()
            here = 0
            while here < options.kills and not (broken / "final.safetensors").exists():
                here += killed(number, broken, chance)
            process = start(number, broken)
            process.communicate()
            for name in ("final.safetensors", "metrics.jsonl"):
                same = (whole / name).read_bytes() == (broken / name).read_bytes()
                identical &= same and process.returncode == 0
        kills += here
        print(setting, here, identical, flush=True)
    print_result("train_resume", {"kills": kills, "identical": identical})
    return None


if __name__ == "__main__":
    main()
