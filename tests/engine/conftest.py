"""A tiny random decoder and a vocabulary of bytes: real parts, small enough for every test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from goldsmith.engine import Engine
from goldsmith.models import Decoder, ModelConfig
from goldsmith.project import ServeSettings

SPECIAL = 4


class ByteVocabulary:
    """Ids 0 to 3 are special and give no text; id 4 + b is the byte b."""

    def encode(self, text: str) -> list[int]:
        return [SPECIAL + byte for byte in text.encode()]

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(i - SPECIAL for i in ids if i >= SPECIAL).decode("utf-8", "replace")


CONFIG = ModelConfig(
    vocabulary=260,
    width=32,
    layers=2,
    heads=4,
    key_value_heads=2,
    head_dim=8,
    hidden=64,
    context=256,
    eos=(1,),
)


def random_decoder(seed: int = 0) -> Decoder:
    """A decoder whose logits are far enough apart that rounding does not choose tokens."""
    model = Decoder(CONFIG, seed=seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8.0)
    return model


@pytest.fixture(scope="session")
def decoder() -> Decoder:
    return random_decoder()


@pytest.fixture(scope="session")
def vocabulary() -> ByteVocabulary:
    return ByteVocabulary()


@pytest.fixture
def engine(decoder: Decoder, vocabulary: ByteVocabulary) -> Iterator[Engine]:
    with Engine(decoder, vocabulary, ServeSettings(batch=4, queue=8)) as engine:
        yield engine
