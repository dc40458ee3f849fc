"""Examples as tokens: loss on answers only, an EOS that is trained, packing that does not leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goldsmith.errors import UserError
from goldsmith.tokenizers import Tokenizer

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Encoded:
    """Ids of a conversation, and which of them are answers (to be learned)."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def encode_example(messages: Messages, tokenizer: Tokenizer) -> Encoded:
    """Return a conversation's ids with its answers, their EOS included, marked to be learned.

    Raises UserError when the chat template rewrites earlier turns, so that what the model is
    trained on would not be what it sees when asked.
    """
    ids = tokenizer.chat(messages, answer=False)
    learned = [False] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = tokenizer.chat(messages[:number], answer=True)
        after = tokenizer.chat(messages[: number + 1], answer=False)
        if after[: len(before)] != before or ids[: len(after)] != after:
            raise UserError(
                "the chat template writes an answered turn otherwise than the prompt for it; "
                "use a model whose template only appends"
            )
        end = len(after)
        if tokenizer.eos in after[len(before) :]:  # what a template writes after it is never said
            end -= after[::-1].index(tokenizer.eos)
        learned[len(before) : end] = [True] * (end - len(before))
    return Encoded(tuple(ids), tuple(learned))


def prove_stop(encoded: Encoded, tokenizer: Tokenizer, sequence: int) -> str | None:
    """Return why an example must not be trained on, or None when it is proven sound.

    Sound is: every answer ends in EOS with loss on it, something is learned at all, and the whole
    example fits into ``sequence`` tokens, so that no answer loses its end.
    """
    if len(encoded.ids) > sequence:
        return f"longer than {sequence} tokens"
    if not any(encoded.learned):
        return "nothing to learn: no answer"
    ends = [
        place
        for place, on in enumerate(encoded.learned)
        if on and (place + 1 == len(encoded.learned) or not encoded.learned[place + 1])
    ]
    if any(encoded.ids[place] != tokenizer.eos for place in ends):
        return "an answer does not end in EOS"
    return None
