"""The errors a user may see.

A message names the file or the row, the cause, and the next command. The command line prints the
message on one line and exits with the class's ``exit_code``; a traceback needs ``--debug``.
"""

from __future__ import annotations


class GoldsmithError(Exception):
    """Something went wrong inside Goldsmith: our mistake, exit code 1."""

    exit_code = 1


class UserError(GoldsmithError):
    """The user can mend this (a path, a setting, a busy port, a full disk): exit code 2."""

    exit_code = 2


class ConfigError(UserError):
    """The configuration cannot be read, names an unknown key, or holds a bad value."""


class MissingExtraError(UserError):
    """An optional part is not installed; the message names the extra."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: pip install 'goldsmith[{extra}]'")


class LakeError(UserError):
    """A table is missing, corrupt, or does not have the expected schema."""


class LedgerError(GoldsmithError):
    """kept + removed + merged does not equal input for a document: the run must not go on."""


class ModelError(UserError):
    """A model folder cannot be used: unknown architecture, missing file, wrong shape, NaN."""
