"""More tokens for a model: new rows start as the mean of the rows of the pieces they stand for.

So a new token means at first what its pieces meant together, instead of noise (Gee et al. 2022,
"Fast Vocabulary Transfer").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from goldsmith.errors import ModelError
from goldsmith.models.decoder import Decoder


def grow_vocabulary(model: Decoder, pieces: Mapping[int, Sequence[int]]) -> None:
    """Give the model rows for new tokens: id -> the old ids whose rows it starts as the mean of.

    Both the embedding and, where it is a matrix of its own, the output get them; a model whose rows
    were padded already keeps its size. Raises ModelError where an old id has no row.
    """
    old = model.config.vocabulary
    for number, parts in pieces.items():
        if not parts or not all(0 <= part < old for part in parts):
            raise ModelError(f"token {number} is made of {list(parts)}; the model has {old} tokens")
    size = max([old, *(number + 1 for number in pieces)])
    if len(set(range(old, size)) - set(pieces)):
        raise ModelError(f"new tokens leave a gap above {old}; number them in a row")
    model.embedding.weight = _grown(model.embedding.weight, pieces, size)
    model.embedding.num_embeddings = size
    if model.head is not None:
        model.head.weight = _grown(model.head.weight, pieces, size)
        model.head.out_features = size
    model.config = replace(model.config, vocabulary=size)


def _grown(weight: Tensor, pieces: Mapping[int, Sequence[int]], size: int) -> nn.Parameter:
    with torch.no_grad():
        grown = torch.cat([weight, weight.new_zeros(size - len(weight), weight.shape[1])])
        for number, parts in pieces.items():
            grown[number] = weight[list(parts)].float().mean(0).to(weight.dtype)
    return nn.Parameter(grown, requires_grad=weight.requires_grad)
