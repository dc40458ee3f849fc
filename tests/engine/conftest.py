from __future__ import annotations

from collections.abc import Iterator

import pytest

from goldsmith.engine import Engine
from goldsmith.models import Decoder
from goldsmith.project import ServeSettings

from .parts import ByteVocabulary, random_decoder


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
