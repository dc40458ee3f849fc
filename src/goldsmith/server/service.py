"""What an app serves: the parts it was given, by the two model names that clients ask for.

``<name>`` answers from the documents with citations, ``<name>-lm`` is the tuned decoder itself. A
part that is missing leaves its model out of the list; asking for it is a 404.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Protocol

import anyio
import anyio.to_thread
from starlette.requests import Request

from goldsmith.engine import Engine
from goldsmith.project import Settings
from goldsmith.retrieval import Answer, Index, answer
from goldsmith.server.errors import ApiError, overloaded
from goldsmith.server.library import Library


class ChatTokenizer(Protocol):
    """The part of a tokenizer that serving needs."""

    def encode(self, text: str) -> Sequence[int]:
        """Return the ids of a text, without special tokens."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        ...

    def chat(self, messages: Sequence[Mapping[str, str]]) -> Sequence[int]:
        """Return the ids of a conversation in the chat template, ready for the next answer."""
        ...


@dataclass
class Service:
    """The parts of one app. Retrieval runs in threads, two at a time; others wait in line."""

    settings: Settings
    engine: Engine | None
    tokenizer: ChatTokenizer | None
    index: Index | None
    library: Library
    _asking: int = 0
    _threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(2))

    @property
    def grounded(self) -> str:
        return self.settings.name

    @property
    def language_model(self) -> str:
        return f"{self.settings.name}-lm"

    def models(self) -> list[str]:
        """Return the names of what is served."""
        served = [self.grounded] if self.index is not None else []
        if self.engine is not None and self.tokenizer is not None:
            served.append(self.language_model)
        return served

    def require_model(self, name: str) -> None:
        """Raise ApiError 404 for a model that is not served."""
        if name not in self.models():
            shown = name[:100]
            known = ", ".join(self.models()) or "none"
            raise ApiError(
                404,
                f"the model '{shown}' does not exist; served: {known}",
                param="model",
                code="model_not_found",
            )

    def decoder(self) -> tuple[Engine, ChatTokenizer]:
        if self.engine is None or self.tokenizer is None:
            raise ApiError(404, "no language model is served", param="model")
        return self.engine, self.tokenizer

    async def ask(self, question: str) -> Answer:
        """Answer a question from the index. Raises ApiError 404 without one, 503 when overrun."""
        index = self._index()
        found: Answer = await self._in_thread(answer, index, question, self.settings.answer)
        return found

    async def embed(self, texts: list[str]) -> Any:
        """Return unit vectors (texts, d) float32 of the index's embedder."""
        return await self._in_thread(self._index().embedder.embed, texts)

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text; where there is no tokenizer, its words."""
        return len(text.split()) if self.tokenizer is None else len(self.tokenizer.encode(text))

    def first_tokens(self, text: str, count: int) -> str:
        """Return as much of a text as its first tokens (without a tokenizer: words) hold."""
        if self.tokenizer is None:
            ends = [word.end() for word in re.finditer(r"\S+", text)]
            return text if len(ends) <= count else text[: ends[count - 1]]
        ids = self.tokenizer.encode(text)
        if len(ids) <= count:
            return text
        # A cut inside a character decodes to something that is not in the text.
        short = self.tokenizer.decode(ids[:count])
        same = (one == other for one, other in zip(short, text, strict=False))
        return text[: sum(takewhile(bool, same))]

    def _index(self) -> Index:
        if self.index is None:
            raise ApiError(404, "there is no index of documents to answer from", param="model")
        return self.index

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        if self._asking >= self.settings.serve.queue:
            raise overloaded(f"{self._asking} questions are waiting; try again later")
        self._asking += 1
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self._threads)
        finally:
            self._asking -= 1


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
