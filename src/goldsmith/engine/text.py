"""Text out of tokens, piece by piece: whole characters only, and never past a stop string.

A token may end inside a character, and a stop string may begin in one token and end in another, so
text is held back while it could still become either. Joined pieces equal the whole text, cut
before the first stop string.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: What decoders put for bytes that are not (yet) a character.
REPLACEMENT = "\ufffd"
#: Tokens decoded again while the end of the text is no character; more than any character needs.
LONGEST_WINDOW = 32


class Vocabulary(Protocol):
    """The part of a tokenizer that the engine needs."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special tokens give no text."""
        ...


class TextStream:
    """The text of one answer as it grows."""

    def __init__(self, vocabulary: Vocabulary, prompt: Sequence[int], stops: Sequence[str]) -> None:
        self._vocabulary = vocabulary
        self._stops = tuple(stops)
        # Some decoders drop the space before a first word, so text is read as a difference: the
        # window starts with a token that was already shown.
        self._window = list(prompt[-1:])
        self._shown = len(vocabulary.decode(self._window))
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Take the next token and return the text that is now safe to show.

        ``stopped`` turns true when a stop string is complete; nothing is shown from then on.
        """
        self._window.append(token)
        fresh = self._vocabulary.decode(self._window)[self._shown :]
        if fresh.endswith(REPLACEMENT) and len(self._window) < LONGEST_WINDOW:
            fresh = fresh[:-1]  # the last one may yet become a character
            self._shown += len(fresh)
        elif fresh:
            self._window = [token]
            self._shown = len(self._vocabulary.decode(self._window))
        return self._release(fresh)

    def flush(self) -> str:
        """Return what is still held back, once no token will follow."""
        if self.stopped:
            return ""
        shown = self._release(self._vocabulary.decode(self._window)[self._shown :])
        if self.stopped:
            return shown
        held, self._held = self._held, ""
        return shown + held

    def _release(self, fresh: str) -> str:
        text = self._held + fresh
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)]
        keep = _unfinished(text, self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _unfinished(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end of the text could be the beginning of a stop string."""
    longest = min(max((len(stop) for stop in stops), default=1) - 1, len(text))
    for length in range(longest, 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0
