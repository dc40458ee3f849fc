"""Is what is served what was trained? Log-probabilities of tokens, and the tensor that differs.

The trained model (the base with its adapter beside it), the exported folder read anew, and the
engine with its cache all give a log-probability to the same tokens: those of the prompts and those
that the engine answers, taken greedily. Where they differ by more than a bound, the tensors of the
export are compared with the trained ones, and the first that is another is named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goldsmith.errors import ModelError, UserError
from goldsmith.project import ServeSettings

if TYPE_CHECKING:
    from goldsmith.models import Decoder
    from goldsmith.tokenizers import Tokenizer

#: Nats a token that float32 may differ by; rounding comes to a hundredth of it.
BOUND = 1e-3
_ANSWERED = 16  # tokens


@dataclass(frozen=True)
class Equivalence:
    """What was compared and how far apart it was. Gaps are in nats, the largest over all tokens."""

    prompts: int
    tokens: int
    gaps: dict[str, float]
    """"export" and "engine", each against the trained model."""
    bound: float
    tensor: str | None
    """The first tensor of the export, by our names in their order, that is not the trained one."""

    @property
    def holds(self) -> bool:
        """Whether every gap is within the bound (NaN is not) and no tensor differs."""
        return self.tensor is None and all(gap <= self.bound for gap in self.gaps.values())


def compare_export(
    trained: Decoder,
    folder: Path,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    settings: ServeSettings,
    bound: float = BOUND,
) -> Equivalence:
    """Compare a trained model with the folder that was exported of it.

    ``trained`` may carry adapters; they are merged into it here. Prompts are token ids; one that is
    too long for the context loses its beginning. Raises UserError without a prompt, ModelError
    where the folder cannot be read.
    """
    from goldsmith.engine import Engine, Request
    from goldsmith.training import load_tuned

    exported = load_tuned(folder)
    with Engine(exported, tokenizer, settings) as engine:
        room = engine.context - _ANSWERED
        shown = [tuple(prompt[-room:]) for prompt in prompts if prompt]
        if not shown:
            raise UserError("there is no prompt to compare models on; give at least one")
        answers = engine.generate(
            Request(
                prompt=prompt,
                maximum_tokens=_ANSWERED,
                temperature=0.0,
                stop_ids=frozenset(),
                logprobs=0,
            )
            for prompt in shown
        )
    broken = next((answer.message for answer in answers if answer.finish == "error"), None)
    if broken is not None:
        raise ModelError(f"{folder}: the engine cannot answer with it ({broken}); train it again")
    gaps = {"export": 0.0, "engine": 0.0}
    tokens = 0
    for prompt, answer in zip(shown, answers, strict=True):
        ids = [*prompt, *answer.tokens]
        wanted, read = log_probabilities(trained, ids), log_probabilities(exported, ids)
        said = [each.logprob for each in answer.logprobs]
        gaps["export"] = _larger(gaps["export"], wanted, read)
        gaps["engine"] = _larger(gaps["engine"], wanted[-len(said) :], said)
        tokens += len(wanted)
    return Equivalence(len(shown), tokens, gaps, bound, first_difference(trained, exported, bound))


def require_equivalence(found: Equivalence, folder: Path) -> None:
    """Raise ModelError, naming what differs first, where an export is not what was trained."""
    if found.holds:
        return
    worst = max(found.gaps, key=lambda name: (math.isnan(found.gaps[name]), found.gaps[name]))
    first = (
        f"the first tensor that differs is '{found.tensor}'"
        if found.tensor is not None
        else "no tensor differs, so it is computed otherwise"
    )
    raise ModelError(
        f"{folder}: is not what was trained: {first}; log-probabilities of the {worst} are "
        f"{found.gaps[worst]:.3g} nats apart, the bound is {found.bound:g}; train it again"
    )


def log_probabilities(model: Decoder, ids: Sequence[int]) -> list[float]:
    """Return the log-probability, in nats, of every token but the first after those before it."""
    import torch

    with torch.inference_mode():
        tokens = torch.tensor([ids])
        chosen = model(tokens)[0, :-1].float().log_softmax(-1).gather(1, tokens[0, 1:, None])
    return [float(value) for value in chosen[:, 0]]


def first_difference(trained: Decoder, exported: Decoder, bound: float = BOUND) -> str | None:
    """Return the name of the first tensor that differs by more than ``bound`` of its largest value.

    Adapters of ``trained`` are merged first. A value that is not a number differs.
    """
    from goldsmith.training import merge

    merge(trained)
    other = exported.state_dict()
    for name, tensor in trained.state_dict().items():
        if name not in other or other[name].shape != tensor.shape:
            return name
        apart = (other[name].float() - tensor.float()).abs().max()
        if not float(apart) <= bound * float(tensor.float().abs().max()):
            return name
    return None


def _larger(gap: float, one: Sequence[float], other: Sequence[float]) -> float:
    """The largest of a gap and the differences of two lists; NaN once there is one."""
    for left, right in zip(one, other, strict=True):
        apart = abs(left - right)
        if math.isnan(apart) or apart > gap:
            gap = apart
        if math.isnan(gap):
            return gap
    return gap
