"""The web pages: ask a question, read the cited answer, see the cited places on their pages.

All of it is rendered here, so it works without JavaScript; the small script only spares a page
load and shows a source beside its answer.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio.to_thread
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from goldsmith.retrieval import Answer, Sentence
from goldsmith.server.body import MAXIMUM_BODY
from goldsmith.server.errors import ApiError
from goldsmith.server.grounded import REFUSAL
from goldsmith.server.library import Library, MissingDocumentError
from goldsmith.server.service import service_of
from goldsmith.server.stream import while_connected

HERE = Path(__file__).parent
MAXIMUM_QUESTION = 2_000

templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


async def home(request: Request) -> Response:
    return _page(request, "ask.html")


async def ask(request: Request) -> Response:
    """GET /ask?q=…, or the same as a posted form; ``part=1`` asks for the answer alone."""
    form = request.query_params if request.method in ("GET", "HEAD") else await _form(request)
    question = form.get("q", "").strip()[:MAXIMUM_QUESTION]
    if not question:
        return RedirectResponse("/", 303)
    return await while_connected(
        request, partial(_answer, request, question, form.get("part") == "1")
    )


async def page_picture(request: Request) -> Response:
    """GET /pages/{document}/{page}.png"""
    library = service_of(request).library
    document, page = request.path_params["document"], request.path_params["page"]
    try:
        data = await anyio.to_thread.run_sync(library.picture, document, page)
    except MissingDocumentError as error:
        raise ApiError(404, str(error), code="not_found") from error
    return Response(
        data, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"}
    )


async def _answer(request: Request, question: str, part: bool) -> Response:
    service = service_of(request)
    template = "answer.html" if part else "ask.html"
    try:
        found = await service.ask(question)
    except ApiError as error:
        return _page(request, template, error.status, question=question, failure=str(error))
    return _page(
        request,
        template,
        question=question,
        answer=found,
        refusal=REFUSAL,
        sources=sources(found, service.library),
    )


def sources(answer: Answer, library: Library) -> list[dict[str, Any]]:
    """Return what the template shows of each citation."""
    return [_source(index, sentence, library) for index, sentence in enumerate(answer.sentences, 1)]


def _source(index: int, sentence: Sentence, library: Library) -> dict[str, Any]:
    document = library.document(sentence.document)
    size = library.size(sentence.document, sentence.page)
    pictured = document is not None and document.pictured and size is not None
    boxes = [box for box in sentence.boxes if box.page == sentence.page]
    return {
        "index": index,
        "sentence": sentence,
        "title": (document and document.title) or sentence.uri,
        "uri": sentence.uri,
        "picture": f"/pages/{sentence.document}/{sentence.page}.png" if pictured else None,
        "size": size,
        "boxes": boxes,
        "other_pages": sorted({box.page for box in sentence.boxes} - {sentence.page}),
        "passages": [] if pictured else library.around(sentence.document, sentence.text),
    }


def _page(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    service = service_of(request)
    text = templates.get_template(template).render(
        name=service.settings.name,
        ready=service.index is not None,
        documents=len(service.library),
        **shown,
    )
    return HTMLResponse(text, status)


async def _form(request: Request) -> dict[str, str]:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAXIMUM_BODY:
            raise ApiError(413, "the form is too large", code="request_too_large")
    try:
        pairs = parse_qs(data.decode("ascii"), max_num_fields=20)
    except ValueError as error:
        raise ApiError(400, "the form cannot be read") from error
    return {name: values[0] for name, values in pairs.items()}
