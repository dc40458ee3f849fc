from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from goldsmith.engine import Engine
from goldsmith.project import AnswerSettings, ServeSettings, Settings
from goldsmith.retrieval import Index
from goldsmith.server import Library, create_app
from tests.engine.parts import ByteVocabulary, random_decoder

from .parts import make_index, make_source, running, tables


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(
        name="mill",
        serve=ServeSettings(batch=4, queue=6, maximum_tokens=200),
        answer=AnswerSettings(minimum_support=0.3),
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def index(folder: Path) -> Index:
    return make_index(folder / "index")


@pytest.fixture(scope="session")
def library(folder: Path) -> Library:
    make_source(folder / "source")
    (folder / "outside.pdf").write_bytes(b"%PDF-1.4 secret")
    return Library(folder / "source", folder / "pages", **tables())


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Engine:
    return Engine(random_decoder(), ByteVocabulary(), settings.serve)


@pytest.fixture(scope="session")
def address(settings: Settings, engine: Engine, index: Index, library: Library) -> Iterator[str]:
    app = create_app(
        settings, engine=engine, tokenizer=ByteVocabulary(), index=index, library=library
    )
    with running(app) as address:
        yield address


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client
