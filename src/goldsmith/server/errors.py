"""What a client is told when a request cannot be answered: a status, and OpenAI's error body."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from goldsmith.engine import EngineClosedError, QueueFullError, RequestError

TYPES = {
    400: "invalid_request_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}


class ApiError(Exception):
    """An answer with a status of 400 or above. ``param`` names the field of the request."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the JSON body: {"error": {message, type, param, code}}."""
        return {
            "error": {
                "message": str(self),
                "type": TYPES.get(self.status, "invalid_request_error"),
                "param": self.param,
                "code": self.code,
            }
        }


def bad_field(param: str, message: str, code: str = "invalid_value") -> ApiError:
    """A field of the body that cannot be honoured: 400."""
    return ApiError(400, f"'{param}': {message}", param=param, code=code)


def overloaded(message: str) -> ApiError:
    """Too much is waiting: 503, and when to come back."""
    return ApiError(503, message, code="overloaded", retry_after=1)


def from_engine(error: Exception) -> ApiError:
    """Return what a client is told about an engine's refusal."""
    if isinstance(error, RequestError):
        code = "context_length_exceeded" if "context" in str(error) else "invalid_value"
        return bad_field(error.field, str(error), code)
    if isinstance(error, QueueFullError):
        return overloaded(str(error))
    if isinstance(error, EngineClosedError):
        return ApiError(503, str(error), code="shutting_down", retry_after=5)
    raise error


def api_error_response(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse(error.body(), error.status, headers)


def http_error_response(request: Request, error: Exception) -> JSONResponse:
    """The framework's own refusals (no such route, wrong method) in the same shape."""
    assert isinstance(error, HTTPException)
    messages = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not allowed at {request.url.path}",
    }
    message = messages.get(error.status_code, error.detail)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code)
    shown = ApiError(error.status_code, message, code=code)
    return JSONResponse(shown.body(), error.status_code, error.headers)


def unexpected_error_response(request: Request, error: Exception) -> JSONResponse:
    """Our own mistakes: the client learns that, and no more; the log has the rest."""
    return JSONResponse(ApiError(500, "the server made a mistake", code="internal").body(), 500)
