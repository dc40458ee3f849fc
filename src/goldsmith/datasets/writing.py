"""Questions, and instructions, that a model writes about chunks; nothing it makes up is kept.

The model is a callable from messages to a text: `openai_writer` asks any OpenAI-compatible server,
another room may hand in our own engine. It answers with JSON lines of a question and an answer. An
answer must stand in its chunk word for word, white space aside; whatever does not is returned with
its reason, never mended. Each kept example names its chunk and lies on the side of its section.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldsmith.datasets.examples import VERBATIM, example_row
from goldsmith.datasets.split import held_out
from goldsmith.errors import UserError
from goldsmith.project import DatasetSettings

#: Messages in, the model's text out.
Writer = Callable[[Sequence[Mapping[str, str]]], str]

_TASKS = {
    "question": "questions that a reader of the text might ask and that it answers in itself",
    "instruction": "tasks (such as: explain, name, say why) that the text fulfils in itself",
}
_ASK = (
    "Write up to {count} {task}. Reply with one JSON object a line, each with the keys "
    '"question" and "answer". Copy every answer word for word from the text: one to three whole '
    "sentences that can be understood alone. Do not write anything else."
)
_SHORTEST, _LONGEST = 12, 1_200  # characters of an answer
_LONGEST_QUESTION = 400
_REPLY_BYTES = 2**20
#: A question that points at what its reader cannot see.
_POINTS = re.compile(r"\b(?:this|the) (?:text|passage|document|excerpt|section|paragraph)\b", re.I)


@dataclass(frozen=True)
class Refused:
    """Something the model wrote that was not kept."""

    chunk: str
    question: str
    answer: str
    reason: str


def write_examples(
    chunks: Sequence[Mapping[str, Any]],
    writer: Writer,
    name: str,
    settings: DatasetSettings,
    seed: int,
    *,
    kind: str = "question",
    count: int = 3,
) -> tuple[list[dict[str, Any]], list[Refused]]:
    """Return (``examples`` rows, what was refused) over rows of ``chunks``, in their order.

    ``name`` says who wrote them (the ``generator`` column). ``kind`` is "question" or
    "instruction"; at most ``count`` are kept of a chunk. A question that was asked before is
    refused. Errors of the writer are its own.
    """
    reserved = held_out((chunk["parent"] for chunk in chunks), settings.validation, seed)
    ask = _ASK.format(count=count, task=_TASKS[kind])
    kept: list[dict[str, Any]] = []
    refused: list[Refused] = []
    asked: set[str] = set()
    for chunk in chunks:
        reply = writer(
            [
                {"role": "system", "content": ask},
                {"role": "user", "content": chunk["text"]},
            ]
        )
        here = 0
        for question, answer, broken in _pairs(reply):
            folded = " ".join(question.split()).casefold()
            reason = broken or _fault(question, answer, chunk["text"], kind)
            if reason is None and folded in asked:
                reason = "asked before"
            if reason is None and here == count:
                reason = f"more than {count} of a chunk"
            if reason is not None:
                refused.append(Refused(chunk["id"], question, answer, reason))
                continue
            asked.add(folded)
            here += 1
            split = "validation" if chunk["parent"] in reserved else "train"
            pair, cited = (question.strip(), answer.strip()), [chunk["id"]]
            kept.append(example_row(f"written {kind}", *pair, cited, name, VERBATIM, split))
    return kept, refused


def _pairs(reply: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield (question, answer, what is wrong with the line) of each line that is not blank.

    The fences some models put around JSON are not lines of theirs.
    """
    for line in reply.split("\n"):
        text = line.strip().rstrip(",")
        if not text or text.startswith("```") or text in ("[", "]"):
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            yield text, "", "is not JSON"
            continue
        pair = (row.get("question"), row.get("answer")) if isinstance(row, dict) else (None, None)
        if isinstance(pair[0], str) and isinstance(pair[1], str):
            yield pair[0], pair[1], None
        else:
            yield text, "", "has no question and answer"


def _fault(question: str, answer: str, source: str, kind: str) -> str | None:
    """Return why a pair is not kept, or None."""
    asked, said = " ".join(question.split()), " ".join(answer.split())
    if not asked or len(asked) > _LONGEST_QUESTION:
        return "the question is empty or too long"
    if kind == "question" and not asked.endswith("?"):
        return "the question does not ask"
    if not _SHORTEST <= len(said) <= _LONGEST:
        return f"the answer has not {_SHORTEST} to {_LONGEST} characters"
    # Borders of words on both sides: half a word is no quotation.
    if not re.search(rf"(?<!\w){re.escape(said)}(?!\w)", " ".join(source.split())):
        return "the answer does not stand in the chunk"
    if said.casefold() in asked.casefold():
        return "the question holds its answer"
    return "the question points at the text" if _POINTS.search(asked) else None


def openai_writer(
    address: str, model: str, *, key: str | None = None, seed: int = 0, seconds: float = 120.0
) -> Writer:
    """Return a writer that asks an OpenAI-compatible server, greedily and with a seed.

    ``address`` is its base, as "http://localhost:8000/v1"; ``key`` goes into the header and nowhere
    else. The writer raises UserError naming the address where the server cannot be reached, takes
    longer than ``seconds``, refuses, or answers something else than a completion.
    """
    if not address.startswith(("http://", "https://")):
        raise UserError(f"{address}: is no http address; give one like http://localhost:8000/v1")
    opener = urllib.request.build_opener(_StayHere)
    url = address.rstrip("/") + "/chat/completions"
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"

    def write(messages: Sequence[Mapping[str, str]]) -> str:
        body = {"model": model, "messages": list(messages), "temperature": 0, "seed": seed}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with opener.open(request, timeout=seconds) as answer:
                text = json.loads(answer.read(_REPLY_BYTES))["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            why = error.read(300).decode("utf-8", "replace")
            raise UserError(f"{url}: refuses ({error.code}: {why}); check model and key") from error
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise UserError(f"{url}: gives no completion ({error}); check the address") from error
        if not isinstance(text, str):
            raise UserError(f"{url}: gives a completion without a text; use another model")
        return text

    return write


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: chunks and key are for the server that was named."""

    def redirect_request(self, *_: Any) -> None:
        return None
