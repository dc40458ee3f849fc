"""A tokenizer folder, ours or a public model's: text to ids, ids to text, conversations to ids.

Text that a person or a document gives never turns into a special token, whatever it spells. Chat
templates are rendered as `transformers` renders them, in a sandbox without access to anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Core

from goldsmith.errors import ModelError, UserError

#: Stands for a message while its template is rendered; private-use characters mean nothing.
_MARK = "\ue000{}\ue001"


class Tokenizer:
    """Ids and texts. ``bos``, ``eos`` and ``pad`` are ids, or None where the folder has none."""

    def __init__(self, core: Core, plain: Core, config: Mapping[str, Any], source: Path) -> None:
        self._core = core
        self._plain = plain  # the same one, blind to special tokens
        self._config = config
        self._source = source
        self._template: Any = None
        self.bos = self._id("bos_token")
        self.eos = self._id("eos_token")
        self.pad = self._id("pad_token")
        added = core.get_added_tokens_decoder()
        self.specials = {token.content: number for number, token in added.items() if token.special}

    @property
    def size(self) -> int:
        """How many ids there are, added tokens included."""
        return int(self._core.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; nothing is added, and no special token can come of it."""
        return list(self._plain.encode(text, add_special_tokens=False).ids)

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, on all cores."""
        return [list(e.ids) for e in self._plain.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special tokens give no text."""
        return str(self._core.decode(list(ids), skip_special_tokens=True))

    def chat(self, messages: Sequence[Mapping[str, str]], *, answer: bool = True) -> list[int]:
        """Return the ids of a conversation, with the start of the next answer if ``answer``.

        Raises UserError when the folder has no chat template or the template refuses the messages.
        """
        if any(special in m["role"] for m in messages for special in self.specials):
            raise UserError("a message's role holds a special token; use system, user or assistant")
        hostile = any(special in m["content"] for m in messages for special in self.specials)
        if not hostile:
            text = self.render(messages, answer=answer)
            return list(self._core.encode(text, add_special_tokens=False).ids)
        marks = [_MARK.format(number) for number in range(len(messages))]
        masked = [{**m, "content": mark} for m, mark in zip(messages, marks, strict=True)]
        rest, ids = self.render(masked, answer=answer), []
        for message, mark in zip(messages, marks, strict=True):
            before, found, rest = rest.partition(mark)
            if not found or mark in rest:  # left out, moved, or written twice
                raise UserError(
                    f"{self._source}: its chat template changes messages, so special tokens cannot "
                    "be kept out of them; take them out of the message"
                )
            ids += self._core.encode(before, add_special_tokens=False).ids
            ids += self.encode(message["content"])
        return [*ids, *self._core.encode(rest, add_special_tokens=False).ids]

    def render(self, messages: Sequence[Mapping[str, str]], *, answer: bool = True) -> str:
        """Return a conversation as the template writes it."""
        import jinja2

        template = self._compiled()
        names = {
            f"{n}_token": _content(self._config.get(f"{n}_token")) for n in ("bos", "eos", "pad")
        }
        try:
            return str(template.render(messages=messages, add_generation_prompt=answer, **names))
        except jinja2.TemplateError as error:
            raise UserError(f"{self._source}: its chat template refuses this: {error}") from error

    def _compiled(self) -> Any:
        if self._template is None:
            import jinja2
            from jinja2.sandbox import ImmutableSandboxedEnvironment

            source = self._config.get("chat_template")
            if not isinstance(source, str):
                raise UserError(
                    f"{self._source}: has no chat template; use completions, or add one to its "
                    "tokenizer_config.json"
                )
            environment = ImmutableSandboxedEnvironment(
                trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
            )
            environment.filters["tojson"] = _to_json
            environment.globals["raise_exception"] = _raise
            try:
                self._template = environment.from_string(source)
            except jinja2.TemplateError as error:
                raise ModelError(f"{self._source}: its chat template is broken: {error}") from error
        return self._template

    def _id(self, name: str) -> int | None:
        content = _content(self._config.get(name))
        number = None if content is None else self._core.token_to_id(content)
        return None if number is None else int(number)


def load(folder: Path) -> Tokenizer:
    """Open a folder with a tokenizer.json. Raises ModelError naming the file that is wrong."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{path}: there is no tokenizer; run `goldsmith tokenizer` first")
    try:
        text = path.read_text("utf-8")
        core, plain = Core.from_str(text), Core.from_str(text)
    except Exception as error:  # the library raises plain Exception for a bad file
        raise ModelError(f"{path}: is no tokenizer ({error}); make it again") from error
    for one in (core, plain):
        one.no_padding()
        one.no_truncation()
    plain.encode_special_tokens = True
    return Tokenizer(core, plain, _config(folder), folder)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    try:
        config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{path}: is not valid JSON ({error}); make it again") from error
    beside = folder / "chat_template.jinja"  # where newer libraries keep it
    if "chat_template" not in config and beside.is_file():
        config["chat_template"] = beside.read_text("utf-8")
    return dict(config)


def _content(token: Any) -> str | None:
    """A special token is written as a string or as {"content": …}."""
    value = token.get("content") if isinstance(token, dict) else token
    return value if isinstance(value, str) else None


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)
