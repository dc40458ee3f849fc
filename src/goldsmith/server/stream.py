"""Answers that end when their reader leaves, and server-sent events.

While an answer is made, the connection is watched; a client that hangs up cancels the work, which
aborts its sequences in the engine. An error after the first byte becomes an event with OpenAI's
error body, since the status is already sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from goldsmith.server.errors import ApiError

logger = logging.getLogger(__name__)

#: Never sent to anyone: the reader is gone. Shown in the log as others do.
CLIENT_CLOSED_REQUEST = 499


async def while_connected(request: Request, make: Callable[[], Awaitable[Response]]) -> Response:
    """Return ``make()``, cancelled when the client hangs up. The body must have been read."""
    response: Response = Response(status_code=CLIENT_CLOSED_REQUEST)
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            await _until_disconnect(request.receive)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            response = await make()
        except ApiError as error:
            # A task group would wrap it.
            failure: ApiError | None = error
        else:
            failure = None
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return response


class EventStream(Response):
    """Server-sent events: one ``data:`` line of JSON for each value, and ``[DONE]``.

    ``close`` is called when the response ends, however it ends.
    """

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[Mapping[str, Any]], close: Callable[[], None] | None = None
    ) -> None:
        self._events = events
        self._close = close
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with anyio.create_task_group() as group:

                async def watch() -> None:
                    await _until_disconnect(receive)
                    group.cancel_scope.cancel()

                group.start_soon(watch)
                await self._send_all(send)
                group.cancel_scope.cancel()
        finally:
            if self._close is not None:
                self._close()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for event in self._events:
                await _send_data(send, encode(event))
        except ApiError as error:
            await _send_data(send, encode(error.body()))
        except Exception:
            # The status is out; an event is the only way left to say so.
            logger.exception("an answer failed while it was streamed")
            failure = ApiError(500, "the server made a mistake", code="internal")
            await _send_data(send, encode(failure.body()))
        await _send_data(send, b"[DONE]")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def encode(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


async def _send_data(send: Send, data: bytes) -> None:
    body = b"data: " + data + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
