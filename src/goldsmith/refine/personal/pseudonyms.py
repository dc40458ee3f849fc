"""Other names for personal data: the same for the same value, and opened with the key alone.

A pseudonym is ``[PERSON:`` and a hundred bits of HMAC-SHA256 over kind and value, in base 32:
without the key it tells nothing, not even whether a guessed name stands behind it. It never looks
like a real name, number or address, since that could be somebody's. What a pseudonym stands for is
kept in a *vault*, apart from the corpus: one sealed line for each. Sealing is the synthetic
initialisation vector construction (Rogaway & Shrimpton 2006) with HMAC-SHA256 for both its
functions: the tag is a keyed hash of label and padded value, and the tag begins the key stream. So
the same workspace gives the same vault, byte for byte, and a vault that was changed, or another
key, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from goldsmith.errors import UserError
from goldsmith.refine.personal.find import FORMED, PLACEHOLDER, TAGGED

KEY_VARIABLE = "GOLDSMITH_PII_KEY_FILE"
LEAST_KEY = 32  # bytes
_LABELS = FORMED | TAGGED
_PSEUDONYM = re.compile(PLACEHOLDER.pattern.replace(")?", ")"))
_BLOCK = 32  # values are padded to a multiple, so that a sealed line does not tell their length


@dataclass(frozen=True)
class Key:
    """The three keys that follow from the secret: for names, for tags, for the key stream."""

    naming: bytes = field(repr=False)
    tagging: bytes = field(repr=False)
    stream: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Return the keys of a secret of 32 random bytes or more; raises `UserError` below that."""
        if len(secret) < LEAST_KEY:
            raise UserError(
                f"the key for pseudonyms has {len(secret)} bytes and needs {LEAST_KEY}: make one by"
                " 'head -c 32 /dev/urandom > pii.key'"
            )
        names = ("goldsmith pseudonym", "goldsmith vault tag", "goldsmith vault stream")
        return cls(*(hmac.digest(secret, name.encode(), hashlib.sha256) for name in names))


def key_from_environment() -> Key:
    """Return the key in the file that GOLDSMITH_PII_KEY_FILE names.

    Raises `UserError` if the variable is not set, or the file cannot be read or is too short.
    """
    place = os.environ.get(KEY_VARIABLE)
    if not place:
        raise UserError(
            f"refine.pii = 'pseudonymise' needs a key: set {KEY_VARIABLE} to a file of {LEAST_KEY}"
            " random bytes (head -c 32 /dev/urandom > pii.key)"
        )
    try:
        secret = Path(place).read_bytes()
    except OSError as error:
        raise UserError(f"{KEY_VARIABLE}: {place} cannot be read ({error.strerror})") from None
    return Key.of(secret)


def pseudonym(key: Key, kind: str, value: str) -> str:
    """Return what stands for ``value`` in every text under this key."""
    digest = hmac.digest(key.naming, f"{kind}\0{value}".encode(), hashlib.sha256)
    letters = base64.b32encode(digest).decode().lower()[:20]
    return f"[{_LABELS[kind]}:{letters}]"


def is_pseudonym(text: str) -> bool:
    return _PSEUDONYM.fullmatch(text) is not None


def sealed(key: Key, label: str, value: str) -> str:
    """Return ``value`` encrypted and authenticated together with the pseudonym ``label``."""
    data = value.encode()
    padded = data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)
    tag = hmac.digest(key.tagging, label.encode() + b"\0" + padded, hashlib.sha256)
    return base64.b64encode(tag + _streamed(key, tag, padded)).decode()


def opened(key: Key, label: str, box: str) -> str:
    """Return the value in a sealed box; raises `UserError` for another key or a changed box."""
    try:
        raw = base64.b64decode(box, validate=True)
    except ValueError:
        raw = b""
    tag, padded = raw[:32], _streamed(key, raw[:32], raw[32:])
    expected = hmac.digest(key.tagging, label.encode() + b"\0" + padded, hashlib.sha256)
    if not hmac.compare_digest(tag, expected):
        raise UserError(f"the vault's line for {label} was changed or sealed with another key")
    return padded[: padded.rindex(b"\x80")].decode()


def _streamed(key: Key, tag: bytes, data: bytes) -> bytes:
    """The data combined with the key stream that begins at the tag."""
    blocks = range(-(-len(data) // _BLOCK))
    stream = b"".join(
        hmac.digest(key.stream, tag + number.to_bytes(8, "big"), hashlib.sha256)
        for number in blocks
    )
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def vault_of(key: Key, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the vault for pairs of pseudonym and value, in order of the pseudonyms.

    Raises `UserError` if one pseudonym stands for two values (a chance of 2**-100 for each pair,
    so in truth the sign of a table that was changed).
    """
    values: dict[str, str] = {}
    for label, value in pairs:
        if _PSEUDONYM.fullmatch(label) and values.setdefault(label, value) != value:
            raise UserError(f"{label} stands for two values: run the refinery again")
    return {label: sealed(key, label, values[label]) for label in sorted(values)}


def revealed(text: str, key: Key, vault: Mapping[str, str]) -> str:
    """Return the text with every pseudonym that the vault knows undone.

    Raises `UserError` for a vault that was changed or sealed with another key.
    """

    def undo(match: re.Match[str]) -> str:
        box = vault.get(match.group())
        return match.group() if box is None else opened(key, match.group(), box)

    return _PSEUDONYM.sub(undo, text)
