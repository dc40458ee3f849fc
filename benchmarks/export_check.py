"""Trainer, reloaded folder, merged adapter, engine, transformers and PEFT: the same model?

Random models of every family that takes adapters, each with a random adapter that changes what it
says. `largest_gap`: the largest difference, in nats a token, between the trainer's model (base with
its adapter beside it) and each of: the merged folder read anew by us, by the engine through its
cache, by `transformers`; the adapter in PEFT, unmerged and merged. `base_gap` says how far the base
is from the tuned model, so that zero would mean nothing. `refused` counts folders with one wrong
tensor that were refused by its name, out of `broken`. `bfloat16_gap`: the export rounded to
bfloat16 and computed in float32; the stated bound is 0.1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from harness import print_result
from model_families import DECODERS, VOCABULARY, make_decoder

from goldsmith.errors import ModelError
from goldsmith.evaluation import compare_export, require_equivalence
from goldsmith.evaluation.equivalence import log_probabilities
from goldsmith.models import Decoder, load_model, save_model
from goldsmith.project import ServeSettings
from goldsmith.training import load_adapter
from goldsmith.training.adapter_files import save_adapter, save_merged
from goldsmith.training.adapters import AdapterSpec, attach

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3")
RANK, ALPHA = 4, 8.0
SERVE = ServeSettings(batch=4, context=96)


class Numbers:
    """Stands for a tokenizer: the engine only wants texts to show."""

    bos = None

    def decode(self, ids: Any) -> str:
        return " ".join(map(str, ids))


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    draw = torch.Generator().manual_seed(5)
    prompts = [torch.randint(3, VOCABULARY, (n,), generator=draw).tolist() for n in (5, 23, 60)]
    gaps: dict[str, float] = {}
    base_gap, refused, broken, configs = float("inf"), 0, 0, 0
    for family in FAMILIES:
        for number in range(len(DECODERS[family][1])):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                found = one(family, number, folder, prompts)
                print(family, number, found, flush=True)
                base_gap = min(base_gap, found.pop("base"))
                for what, gap in found.items():
                    gaps[what] = max(gaps.get(what, 0.0), gap)
                broken += 1
                refused += is_refused(folder, prompts)
                configs += 1
    rounded = gaps.pop("bfloat16")
    print_result(
        "export_check",
        {
            "largest_gap": max(gaps.values()),
            "gaps": gaps,
            "base_gap": base_gap,
            "bfloat16_gap": rounded,
            "refused": refused,
            "broken": broken,
            "families": len(FAMILIES),
            "configs": configs,
        },
    )


def one(family: str, number: int, folder: Path, prompts: list[list[int]]) -> dict[str, float]:
    """Export one model and return the gap of each way to compute it."""
    make_decoder(family, number).save_pretrained(folder / "base")
    model = load_model(folder / "base")
    attach(model, AdapterSpec(RANK, ALPHA), seed=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    save_adapter(model, folder / "adapter", "../base")
    save_merged(model, folder / "merged", None)

    trained = tuned(folder)
    wanted = [log_probabilities(trained, ids) for ids in prompts]
    found = compare_export(trained, folder / "merged", Numbers(), prompts, SERVE)
    require_equivalence(found, folder / "merged")
    rounded = load_model(folder / "merged").to(torch.bfloat16).to(torch.float32)
    auto = transformers.AutoModelForCausalLM
    adapter = peft.PeftModel.from_pretrained(
        auto.from_pretrained(folder / "base"), folder / "adapter"
    )
    gaps = {
        "export": found.gaps["export"],
        "engine": found.gaps["engine"],
        "transformers": gap(wanted, auto.from_pretrained(folder / "merged").eval(), prompts),
        "peft": gap(wanted, adapter.eval(), prompts),
        "bfloat16": _apart(wanted, [log_probabilities(rounded, ids) for ids in prompts]),
    }
    base = load_model(folder / "base")
    gaps["base"] = _apart(wanted, [log_probabilities(base, ids) for ids in prompts])
    gaps["peft_merged"] = gap(wanted, adapter.merge_and_unload().eval(), prompts)
    return gaps


def tuned(folder: Path) -> Decoder:
    """Return the base with its adapter beside it, as it was trained."""
    model = load_model(folder / "base")
    load_adapter(model, folder / "adapter")
    return model


def is_refused(folder: Path, prompts: list[list[int]]) -> bool:
    """Whether an export with one wrong tensor is refused, and that tensor named."""
    model = load_model(folder / "merged")
    with torch.no_grad():
        model.layers[1].feed_forward.down.weight[0] *= -1.5
    save_model(model, folder / "merged")
    found = compare_export(tuned(folder), folder / "merged", Numbers(), prompts, SERVE)
    try:
        require_equivalence(found, folder / "merged")
    except ModelError as error:
        return "'layers.1.feed_forward.down.weight'" in str(error)
    return False


def gap(wanted: list[list[float]], theirs: Any, prompts: list[list[int]]) -> float:
    """Return how far apart a transformers model is, in nats a token."""
    values = []
    for ids in prompts:
        tokens = torch.tensor([ids])
        with torch.inference_mode():
            chosen = theirs(tokens).logits[0, :-1].float().log_softmax(-1)
        values.append(chosen.gather(1, tokens[0, 1:, None])[:, 0].tolist())
    return _apart(wanted, values)


def _apart(one: list[list[float]], other: list[list[float]]) -> float:
    return max(
        abs(left - right)
        for ours, theirs in zip(one, other, strict=True)
        for left, right in zip(ours, theirs, strict=True)
    )


if __name__ == "__main__":
    main()
