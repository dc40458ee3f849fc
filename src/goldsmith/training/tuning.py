"""An adapter on a frozen base: loss on answers only, the best held-out step kept.

What may be trained on is the batches' business: a target of -100 carries no loss, so questions and
context are read but not learned. Two folders come out: the adapter alone, and the base with the
adapter merged in (a prompt: lying in it), ready to serve.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from goldsmith.errors import ModelError
from goldsmith.models import ModelConfig, load_model, local_folder
from goldsmith.pipeline.artifact import building, fingerprint
from goldsmith.pipeline.progress import Progress
from goldsmith.project import TrainSettings
from goldsmith.tokenizers import load
from goldsmith.training.adapter_files import PROMPT, save_adapter, save_merged
from goldsmith.training.adapters import PromptSpec, attach, attach_prompt, hold_in_four_bits
from goldsmith.training.batches import Batches
from goldsmith.training.checkpoint import METRICS
from goldsmith.training.device import PROCESSOR, training_device
from goldsmith.training.loop import Outcome, fit
from goldsmith.training.recipe import adapter_of, plan_of


def tune(
    batches: Batches,
    settings: TrainSettings,
    *,
    base: str | Path,
    folder: Path,
    merged: Path,
    checkpoints: Path,
    key: str,
    seed: int,
    progress: Progress,
) -> Outcome:
    """Tune ``base`` (a folder or hub name) into an adapter ``folder`` and a ``merged`` folder.

    key: fingerprint of the data, the base and these settings: it goes into both manifests, and a
    checkpoint made under another one is not resumed. Raises ModelError where the base cannot be
    read, has a prompt of its own, or a loss is not finite.
    """
    spec = adapter_of(settings)
    source = local_folder(base)
    model = load_model(source)
    if (source / PROMPT).is_dir():
        raise ModelError(f"{source}: has a prompt, which would be lost; tune the base it is for")
    if settings.quantize == "nf4":
        hold_in_four_bits(model)
    if isinstance(spec, PromptSpec):
        _check_room(model.config, spec, batches)
        ids = load(source).encode(spec.text) if spec.text else []
        attach_prompt(model, spec, seed, ids)
    else:
        attach(model, spec, seed)
    model.to(training_device())
    plan = plan_of("tune", settings, settings.tune_steps, settings.tune_learning_rate, 0.0)
    run_key = fingerprint(key, repr(spec), settings.quantize, seed)
    mark = fit(model, batches, plan, checkpoints, run_key, progress)
    model.to(PROCESSOR)
    # A relative path keeps the workspace movable; a hub name stays what it is.
    name = os.path.relpath(source, folder) if Path(base).is_dir() else str(base)
    with building(folder, key, best_step=mark.best_step, tokens=mark.tokens) as new:
        save_adapter(model, new, name)
        shutil.copyfile(checkpoints / METRICS, new / METRICS)
    with building(merged, key, best_step=mark.best_step) as new:
        save_merged(model, new, source)
    return Outcome(folder, mark.step, mark.tokens, mark.best_step or mark.step, mark.best_loss)


def _check_room(config: ModelConfig, spec: PromptSpec, batches: Batches) -> None:
    """Refuse a prompt with which texts would stand where no position was ever learned."""
    longest = int(batches.batch(0).tokens.shape[1])
    if config.positions == "learned" and spec.tokens + longest > config.context:
        raise ModelError(
            f"{spec.tokens} virtual tokens and rows of {longest} tokens do not fit into the "
            f"{config.context} positions of this model; lower train.prompt_tokens or "
            "dataset.sequence"
        )
