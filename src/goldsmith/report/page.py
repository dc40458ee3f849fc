"""Draw a Report as one HTML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from goldsmith.pipeline.artifact import write_atomically
from goldsmith.report import figures
from goldsmith.report.contents import Report


def write_report(report: Report, path: Path) -> None:
    """Write the whole report to ``path``, or nothing."""
    write_atomically(path, render(report))


def render(report: Report) -> str:
    """Return the report as HTML; all text from documents is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["grouped"] = lambda number: f"{number:,}"
    losses = [(reason.stage, reason.rule, reason.characters) for reason in report.reasons]
    order = {"clean": 0, "cut": 1, "deduplicate": 2, "forget": 3}
    losses.sort(key=lambda loss: (order[loss[0]], -loss[2]))
    return environment.get_template("report.html.jinja").render(
        report=report,
        flow=figures.flow(report.total("input") - _copies(report), losses),
        curves=[(curve, figures.curves(curve)) for curve in report.curves],
        label_curve=figures.label_curves(report.review.curve, report.review.f1_heuristic)
        if report.review
        else "",
        interval=figures.interval,
        shares=figures.shares,
    )


def _copies(report: Report) -> int:
    """Characters of byte-identical copies: counted in the ledger, never read as lines."""
    copies = {row["uri"] for row in report.failures if row["status"] == "duplicate"}
    return sum(account.input for account in report.accounts if account.uri in copies)


def _template(name: str) -> str:
    return (resources.files("goldsmith.report") / name).read_text("utf-8")
