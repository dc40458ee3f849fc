"""The command line: one module a verb, each a few lines that call the rooms.

`main` is the entry point. It prints an error as one line on standard error and exits with 2 for a
user's mistake, 1 for ours, 130 for Ctrl-C; a traceback needs ``--debug``. Nothing heavy
is imported before a verb needs it, so that ``goldsmith --help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys

_FULL_DISK = "the disk of the workspace is full; free some space and run it again"


def main() -> None:
    """Run the command line and end the process.

    Not by way of the interpreter's own shut-down: threads of native libraries, still ending at that
    moment, have been seen to abort it after all work was done.
    """
    code = run_command_line(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_command_line(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import typer

    from goldsmith.cli.application import application
    from goldsmith.errors import GoldsmithError

    debug = "--debug" in arguments
    try:
        code = application([a for a in arguments if a != "--debug"], standalone_mode=False)
        return int(code or 0)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped; run the same command again to go on where it was", 130)
    except typer.TyperException as error:
        if debug:
            raise
        return _say(f"{error} See `goldsmith --help` for the commands and their options.", 2)
    except GoldsmithError as error:
        if debug:
            raise
        if _is_full_disk(error):  # whatever a room made of it
            return _say(_FULL_DISK, 2)
        return _say(str(error), error.exit_code)
    except BrokenPipeError:
        return 1  # the reader of our output went away
    except Exception as error:
        if debug:
            raise
        if _is_full_disk(error):
            return _say(_FULL_DISK, 2)
        return _say(
            f"internal error: {type(error).__name__}: {error}; "
            "run it again with --debug and report what it prints",
            1,
        )


def _say(message: str, code: int) -> int:
    print("goldsmith: " + " ".join(message.split()), file=sys.stderr)
    return code


def _is_full_disk(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in str(error):  # from inside the table library
            return True
        error = error.__cause__ or error.__context__
    return False
