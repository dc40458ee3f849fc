"""Short accounts of what a step did, as lines for people and values for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.lake import Ledger


def ledger_line(ledger: Ledger) -> str:
    """One line: where every character went."""
    total = max(ledger.total("input"), 1)
    parts = [
        f"{name} {ledger.total(name):,} ({100 * ledger.total(name) / total:.1f} %)"
        for name in ("kept", "removed", "merged")
    ]
    state = "balanced" if ledger.balanced else "NOT BALANCED"
    return f"ledger: input {ledger.total('input'):,} characters = {' + '.join(parts)}; {state}"


def tiers(project: Project) -> dict[str, int]:
    """How many passages are of each tier, by their stored grade and the settings."""
    import pyarrow.compute as pc

    from goldsmith.refine import tier

    scores = project.lake.read("scores", ["subject", "name", "value"])
    scores = scores.filter(pc.equal(scores["name"], "grade"))
    counts = dict.fromkeys(("gold", "silver", "bronze"), 0)
    rows = zip(scores["subject"].to_pylist(), scores["value"].to_pylist(), strict=True)
    for subject, value in rows:
        if subject.startswith("p-"):
            counts[tier(value, project.settings.refine)] += 1
    return counts


def ledger_values(ledger: Ledger) -> dict[str, Any]:
    return {
        "balanced": ledger.balanced,
        "documents": [asdict(account) for account in ledger.accounts],
    } | {name: ledger.total(name) for name in ("input", "kept", "removed", "merged")}
