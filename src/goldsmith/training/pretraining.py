"""A base model from random weights: next-token loss over packed batches, in a public folder.

The folder is whole or absent, carries the tokenizer's files and the metrics of the run, and holds
the weights with the lowest held-out loss, not the last ones: a small corpus is read several times
over, and the last epochs only learn it by heart.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tokenizers import Tokenizer

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, ModelConfig, save_model
from goldsmith.pipeline.artifact import building, fingerprint
from goldsmith.pipeline.progress import Progress
from goldsmith.project import ModelSettings, TrainSettings
from goldsmith.training.adapter_files import copy_tokenizer
from goldsmith.training.batches import Batches
from goldsmith.training.checkpoint import METRICS
from goldsmith.training.device import PROCESSOR, training_device
from goldsmith.training.loop import Outcome, fit
from goldsmith.training.recipe import plan_of


def pretrain(
    batches: Batches,
    model_settings: ModelSettings,
    settings: TrainSettings,
    *,
    tokenizer: Path,
    context: int,
    folder: Path,
    checkpoints: Path,
    key: str,
    seed: int,
    progress: Progress,
) -> Outcome:
    """Train a decoder and write it to ``folder``; go on from ``checkpoints`` where there are any.

    tokenizer: its folder (tokenizer.json). context: tokens in a batch row. key: fingerprint of the
    data, the tokenizer and these settings: it goes into the manifest of ``folder``, and a
    checkpoint made under another one is not resumed. Raises ModelError where the settings make no
    model or a loss is not finite.
    """
    config = model_config(model_settings, tokenizer, context)
    model = Decoder(config, seed).to(training_device())
    plan = plan_of(
        "pretrain", settings, settings.steps, settings.learning_rate, settings.weight_decay
    )
    mark = fit(model, batches, plan, checkpoints, fingerprint(key, repr(config), seed), progress)
    model.to(PROCESSOR)
    with building(folder, key, best_step=mark.best_step, tokens=mark.tokens) as new:
        save_model(model, new)
        copy_tokenizer(tokenizer, new)
        shutil.copyfile(checkpoints / METRICS, new / METRICS)
    return Outcome(folder, mark.step, mark.tokens, mark.best_step or mark.step, mark.best_loss)


def model_config(settings: ModelSettings, tokenizer: Path, context: int) -> ModelConfig:
    """Return the config of a new model over a tokenizer's vocabulary."""
    path = tokenizer / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{path}: tokenizer is missing; train it first")
    words = Tokenizer.from_file(str(path))
    if settings.width % settings.heads or (settings.width // settings.heads) % 2:
        raise ModelError(
            f"model.width {settings.width} does not divide into {settings.heads} heads of an even "
            "size; change model.width or model.heads"
        )
    end = words.token_to_id("<|eos|>")
    return ModelConfig(
        vocabulary=words.get_vocab_size(),
        width=settings.width,
        layers=settings.layers,
        heads=settings.heads,
        key_value_heads=settings.key_value_heads,
        head_dim=settings.width // settings.heads,
        hidden=settings.hidden,
        context=context,
        bos=words.token_to_id("<|bos|>"),
        eos=() if end is None else (end,),
        pad=words.token_to_id("<|pad|>"),
    )
