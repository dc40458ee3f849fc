"""`goldsmith status`: what there is, what failed and why, and what to run next."""

from __future__ import annotations

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def status(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Tell what has been done, what failed and why, and what to run next."""
    from collections import Counter

    from goldsmith.cli import project as projects
    from goldsmith.cli.console import show
    from goldsmith.cli.summaries import ledger_line, ledger_values
    from goldsmith.lake import take_stock

    project = projects.reopen(workspace)
    lake = project.lake
    documents = lake.read("documents").to_pylist()
    states = Counter(row["status"] for row in documents)
    last: dict[str, dict[str, object]] = {}
    for run in lake.read("runs", ["stage", "started", "seconds"]).to_pylist():
        last[run["stage"]] = {"started": str(run["started"]), "seconds": run["seconds"]}
    lines = [
        f"source     {project.folder}",
        "documents  " + ", ".join(f"{states[s]} {s}" for s in sorted(states)),
    ]
    lines += [
        f"  {row['status']:<9} {row['uri']}: {row['reason']}"
        + (f": {row['detail']}" if row["detail"] else "")
        for row in documents
        if row["status"] != "ok"
    ]
    accounts: dict[str, object] = {}
    if lake.exists("chunks"):
        ledger = take_stock(lake)
        accounts = ledger_values(ledger)
        lines.append(ledger_line(ledger))
        lines += [
            f"  {account.uri}: nothing kept of {account.input:,} characters; "
            f"goldsmith why {account.document}"
            for account in ledger.accounts
            if account.input and not account.kept and not account.merged
        ]
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
    if missing:
        lines.append(f"next: goldsmith run {project.folder} --workspace {workspace}")
    values = {"source": str(project.folder), "documents": documents, "runs": last}
    show(values | {"ledger": accounts, "made": made}, as_json, lines)
