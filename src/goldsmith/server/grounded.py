"""A cited answer as text: each sentence with its [number], and the citations the numbers mean.

The answer has one form, whatever is asked of sampling: temperature, top_p, top_k, min_p and seed
choose among several, and here is only one. ``max_tokens`` and ``stop`` cut it like any other text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goldsmith.retrieval import Answer
from goldsmith.server.fields import Sampling
from goldsmith.server.service import Service

REFUSAL = "The documents do not answer this question."


@dataclass(frozen=True)
class Grounded:
    """``parts`` join to the text; a citation is kept although the text was cut before it."""

    parts: tuple[str, ...]
    finish: str
    citations: tuple[dict[str, Any], ...]
    refused: bool
    support: float

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def extension(self) -> dict[str, Any]:
        """Return what is added to OpenAI's fields of an answer."""
        return {
            "citations": list(self.citations),
            "refused": self.refused,
            "support": self.support,
        }


def ground(answer: Answer, service: Service, sampling: Sampling) -> Grounded:
    """Write an answer with its marks and cut it where the request says."""
    if answer.refused:
        parts = [REFUSAL, f" {reason}" if (reason := refusal_reason(answer)) else ""]
    else:
        parts = [
            f"{' ' if index > 1 else ''}{sentence.text} [{index}]"
            for index, sentence in enumerate(answer.sentences, start=1)
        ]
    text, finish = "".join(parts), "stop"
    stops = [place for stop in sampling.template.stop if (place := text.find(stop)) >= 0]
    keep = min(stops, default=len(text))
    if sampling.maximum_tokens is not None:
        short = service.first_tokens(text[:keep], sampling.maximum_tokens)
        if len(short) < keep:
            keep, finish = len(short), "length"
    return Grounded(
        tuple(_cut(parts, keep)), finish, citations(answer), answer.refused, answer.support
    )


def refusal_reason(answer: Answer) -> str:
    """Return why an answer was refused as one sentence, or nothing."""
    reason = answer.reason.removeprefix("the documents do not say: ")
    return f"{reason[0].upper()}{reason[1:]}." if reason else ""


def citations(answer: Answer) -> tuple[dict[str, Any], ...]:
    """Return one citation a sentence, numbered from 1; boxes are points from the top left."""
    return tuple(
        {
            "index": index,
            "document": sentence.document,
            "uri": sentence.uri,
            "page": sentence.page,
            "boxes": [
                {"page": box.page}
                | {side: round(getattr(box, side), 2) for side in ("x0", "y0", "x1", "y1")}
                for box in sentence.boxes
            ],
            "text": sentence.text,
            "chunk": sentence.chunk,
            "support": sentence.support,
        }
        for index, sentence in enumerate(answer.sentences, start=1)
    )


def _cut(parts: list[str], keep: int) -> list[str]:
    kept = []
    for part in parts:
        if keep > 0 and part:
            kept.append(part[:keep])
        keep -= len(part)
    return kept
