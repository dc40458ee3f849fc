"""What is learned: the loss of a batch under one model, summed, and the number of its targets.

An objective is a function (model, arrays of a batch) -> (summed loss in nats, count). Sums, because
the loop divides by the count of the whole step, however it was split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from goldsmith.training.batches import IGNORED

Arrays = dict[str, Tensor]
Numbers = npt.NDArray[np.int64]
TEMPERATURE = 0.05
Objective = Callable[[Any, Arrays], tuple[Tensor, int]]


def causal(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """The next token (a `Decoder`): tokens, targets, segments, positions (batch, sequence)."""
    result: tuple[Tensor, int] = model.loss(
        arrays["tokens"],
        arrays["targets"],
        positions=arrays["positions"],
        segments=arrays["segments"],
    )
    return result


def masked(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """Tokens behind masks (a `TextEncoder` "masked"): tokens, mask, targets (batch, sequence)."""
    logits = model(arrays["tokens"], arrays["mask"].bool())["masked"]
    return _cross_entropy(logits, arrays["targets"])


def masked_and_next(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """BERT's two (a `TextEncoder` "pretraining"): as `masked`, with types and follows (batch,).

    The second loss is weighed by the masked targets of the batch, so their mean is its mean.
    """
    found = model(arrays["tokens"], arrays["mask"].bool(), arrays["types"])
    total, count = _cross_entropy(found["masked"], arrays["targets"])
    second, rows = _cross_entropy(found["next sentence"], arrays["follows"])
    return total + second * (count / max(1, rows)), count


def classes(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """A class of each text (a `TextEncoder` "class"): tokens, mask, targets (batch,)."""
    return _cross_entropy(
        model(arrays["tokens"], arrays["mask"].bool())["class"], arrays["targets"]
    )


def tags(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """A class of each token (a `TextEncoder` "tags"): tokens, mask, targets (batch, sequence)."""
    return _cross_entropy(model(arrays["tokens"], arrays["mask"].bool())["tags"], arrays["targets"])


def denoising(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """What spans were cut out (an `EncoderDecoder`): tokens, mask, targets; `corrupt_spans`."""
    result: tuple[Tensor, int] = model.loss(
        arrays["tokens"], arrays["mask"].bool(), arrays["targets"]
    )
    return result


def contrastive(model: Any, arrays: Arrays) -> tuple[Tensor, int]:
    """Pairs of texts find each other among the rest (a `TextEncoder` "embedding").

    tokens, mask: a question each; other_tokens, other_mask: its text (batch, sequence). Both ways
    round, temperature 0.05 (van den Oord et al. 2018). The rest is what goes through the model at
    once, so here micro-batches do change the loss.
    """
    one = model(arrays["tokens"], arrays["mask"].bool())["embedding"]
    other = model(arrays["other_tokens"], arrays["other_mask"].bool())["embedding"]
    scores = one @ other.T / TEMPERATURE
    right = torch.arange(len(scores), device=scores.device)
    there, count = _cross_entropy(scores, right)
    back, _ = _cross_entropy(scores.T, right)
    return (there + back) / 2, count


def mask_tokens(
    tokens: Numbers, special: Numbers, mask: int, vocabulary: int, random: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Return inputs and targets (batch, sequence): 15 % of tokens that are not special are chosen.

    Of these 80 % become ``mask``, 10 % a random token, 10 % stay (Devlin et al. 2019). special:
    true where a token must stay.
    """
    chosen = (random.random(tokens.shape) < 0.15) & ~special.astype(bool)
    way = random.random(tokens.shape)
    drawn = random.integers(0, vocabulary, tokens.shape)
    changed = np.where(way < 0.8, mask, np.where(way < 0.9, drawn, tokens))
    return np.where(chosen, changed, tokens), np.where(chosen, tokens, IGNORED)


def corrupt_spans(
    tokens: Sequence[int], sentinels: Sequence[int], end: int, random: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Return source and target of T5's span corruption (Raffel et al. 2020), each ended by ``end``.

    15 % of tokens are cut in spans of three on average, no two of them touching; each leaves the
    next sentinel, and the target lists every sentinel with what it stands for.
    """
    count = len(tokens)
    noisy = min(max(1, round(count * 0.15)), count - 1)
    spans = min(max(1, round(noisy / 3)), noisy, count - noisy, len(sentinels))
    if count < 2:
        return [*tokens, end], [end]
    cut, kept = _parts(noisy, spans, random), _parts(count - noisy, spans, random)
    source: list[int] = []
    target: list[int] = []
    place = 0
    for sentinel, plain, gone in zip(sentinels, kept, cut, strict=False):
        source += [*tokens[place : place + plain], sentinel]
        target += [sentinel, *tokens[place + plain : place + plain + gone]]
        place += plain + gone
    return [*source, end], [*target, end]


def fill_in_the_middle(
    tokens: Sequence[int], marks: tuple[int, int, int], random: np.random.Generator
) -> list[int]:
    """Return prefix mark, prefix, suffix mark, suffix, middle mark, middle (Bavarian et al. 2022).

    marks: the tokens before prefix, suffix and middle. Cut at two random places; every token stays
    a target of the causal loss.
    """
    first, second = sorted(int(place) for place in random.integers(0, len(tokens) + 1, 2))
    before, after, middle = marks
    prefix, suffix = tokens[:first], tokens[second:]
    return [before, *prefix, after, *suffix, middle, *tokens[first:second]]


def _cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, int]:
    wanted = targets != IGNORED
    total = functional.cross_entropy(logits[wanted].float(), targets[wanted], reduction="sum")
    return total, int(wanted.sum())


def _parts(whole: int, count: int, random: np.random.Generator) -> list[int]:
    """Cut ``whole`` into ``count`` random parts of at least one."""
    borders = np.sort(random.choice(whole - 1, count - 1, replace=False)) + 1
    return [int(part) for part in np.diff([0, *borders, whole])]
