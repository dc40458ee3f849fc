"""Scores that come from elsewhere than the refinery's stages, and what other cuts would move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from goldsmith.cli.project import Project
from goldsmith.errors import UserError

if TYPE_CHECKING:
    from goldsmith.refine import Moves

KINDS = ("base", "merged")  # models of the workspace that a user may name
_MADE_BY_STAGES = ("screen", "familiarity")
_MOST = 50.0  # nats a token; exp of more is no number one could use


def planned_moves(project: Project, saved: Project) -> Moves:
    """Return what the project's cuts would move, against what is stored.

    Raises UserError when nothing is scored yet, or when other settings than cuts differ from those
    of the ``saved`` project.
    """
    from goldsmith.refine import moves, without_cuts

    lake = project.lake
    if not (lake.exists("scores") and lake.exists("rejects") and lake.exists("chunks")):
        raise UserError(
            f"{project.workspace.root}: nothing is scored yet; run `goldsmith refine` first"
        )
    now, before = (without_cuts(one.settings.refine).model_dump() for one in (project, saved))
    changed = [name for name in now if now[name] != before[name]]
    if changed:
        raise UserError(
            f"--recut moves cuts only, and refine.{changed[0]} is not one; "
            "run `goldsmith refine` without --recut to change it"
        )
    passages, scores, rejects = map(lake.read, ("passages", "scores", "rejects:cut"))
    return moves(passages, scores, rejects, project.settings.refine)


def store_perplexity(project: Project, model: str) -> int:
    """Score every passage with sentences by a model; return how many have a perplexity now.

    ``model`` is "base" or "merged" of this workspace, or a model folder. Rows of ``scores`` called
    "perplexity" take the place of those of an earlier model. Raises UserError when there are no
    passages or no such model.
    """
    from goldsmith.refine import classifier_scores
    from goldsmith.tokenizers import load
    from goldsmith.training import load_tuned

    lake = project.lake
    if not lake.exists("passages"):
        raise UserError(
            f"{project.workspace.root}: there are no passages yet; run `goldsmith refine` first"
        )
    folder = project.workspace.models / model if model in KINDS else Path(model)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such model; run `goldsmith train` first, or name a model folder"
        )
    decoder, tokenizer = load_tuned(folder), load(folder)
    context = min(project.settings.dataset.sequence, decoder.config.context)

    def perplexities(texts: Sequence[str]) -> list[float]:
        from goldsmith.evaluation import likelihoods

        sums = likelihoods(decoder, tokenizer, texts, context)
        return [
            math.exp(min(_MOST, one.nll / one.tokens)) if one.tokens else math.nan for one in sums
        ]

    scorer = f"model:{model if model in KINDS else 'folder'}"
    rows = classifier_scores(lake.read("passages"), "perplexity", scorer, perplexities)
    lake.replace("scores", rows, "perplexity")
    return int(rows.num_rows)


def drop_stale_scores(project: Project) -> None:
    """Drop scores from elsewhere whose passages are gone, so that nothing forgotten stays."""
    import pyarrow.compute as pc

    lake = project.lake
    if not lake.exists("scores"):
        return
    stages = pc.unique(lake.read("scores", ["stage"])["stage"]).to_pylist()
    for stage in sorted(set(stages) - set(_MADE_BY_STAGES)):
        rows = lake.read(f"scores:{stage}")
        alive = lake.read("passages", ["id"])["id"]
        lake.replace("scores", rows.filter(pc.is_in(rows["subject"], value_set=alive)), stage)
