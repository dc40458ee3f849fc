"""The routes, and what surrounds them all: error bodies, counting, headers, the engine's end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goldsmith.engine import Engine
from goldsmith.project import Settings
from goldsmith.retrieval import Index
from goldsmith.server import pages
from goldsmith.server.chat import chat_completions
from goldsmith.server.completions import completions
from goldsmith.server.embeddings import embeddings
from goldsmith.server.errors import (
    ApiError,
    api_error_response,
    http_error_response,
    unexpected_error_response,
)
from goldsmith.server.library import Library
from goldsmith.server.metrics import CountRequests, Metrics, metrics
from goldsmith.server.service import ChatTokenizer, Service, service_of

#: Everything a page needs comes from here; nothing is fetched from elsewhere or run inline.
CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def create_app(
    settings: Settings,
    *,
    engine: Engine | None,
    tokenizer: ChatTokenizer | None,
    index: Index | None,
    library: Library | None = None,
) -> Starlette:
    """Return the whole HTTP side. Parts that are None are simply not served.

    The app closes the engine when it shuts down, after the last answer.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if engine is not None:
            engine.close()

    counted = Metrics(engine)
    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/ask", pages.ask, methods=["GET", "POST"]),
            Route("/pages/{document}/{page:int}.png", pages.page_picture),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/v1/models", models),
            Route("/v1/models/{model}", model),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/embeddings", embeddings, methods=["POST"]),
        ],
        middleware=[Middleware(CountRequests, metrics=counted), Middleware(SafeHeaders)],
        exception_handlers={
            ApiError: api_error_response,
            HTTPException: http_error_response,
            Exception: unexpected_error_response,
        },
        lifespan=lifespan,
    )
    app.state.service = Service(settings, engine, tokenizer, index, library or Library(None, None))
    app.state.metrics = counted
    app.state.created = int(time.time())
    return app


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "models": service_of(request).models()})


async def models(request: Request) -> Response:
    cards = [_card(request, name) for name in service_of(request).models()]
    return JSONResponse({"object": "list", "data": cards})


async def model(request: Request) -> Response:
    name = request.path_params["model"]
    service_of(request).require_model(name)
    return JSONResponse(_card(request, name))


def _card(request: Request, name: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": request.app.state.created,
        "owned_by": "goldsmith",
        "root": name,
    }


class SafeHeaders:
    """Tells browsers to load nothing from elsewhere and to guess no types."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = CONTENT_POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, with_headers)
