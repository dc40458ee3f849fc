"""Chat templates in Jinja, compiled as `transformers` compiles them, in a sandbox.

The same white-space rules, loop controls, ``tojson``, ``raise_exception`` and ``generation`` blocks
(which mark answers; what they hold is written as it is). One name is left out on purpose: with
``strftime_now`` a prompt would change with the day. Templates say what to write without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from goldsmith.errors import ModelError, UserError


class _Generation(Extension):
    """``{% generation %} … {% endgeneration %}``: its body, and nothing more."""

    tags = {"generation"}  # noqa: RUF012 (Jinja's own attribute)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        # A call block has a scope of its own, as it has there.
        return nodes.CallBlock(self.call_method("written"), [], [], body).set_lineno(line)

    def written(self, caller: Callable[[], str]) -> str:
        return caller()


def compiled(source: str | None, where: str) -> jinja2.Template:
    """Return a template ready to render. ``where`` is named in errors.

    Raises UserError where there is no template, ModelError where it is broken.
    """
    if source is None:
        raise UserError(
            f"{where}: has no chat template; use completions, or add one to its "
            "tokenizer_config.json"
        )
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Generation, "jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise ModelError(f"{where}: its chat template is broken: {error}") from error


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
