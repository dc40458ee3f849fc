"""Labels put to use: the classifier brought up to date, and the stage that stores its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import goldsmith
from goldsmith.cli.project import Project
from goldsmith.cli.recording import recorded

if TYPE_CHECKING:
    from goldsmith.review import Decision, Judge, Pool


def judge(project: Project) -> Judge:
    """Return the stage with the classifier in force, or with none where the heuristic decides."""
    from goldsmith.pipeline.artifact import file_digest
    from goldsmith.review import WEIGHTS, Judge

    learn(project)
    decision = in_force(project)
    weights = project.workspace.review / WEIGHTS
    if decision is None or not decision.accepted:
        return Judge()
    return Judge(file_digest(weights), str(weights))


def in_force(project: Project) -> Decision | None:
    """Return what was decided, as the settings let it stand; None where nothing was learned."""
    from dataclasses import replace

    from goldsmith.review import read_decision

    decision = read_decision(project.workspace.review)
    if decision is not None and decision.accepted and project.settings.refine.garbage != "auto":
        reason = f"refine.garbage is set to heuristic, although {decision.reason}"
        return replace(decision, accepted=False, reason=reason)
    return decision


def learn(project: Project, pool: Pool | None = None) -> None:
    """Learn from the labels there are, unless that is done; without any, forget what was learned.

    ``pool`` saves reading the passages again where that was done already.
    """
    import shutil

    from goldsmith import review
    from goldsmith.pipeline import fingerprint, is_current

    lake, space, settings = project.lake, project.workspace, project.settings
    labels = review.current_labels(lake)
    if not labels:
        shutil.rmtree(space.review, ignore_errors=True)  # what was learned of labels taken back
        return
    inputs = {name: lake.digest(name) for name in ("passages", "scores:screen")}
    inputs["labels"] = review.labels_digest(labels)
    about = (settings.refine.model_dump(mode="json", exclude={"known_duplicates"}), settings.seed)
    key = fingerprint("review", goldsmith.__version__, inputs, *about)
    if not is_current(space.review, key):
        project.progress.start("review", None, "labels")
        with recorded(project, "learn", key, settings.refine, inputs) as counts:
            learned = review.learn(
                pool
                or review.open_pool(lake, settings.refine, seed=settings.seed, labelled=labels),
                labels,
                settings.refine.maximum_garbage,
                seed=settings.seed,
                folder=space.review,
                key=key,
            )
            counts["labels"] = learned.decision.labels
        project.progress.finish()
