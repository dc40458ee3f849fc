"""Examples as tokens: loss on answers only, an EOS that is trained, packing that does not leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from goldsmith.datasets.batch import IGNORED, Batch
from goldsmith.errors import UserError
from goldsmith.tokenizers import Tokenizer

Kind = Literal["read", "learned", "stop", "padding"]
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Encoded:
    """Ids of a conversation, and which of them are answers (to be learned)."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def encode_example(messages: Messages, tokenizer: Tokenizer) -> Encoded:
    """Return a conversation's ids with its answers, their EOS included, marked to be learned.

    Where a prompt's last token would swallow the beginning of its answer (two line breaks that are
    one token), prompt and answer are encoded apart, as they are when the model is asked. Raises
    UserError when the chat template rewrites earlier turns, so that what the model is trained on
    would not be what it sees then.
    """
    ids = tokenizer.chat(messages, answer=False)
    learned = [False] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = tokenizer.chat(messages[:number], answer=True)
        after = tokenizer.chat(messages[: number + 1], answer=False)
        if after[: len(before)] != before or ids[: len(after)] != after:
            return _encode_apart(messages, tokenizer)
        end = _end_of_answer(after, len(before), tokenizer)
        learned[len(before) : end] = [True] * (end - len(before))
    return Encoded(tuple(ids), tuple(learned))


def _encode_apart(messages: Messages, tokenizer: Tokenizer) -> Encoded:
    """Encode what stands between the borders of prompts and answers each for itself."""
    whole = tokenizer.render(messages, answer=False)
    ids: list[int] = []
    learned: list[bool] = []
    done = 0
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = tokenizer.render(messages[:number], answer=True)
        after = tokenizer.render(messages[: number + 1], answer=False)
        appended = whole.startswith(after) and after.startswith(before)
        if not appended or tokenizer.hostile(messages):
            raise UserError(
                "the chat template writes an answered turn otherwise than the prompt for it; "
                "use a model whose template only appends"
            )
        prompt = tokenizer.encode_template(whole[done : len(before)])
        answer = tokenizer.encode_template(after[len(before) :])
        end = _end_of_answer(answer, 0, tokenizer)
        ids += [*prompt, *answer]
        learned += [False] * len(prompt) + [place < end for place in range(len(answer))]
        done = len(after)
    rest = tokenizer.encode_template(whole[done:])
    return Encoded((*ids, *rest), (*learned, *(False for _ in rest)))


def _end_of_answer(ids: Sequence[int], start: int, tokenizer: Tokenizer) -> int:
    """Where what is learned ends: what a template writes after EOS is never said."""
    if tokenizer.eos in ids[start:]:
        return len(ids) - ids[::-1].index(tokenizer.eos)
    return len(ids)


def prove_stop(encoded: Encoded, tokenizer: Tokenizer, sequence: int) -> str | None:
    """Return why an example must not be trained on, or None when it is proven sound.

    Sound is: every answer ends in EOS with loss on it, something is learned at all (the first token
    of an example is predicted by none), and the whole example fits into ``sequence`` tokens, so
    that no answer loses its end. Every row that is packed of sound examples then has a target.
    """
    if len(encoded.ids) > sequence:
        return f"longer than {sequence} tokens"
    if not any(encoded.learned[1:]):
        return "nothing to learn: no answer"
    runs = zip(encoded.ids, encoded.learned, (*encoded.learned[1:], False), strict=True)
    if any(on and not goes_on and token != tokenizer.eos for token, on, goes_on in runs):
        return "an answer does not end in EOS" + _instead(encoded, tokenizer)
    return None


def _instead(encoded: Encoded, tokenizer: Tokenizer) -> str:
    """Name the special token that answers do hold: often a template's end is not the folder's."""
    names = {number: name for name, number in tokenizer.specials.items()}
    held = [
        names[i] for i, on in zip(encoded.ids, encoded.learned, strict=True) if on if i in names
    ]
    return f" but in {held[-1]}; set eos_token to it" if held else ""


@dataclass(frozen=True)
class Stretch:
    """A run of a packed row's tokens that are treated alike, decoded.

    ``kind``: "read" has no loss, "learned" has, "stop" is a learned EOS, "padding" is nothing.
    ``segment`` is the example's number in its row, -1 for padding.
    """

    text: str
    kind: Kind
    segment: int
    tokens: int


def decode_row(batch: Batch, row: int, tokenizer: Tokenizer) -> list[Stretch]:
    """Return a row of a batch as it is trained on, to be looked at: texts with their mask."""
    names = {number: name for name, number in tokenizer.specials.items()}
    tokens, segments = batch.tokens[row].tolist(), batch.segments[row].tolist()
    learned = [False, *(batch.targets[row][:-1] != IGNORED).tolist()]
    kinds = [
        (segment, _kind(segment, token, on, tokenizer.eos))
        for segment, token, on in zip(segments, tokens, learned, strict=True)
    ]
    found: list[Stretch] = []
    for (segment, kind), group in groupby(range(len(tokens)), key=kinds.__getitem__):
        ids = [tokens[place] for place in group]
        text = ""
        for special, part in groupby(ids, key=names.__contains__):
            run = list(part)
            text += "".join(names[each] for each in run) if special else tokenizer.decode(run)
        found.append(Stretch(text if segment >= 0 else "", kind, segment, len(ids)))
    return found


def _kind(segment: int, token: int, learned: bool, eos: int | None) -> Kind:
    if segment < 0:
        return "padding"
    if not learned:
        return "read"
    return "stop" if token == eos else "learned"
