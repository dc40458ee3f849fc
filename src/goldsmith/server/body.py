"""JSON bodies from outside: read within a limit, parsed strictly, their fields taken one by one.

Every field of a body is taken by name; what is left over is unknown and refused. So nothing that a
client asks for is ever dropped without a word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from goldsmith.server.errors import ApiError, bad_field

MAXIMUM_BODY = 4 * 2**20
"""Bytes of a request body."""


async def read_json(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object. Raises ApiError 400, 413 or 422."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAXIMUM_BODY:
        raise _too_large()
    data = bytearray()
    try:
        async for part in request.stream():
            data += part
            if len(data) > MAXIMUM_BODY:
                raise _too_large()
    except ClientDisconnect as error:
        raise ApiError(400, "the body ended early") from error
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        # RecursionError: nested deeper than any field of ours.
        raise ApiError(400, f"the body is not valid JSON: {error}", code="invalid_json") from error
    if not isinstance(value, dict):
        raise ApiError(422, "the body must be a JSON object", code="invalid_type")
    return value


def _too_large() -> ApiError:
    return ApiError(413, f"the body is larger than {MAXIMUM_BODY} bytes", code="request_too_large")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Fields:
    """The fields of one JSON object, each taken once. ``null`` counts as not given."""

    def __init__(self, body: dict[str, Any], path: str = "") -> None:
        self._left = {key: value for key, value in body.items() if value is not None}
        self._path = path

    def name(self, field: str) -> str:
        """Return the field's place in the whole body, such as ``messages[0].role``."""
        return f"{self._path}.{field}" if self._path else field

    def value(self, field: str) -> Any:
        """Take a field of any type, or None."""
        return self._left.pop(field, None)

    def required(self, field: str) -> Any:
        value = self.value(field)
        if value is None:
            raise bad_field(self.name(field), "is required", "missing_required_parameter")
        return value

    def text(self, field: str, default: str | None = None) -> str | None:
        value = self.value(field)
        return default if value is None else as_text(self.name(field), value)

    def flag(self, field: str, default: bool = False) -> bool:
        value = self.value(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._type(field, "true or false")
        return value

    def whole(self, field: str, low: int, high: int) -> int | None:
        value = self.value(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._type(field, "a whole number")
        if not low <= value <= high:
            raise bad_field(self.name(field), f"must be {low} to {high}")
        return value

    def number(self, field: str, default: float, low: float, high: float) -> float:
        value = self.value(field)
        return default if value is None else as_number(self.name(field), value, low, high)

    def neutral(self, field: str, *allowed: Any) -> None:
        """Take a field whose only values we can honour ask for what happens anyway."""
        value = self.value(field)
        # By JSON type too, since 1 == True in Python.
        if value is None or any(type(value) is type(one) and value == one for one in allowed):
            return
        message = "is not supported by this server"
        if allowed:
            message += "; leave it out, or use " + " or ".join(json.dumps(one) for one in allowed)
        raise bad_field(self.name(field), message, "unsupported_parameter")

    def done(self) -> None:
        """Refuse whatever was not taken."""
        for field in self._left:
            shown = field[:80].encode("utf-8", "replace").decode()
            raise bad_field(self.name(shown), "unknown field", "unknown_parameter")

    def _type(self, field: str, expected: str) -> ApiError:
        return bad_field(self.name(field), f"must be {expected}", "invalid_type")


def as_text(name: str, value: Any) -> str:
    """Check that a JSON value is text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise bad_field(name, "must be a string", "invalid_type")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise bad_field(name, "holds half of a surrogate pair", "invalid_value")
    return value


def as_number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_field(name, "must be a number", "invalid_type")
    if not low <= value <= high or not math.isfinite(value):
        raise bad_field(name, f"must be {low:g} to {high:g}")
    return float(value)


def as_list(name: str, value: Any, low: int, high: int) -> list[Any]:
    if not isinstance(value, list):
        raise bad_field(name, "must be a list", "invalid_type")
    if not low <= len(value) <= high:
        raise bad_field(name, f"must have {low} to {high} items")
    return value


def as_object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_field(name, "must be an object", "invalid_type")
    return value


def are_tokens(values: Iterable[Any]) -> bool:
    """Whether all are whole numbers (a list of token ids)."""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)
