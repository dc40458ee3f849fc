"""A tokenizer folder, ours or a public model's: text to ids, ids to text, conversations to ids.

Text that a person or a document gives never turns into a special token, whatever it spells. Chat
templates are rendered as `transformers` renders them, in a sandbox without access to anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from tokenizers import Tokenizer as Core

from goldsmith.errors import ModelError, UserError
from goldsmith.tokenizers.templates import compiled

#: The special tokens a template may name; one that the folder lacks is undefined there.
_NAMED = tuple(f"{n}_token" for n in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
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
        if not self.hostile(messages):
            text = self.render(messages, answer=answer)
            return self.encode_template(text)
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
            ids += self.encode_template(before)
            ids += self.encode(message["content"])
        return [*ids, *self.encode_template(rest)]

    def hostile(self, messages: Sequence[Mapping[str, str]]) -> bool:
        """Whether a message spells a special token."""
        return any(special in m["content"] for m in messages for special in self.specials)

    def render(self, messages: Sequence[Mapping[str, str]], *, answer: bool = True) -> str:
        """Return a conversation as the template writes it."""
        if self._template is None:
            self._template = compiled(_template(self._config), str(self._source))
        names = {name: _content(self._config.get(name)) for name in _NAMED}
        known = {name: text for name, text in names.items() if text is not None}
        try:
            return str(
                self._template.render(
                    messages=messages,
                    add_generation_prompt=answer,
                    tools=None,
                    documents=None,
                    **known,
                )
            )
        except (TemplateError, TypeError) as error:
            raise UserError(f"{self._source}: its chat template refuses this: {error}") from error

    def encode_template(self, text: str) -> list[int]:
        """Return the ids of what a template wrote: special tokens that are spelt out are meant."""
        return list(self._core.encode(text, add_special_tokens=False).ids)

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


def _template(config: Mapping[str, Any]) -> str | None:
    """The chat template; of a list of named ones, the one that is called default."""
    source = config.get("chat_template")
    if isinstance(source, list):
        named = {row.get("name"): row.get("template") for row in source if isinstance(row, dict)}
        source = named.get("default")
    return source if isinstance(source, str) else None
