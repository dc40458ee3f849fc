"""Training: from packed batches to a base model, and from answers to an adapter on it.

- `pretraining.pretrain`: a decoder from random weights -> a public model folder.
- `tuning.tune`: LoRA or a prompt on a frozen base, loss on answers only -> PEFT's format.
- `adapters.merge`: base + adapter -> a public model folder.
- `batches`: the contract of what is trained on: pure in the step, so that any step can be repeated.

Kill either at any moment and run it again: it goes on from its last checkpoint and ends with the
same bytes. The learned bytes depend on seed, settings, threads and the kind of processor, never on
the number of workers, on how often the job was killed, or on the time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.training.adapter_files import load_adapter as load_adapter
    from goldsmith.training.adapter_files import load_tuned as load_tuned
    from goldsmith.training.adapters import AdapterSpec as AdapterSpec
    from goldsmith.training.adapters import PromptSpec as PromptSpec
    from goldsmith.training.adapters import merge as merge
    from goldsmith.training.batches import Batch as Batch
    from goldsmith.training.batches import Batches as Batches
    from goldsmith.training.cost import estimate as estimate
    from goldsmith.training.cost import matmul_rate as matmul_rate
    from goldsmith.training.device import training_device as training_device
    from goldsmith.training.loop import Outcome as Outcome
    from goldsmith.training.loop import compute_precision as compute_precision
    from goldsmith.training.pretraining import pretrain as pretrain
    from goldsmith.training.recipe import Plan as Plan
    from goldsmith.training.recipe import adapter_of as adapter_of
    from goldsmith.training.recipe import plan_of as plan_of
    from goldsmith.training.tuning import tune as tune

_PLACES = {
    "Batch": "batches",
    "Batches": "batches",
    "Outcome": "loop",
    "Plan": "recipe",
    "AdapterSpec": "adapters",
    "PromptSpec": "adapters",
    "load_tuned": "adapter_files",
    "adapter_of": "recipe",
    "load_adapter": "adapter_files",
    "compute_precision": "loop",
    "estimate": "cost",
    "matmul_rate": "cost",
    "plan_of": "recipe",
    "merge": "adapters",
    "pretrain": "pretraining",
    "training_device": "device",
    "tune": "tuning",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"goldsmith.training has no '{name}'")
    return getattr(import_module(f"goldsmith.training.{_PLACES[name]}"), name)
