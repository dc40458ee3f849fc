"""A tokenizer trained on a few sentences."""

import pytest

from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import load, train


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer") / "t"
    texts = ["Attention is a weighted mean. The documents do not say. What is packing?"] * 3
    train(texts, TokenizerSettings(vocabulary=320), folder, "key")
    return load(folder)
