"""How well a sentence answers a question, read together: a cross-encoder on MiniLM's weights.

Cosines compare a question and a sentence that never saw each other. A cross-encoder (Nogueira & Cho
2019) reads both as one text, here with the headings and the sentence before, which say what "this"
and "without it" mean. It costs a pass for each sentence, so only the best of the linear choice are
read. What it learned is LoRA (Hu et al. 2021) on the upper layers and a small head, packaged as
``reader.safetensors``; ``benchmarks/fit_reader.py`` makes it and says from what. The weights below
are those of the `embed` extra, so without it nothing is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from goldsmith.models import SentenceEncoder, find_minilm, load_sentence_encoder
from goldsmith.retrieval.embed import halved
from goldsmith.retrieval.evidence import Evidence

#: Sentences that are read for one question.
READ = 12
#: Most word pieces of a question, a sentence, its headings and the sentence before (its end).
PIECES = (32, 64, 12, 40)
#: LoRA's scale: the learned change of a weight is SCALE times up @ down.
SCALE = 2.0
HIDDEN = 64
BATCH = 32


class Reader(nn.Module):
    """Pairs of question and sentence -> how well the sentence answers; only differences count.

    The head reads the mean of the last hidden states.
    """

    def __init__(self, sentences: SentenceEncoder) -> None:
        super().__init__()
        self.encoder, self.tokenizer = sentences.encoder, sentences.tokenizer
        self.head = nn.Sequential(nn.Linear(sentences.width, HIDDEN), nn.Tanh())
        self.head.append(nn.Linear(HIDDEN, 1))

    def forward(self, pairs: Sequence[tuple[list[int], int]]) -> Tensor:
        """pairs: see `pair_pieces` -> values (pairs,) float32."""
        longest = max(len(pieces) for pieces, _ in pairs)
        tokens = torch.full((len(pairs), longest), self.encoder.config.pad)
        mask = torch.zeros(len(pairs), longest, dtype=torch.bool)
        types = torch.zeros(len(pairs), longest, dtype=torch.long)
        for row, (pieces, second) in enumerate(pairs):
            tokens[row, : len(pieces)] = torch.tensor(pieces)
            mask[row, : len(pieces)] = True
            types[row, second : len(pieces)] = 1
        hidden = self.encoder.encode(tokens, mask, types).float()
        weight = mask.float()[..., None]
        value: Tensor = self.head((hidden * weight).sum(1) / weight.sum(1)).squeeze(-1)
        return value

    @torch.inference_mode()
    def values(self, pairs: Sequence[tuple[list[int], int]]) -> npt.NDArray[np.float32]:
        """Return (pairs,) values; pairs are read by length, so that batches are padded little."""
        order = sorted(range(len(pairs)), key=lambda row: (len(pairs[row][0]), row))
        found = np.zeros(len(pairs), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self([pairs[row] for row in rows]).numpy()
        return found


def pair_pieces(
    tokenizer: Tokenizer, question: str, heading: str, before: str, sentence: str
) -> tuple[list[int], int]:
    """Return the word pieces of a pair and where its second part begins.

    [CLS] question [SEP] sentence [SEP] headings, sentence before [SEP]; the last part is left out
    where there is neither.
    """
    start, end = tokenizer.encode("").ids
    asked, said, headed, earlier = (
        tokenizer.encode(text, add_special_tokens=False).ids
        for text in (question, sentence, heading, before)
    )
    first = [start, *asked[: PIECES[0]], end]
    around = headed[: PIECES[2]] + earlier[-PIECES[3] :]
    second = [*said[: PIECES[1]], end, *([*around, end] if around else [])]
    return first + second, len(first)


@cache
def packaged_reader() -> Reader:
    """Return the reader of the package. Raises what `find_minilm` raises."""
    with as_file(files("goldsmith.retrieval").joinpath("reader.safetensors")) as path:
        return load_reader(path)


def load_reader(path: Path) -> Reader:
    """Return MiniLM with what this file says it learned."""
    reader = Reader(load_sentence_encoder(find_minilm(), torch.float32))
    learned = {name: each.float() for name, each in load_file(path).items()}
    reader.head.load_state_dict(
        {name.removeprefix("head."): each for name, each in learned.items() if "head." in name}
    )
    for name, up in learned.items():
        if name.endswith(".up"):
            layer = name.removesuffix(".up")
            weight = reader.encoder.get_parameter(f"{layer}.weight")
            weight.data += SCALE * up @ learned[f"{layer}.down"]
    reader.encoder.to(torch.bfloat16 if halved() else torch.float32)
    return reader.eval().requires_grad_(False)


def read(question: str, ranked: Sequence[Evidence], reader: Reader) -> list[Evidence]:
    """Return the first `READ` sentences, the reader's value appended to their measures."""
    best = ranked[:READ]
    pairs = [
        pair_pieces(reader.tokenizer, question, each.heading, each.before, each.text)
        for each in best
    ]
    values = reader.values(pairs).tolist() if pairs else []
    return [
        replace(each, measures=(*each.measures, value))
        for each, value in zip(best, values, strict=True)
    ]
