"""`goldsmith status`: what is running, what there is, what failed and why, and what to run next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.pipeline import Quarantined, State

_QUIET_SECONDS = 60.0  # without a sign of life from a step that has no units


def status(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Tell what is running or stuck, what failed and why, and what to run next."""
    from collections import Counter

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.cli.summaries import ledger_line, ledger_values
    from goldsmith.lake import take_stock
    from goldsmith.pipeline import read_quarantine, read_state

    project = projects.reopen(workspace)
    lake = project.lake
    documents = lake.read("documents").to_pylist()
    uris = {row["id"]: row["uri"] for row in reversed(documents)}
    state = read_state(project.workspace.state)
    running = _running_values(state, uris) if state else None
    held = read_quarantine(project.workspace.quarantine)
    states = Counter(row["status"] for row in documents)
    last: dict[str, dict[str, object]] = {}
    for run in lake.read("runs", ["stage", "started", "seconds"]).to_pylist():
        last[run["stage"]] = {"started": str(run["started"]), "seconds": run["seconds"]}
    lines = [f"source     {project.folder}"]
    lines += _running_lines(running, project) if running else []
    lines.append("documents  " + (", ".join(f"{states[s]} {s}" for s in sorted(states)) or "none"))
    lines += [
        f"  {row['status']:<9} {row['uri']}: {row['reason']}"
        + (f": {row['detail']}" if row["detail"] else "")
        for row in documents
        if row["status"] != "ok"
    ]
    lines += _quarantine_lines(held, uris, f"{project.folder} --workspace {workspace}")
    accounts: dict[str, object] = {}
    if lake.exists("chunks") and not (running and running["alive"]):
        ledger = take_stock(lake)
        accounts = ledger_values(ledger)
        lines.append(ledger_line(ledger))
        lines += [
            f"  {account.uri}: nothing kept of {account.input:,} characters; "
            f"goldsmith why {account.document}"
            for account in ledger.accounts
            if account.input and not account.kept and not account.merged
        ]
    labels = _labels(project)
    if labels["given"]:
        decision = labels["decision"]
        said = decision["reason"] if decision else "not learned from yet: goldsmith label --fit"
        lines.append(f"labels     {labels['given']}, {labels['garbage']} garbage; {said}")
    lines += [
        f"{stage:<12} {run['seconds']:.1f} s  {run['started']}" for stage, run in last.items()
    ]
    space = project.workspace
    made = {
        name: path.exists()
        for name, path in (
            ("tokenizer", space.tokenizer),
            ("shards", space.shards),
            ("datasets", space.datasets),
            ("model", space.models / "merged"),
            ("index", space.index),
            ("report", space.report),
        )
    }
    missing = [name for name, there in made.items() if not there]
    lines.append("made       " + (", ".join(n for n, there in made.items() if there) or "nothing"))
    if missing and not (running and running["alive"]):
        lines.append(f"next: goldsmith run {project.folder} --workspace {workspace}")
    values = {
        "source": str(project.folder),
        "running": running,
        "documents": documents,
        "quarantine": [vars(one) for one in held.values()],
        "labels": labels,
        "runs": last,
    }
    show(values | {"ledger": accounts, "made": made}, as_json, lines)


def _running_values(state: State, uris: dict[str, str]) -> dict[str, Any]:
    """The state with what can be seen of its workers now."""
    now = time.time()
    return {
        "alive": state.alive,
        "process": state.process,
        "task": state.task,
        "done": state.done,
        "total": state.total,
        "unit": state.unit,
        "seconds": round(now - state.since, 1),
        "quiet_seconds": round(now - state.written, 1),
        "figures": state.figures,
        "in_hand": [
            {
                "document": unit.name,
                "uri": unit.uri or uris.get(unit.name),
                "worker": unit.worker,
                "seconds": round((now if state.alive else state.written) - unit.since, 1),
                "megabytes": _megabytes(unit.worker) if state.alive else None,
            }
            for unit in state.units
        ],
    }


def _megabytes(process: int) -> int | None:
    import psutil

    try:
        return int(psutil.Process(process).memory_info().rss / 2**20)
    except psutil.Error:
        return None


def _running_lines(running: dict[str, Any], project: Project) -> list[str]:
    limits = project.settings.extract
    of = f" of {running['total']:,}" if running["total"] else ""
    done = f", {running['done']:,}{of} {running['unit']}" if running["done"] or of else ""
    task = running["task"] or "between two stages"
    figures = "".join(
        f", {name.replace('_', ' ')} {value if isinstance(value, str) else f'{value:.3g}'}"
        for name, value in running["figures"].items()
    )
    if not running["alive"]:
        lines = [
            f"stopped    in {task}{done}: its process {running['process']} is gone; "
            "run the same command again to go on where it was"
        ]
    else:
        lines = [
            f"running    {task}{done}{figures}, for {_duration(running['seconds'])} "
            f"(process {running['process']})"
        ]
        if not running["in_hand"] and running["quiet_seconds"] > _QUIET_SECONDS:
            lines.append(f"  no sign of progress for {_duration(running['quiet_seconds'])}")
    for unit in running["in_hand"]:
        name = f"{unit['uri']} ({unit['document']})" if unit["uri"] else unit["document"]
        verb = "in hand" if running["alive"] else "was in hand"
        memory = (
            ""
            if unit["megabytes"] is None
            else f"; {unit['megabytes']:,} of {limits.megabytes_per_worker:,} MB"
        )
        lines.append(
            f"  {verb} {name}: {_duration(unit['seconds'])} of "
            f"{_duration(limits.seconds_per_document)}{memory} (worker {unit['worker']})"
        )
    return lines


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s"


def _quarantine_lines(
    held: dict[str, Quarantined], uris: dict[str, str], arguments: str
) -> list[str]:
    if not held:
        return []
    lines = [f"quarantine {len(held)}, not tried again until told:"]
    for one in held.values():
        state = "" if one.key else " (to be tried again by the next run)"
        name = uris.get(one.document, one.document)
        lines.append(f"  {name}: {one.cause} in {one.stage}: {one.detail}{state}")
    return [*lines, f"  try them again: goldsmith run {arguments} --retry"]


def _labels(project: Project) -> dict[str, Any]:
    from dataclasses import asdict

    from goldsmith.cli.reviewing import in_force
    from goldsmith.review import current_labels

    labels = current_labels(project.lake)
    decision = in_force(project)
    return {
        "given": sum(label.answer != "skip" for label in labels.values()),
        "garbage": sum(label.garbage for label in labels.values()),
        "decision": asdict(decision) if decision else None,
    }
