"""Answers over the handbook's evaluation half: are they found, cited right, and refused when due?

    python benchmarks/handbook_answers.py [--workspace DIR] [--questions FILE]

DIR is the workspace of a finished ``goldsmith run`` of examples/handbook; without it the run is
made first, in a temporary folder. The evaluation half of the questions is asked; nothing was fitted
on it. A citation is right when it names the question's passage or another place listed for it;
``citation_page_precision_first`` counts the question's own passage alone. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from goldsmith.evaluation import evaluate_answers, read_questions
from goldsmith.project import Workspace
from goldsmith.retrieval import Index

HANDBOOK = Path(__file__).resolve().parents[1] / "examples" / "handbook"
BARS = {
    "hit_rate_5": (0.9, 1.0),
    "citation_page_precision": (0.9, 1.0),
    "unanswerable_refused": (0.8, 1.0),
    "answerable_refused": (0.0, 0.1),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--questions", type=Path, default=HANDBOOK / "truth" / "questions.jsonl")
    parser.add_argument("--split", default="evaluate", choices=["evaluate", "train"])
    arguments = parser.parse_args()
    if arguments.workspace:
        return measure(arguments.workspace, arguments.questions, arguments.split)
    with tempfile.TemporaryDirectory() as folder:
        command = ["run", str(HANDBOOK), "--workspace", folder]
        start = "from goldsmith.cli import main; raise SystemExit(main())"
        subprocess.run([sys.executable, "-c", start, *command], check=True)
        return measure(Path(folder), arguments.questions, arguments.split)


def measure(workspace: Path, questions: Path, split: str) -> int:
    """Print the figures; return 1 when one of them misses its bar."""
    index = Index.open(Workspace(workspace).index)
    scores, rows = evaluate_answers(index, read_questions(questions, split))
    figures: dict[str, float | int] = {}
    missed = []
    for score in scores:
        print(
            f"{score.name:<30}{score.value:7.3f}  [{score.low:.3f}, {score.high:.3f}]  n={score.n}"
        )
        figures[score.name] = round(score.value, 4)
        figures[f"{score.name}_low"] = round(score.low, 4)
        figures[f"{score.name}_high"] = round(score.high, 4)
        figures[f"{score.name}_n"] = score.n
        low, high = BARS.get(score.name, (0.0, 1.0))
        if not low <= score.value <= high:
            missed.append(score.name)
    for row in rows:
        wrong = row["answerable_refused"] == 1.0 or row["unanswerable_refused"] == 0.0
        astray = row["answerable"] and row["right_citations"] < len(row["citations"])
        if wrong or astray:
            print(f"look at {row['id']}: support {row['support']:.2f}, {row['citations']}")
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "embedder": index.embedder.name,
    }
    print(json.dumps({"name": "handbook_answers", "figures": figures, "machine": machine}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
