"""Kill `goldsmith run` at random moments and rerun it: do the same bytes come out?

Three workspaces: one undisturbed with two workers, one undisturbed with one worker, and one that is
killed with SIGKILL (the whole process group) at random moments and started again until it is done
(where it is done before all kills are, a random part of its results is deleted and it goes on).
Compared are a digest of every data table's rows in order and the SHA-256 of every file of the
tokenizer, shards, datasets, models and checkpoints. Table files and commit times differ and are not
compared; neither are the logs (`runs`, `answers`, `labels`). Nothing may be in quarantine at last:
a killed run is no fault of a document.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import HANDBOOK, environment, goldsmith, print_result

from goldsmith.lake import Lake, table_digest
from goldsmith.lake.schemas import LOGS, SCHEMAS
from goldsmith.pipeline import read_quarantine
from goldsmith.pipeline.artifact import file_digest
from goldsmith.project import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HANDBOOK)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        roots = {name: Path(temporary, name) for name in ("two", "one", "killed")}

        def command(name: str, workers: int) -> list[str]:
            settings = [f"workers={workers}", *options.overrides]
            extra = [part for setting in settings for part in ("--set", setting)]
            return goldsmith("run", options.folder, "--workspace", roots[name], *extra)

        started = time.monotonic()
        run_to_end(command("two", 2))
        whole = time.monotonic() - started
        run_to_end(command("one", 1))
        kills = run_with_kills(command("killed", 2), options.kills, whole, options.seed)
        states = {name: state(root) for name, root in roots.items()}
        held = sum(len(read_quarantine(Workspace(root).quarantine)) for root in roots.values())
    differing = {
        name: sorted(
            key
            for key in states["two"].keys() | states[name].keys()
            if states["two"].get(key) != states[name].get(key)
        )
        for name in ("killed", "one")
    }
    print_result(
        "crash",
        {
            "kills": kills,
            "identical": not differing["killed"],
            "identical_workers": not differing["one"],
            "quarantined": held,
            "compared": len(states["two"]),
            "differing": differing,
            "undisturbed_seconds": round(whole, 1),
        },
    )


def run_to_end(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())


def run_with_kills(command: list[str], kills: int, whole: float, seed: int) -> int:
    """Kill the command ``kills`` times, each after up to two fifths of the length of a whole run.

    Long enough for a page of OCR to be finished now and then, so that all stages get their share.
    """
    moments = random.Random(seed)
    done = 0
    while done < kills:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env=environment(), start_new_session=True
        )
        try:
            process.wait(timeout=moments.uniform(0.3, 0.4 * whole))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
            print(f"kill {done} during {last_stage(command)}", flush=True)
        else:
            if process.returncode:
                raise SystemExit(f"the run itself failed with exit code {process.returncode}")
            print(f"done after {done} kills; starting over from the model on", flush=True)
            forget_a_part(Path(command[command.index("--workspace") + 1]), moments)
    run_to_end(command)
    return done


def last_stage(command: list[str]) -> str:
    """Name the stage that was finished last, to see that kills are spread over the run."""
    space = Workspace(Path(command[command.index("--workspace") + 1]))
    runs = Lake(space.lake).read("runs", ["started", "id", "stage"])["stage"].to_pylist()
    return f"what follows {runs[-1]}" if runs else "extract"


def forget_a_part(root: Path, moments: random.Random) -> None:
    """Undo a random late step of a finished run, so that there is something left to kill."""
    space = Workspace(root)
    tables = [space.lake / name for name in SCHEMAS if name not in (*LOGS, "models")]
    choices = [space.index, space.models, space.shards, space.staging, moments.choice(tables)]
    chosen = moments.choice(choices)
    shutil.rmtree(chosen, ignore_errors=True)
    # Checkpoints of a model that stands are not made again, so they go with the models alone.
    if chosen == space.models and moments.random() < 0.5:
        shutil.rmtree(space.checkpoints, ignore_errors=True)


def state(root: Path) -> dict[str, str]:
    """Everything that must be the same, by name."""
    space = Workspace(root)
    lake = Lake(space.lake)
    values = {
        f"table {name}": table_digest(lake.read(name)) for name in SCHEMAS if name not in LOGS
    }
    folders = (space.tokenizer, space.shards, space.datasets, space.models, space.checkpoints)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                values[path.relative_to(root).as_posix()] = file_digest(path)
    return values


if __name__ == "__main__":
    main()
