"""A command of goldsmith in this process, and the two small documents that such tests read."""

import io
from contextlib import redirect_stderr, redirect_stdout

from goldsmith.cli import run_command_line

SALT = """# Salt in the kitchen

## Preserving

Salt keeps food from spoiling because it draws water out of it. A brine of eight percent stops most
bacteria within a day. Fish is laid in dry salt for two weeks before it is hung in the wind.

## Taste

Salt is a mineral that makes sweet things taste sweeter. Bakers add two grams to every hundred grams
of flour. Without it, bread is pale and its crumb collapses.
"""
TEA = """# Tea

## Growing

Tea is a shrub that grows best between a thousand and two thousand metres. Pickers take the bud and
two leaves. A good picker gathers twenty kilograms on a dry day.

## Brewing

Green leaves are brewed at seventy degrees, black ones at ninety five. A pot is emptied after three
minutes, since longer brewing draws bitter tannins."""


def run(*arguments) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    out, said = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(said):
        code = run_command_line([str(one) for one in arguments])
    return code, out.getvalue(), said.getvalue()


def made(*arguments) -> str:
    """Output of a command that must succeed."""
    code, out, said = run(*arguments)
    assert code == 0, said
    return out
