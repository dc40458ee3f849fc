"""Training: from packed batches to a base model, and from answers to an adapter on it.

- `pretraining.pretrain`: a decoder from random weights -> a public model folder.
- `tuning.tune`: LoRA, biases or a prompt on a frozen base, loss on answers -> PEFT's format.
- `adapters.merge`: base + adapter -> a public model folder.
- `batches`: the contract of what is trained on: pure in the step, so that any step can be repeated.

Kill either at any moment and run it again: it goes on from its last checkpoint and ends with the
same bytes. The learned bytes depend on seed, settings, threads and the kind of processor, never on
the number of workers, on how often the job was killed, or on the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldsmith import front_door

if TYPE_CHECKING:
    from goldsmith.training.adapter_files import load_adapter, load_tuned
    from goldsmith.training.adapters import AdapterSpec, PromptSpec, adapter_size, merge
    from goldsmith.training.batches import Batches
    from goldsmith.training.cost import estimate, matmul_rate
    from goldsmith.training.device import training_device
    from goldsmith.training.loop import Outcome, compute_precision
    from goldsmith.training.pretraining import pretrain
    from goldsmith.training.recipe import Plan, adapter_of, plan_of
    from goldsmith.training.tuning import tune

_PLACES = {
    "adapter_files": ("load_adapter", "load_tuned"),
    "adapters": ("AdapterSpec", "adapter_size", "merge", "PromptSpec"),
    "batches": ("Batches",),
    "cost": ("estimate", "matmul_rate"),
    "device": ("training_device",),
    "loop": ("compute_precision", "Outcome"),
    "pretraining": ("pretrain",),
    "recipe": ("adapter_of", "Plan", "plan_of"),
    "tuning": ("tune",),
}
__getattr__ = front_door(__name__, _PLACES)
