"""The rooms' front doors open fast, and every name behind them is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import goldsmith.models
import goldsmith.training


@pytest.mark.parametrize("room", [goldsmith.models, goldsmith.training])
def test_every_name_resolves(room):
    for name in (name for names in room._PLACES.values() for name in names):
        assert callable(getattr(room, name)), name
    with pytest.raises(AttributeError, match="has no 'nothing'"):
        _ = room.nothing


def test_importing_the_rooms_does_not_import_torch():
    code = "import sys, goldsmith.models, goldsmith.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
