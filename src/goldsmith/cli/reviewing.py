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

    decision = learn(project)
    weights = project.workspace.review / WEIGHTS
    if decision is None or not decision.accepted or project.settings.refine.garbage != "auto":
        return Judge()
    return Judge(file_digest(weights), str(weights))


def learn(project: Project, pool: Pool | None = None) -> Decision | None:
    """Learn from the labels there are, unless that is done; None where there are none.

    ``pool`` saves reading the passages again where that was done already.
    """
    import shutil

    from goldsmith import review
    from goldsmith.pipeline import fingerprint, is_current

    lake, space, settings = project.lake, project.workspace, project.settings
    labels = review.current_labels(lake)
    if not labels:
        shutil.rmtree(space.review, ignore_errors=True)  # what was learned of labels taken back
        return None
    inputs = {name: lake.digest(name) for name in ("passages", "scores:screen")}
    inputs["labels"] = review.labels_digest(labels)
    about = (settings.refine.model_dump(mode="json"), settings.seed)
    key = fingerprint("review", goldsmith.__version__, inputs, *about)
    if not is_current(space.review, key):
        project.progress.start("review", None, "labels")
        with recorded(project, "learn", key, settings.refine, inputs) as counts:
            learned = review.learn(
                pool or review.open_pool(lake, settings.refine),
                labels,
                settings.refine.maximum_garbage,
                seed=settings.seed,
                folder=space.review,
                key=key,
            )
            counts["labels"] = learned.decision.labels
        project.progress.finish()
    return review.read_decision(space.review)
