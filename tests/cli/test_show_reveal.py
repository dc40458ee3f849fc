"""`goldsmith show`, `vault` and `reveal`: what was read, and what pseudonyms stand for."""

import json
import os
import stat
import subprocess
import sys

import pytest

from goldsmith.lake import Lake
from goldsmith.project import Workspace

TEXT = """# Salt in the kitchen

Salt keeps food from spoiling because it draws water out of it. A brine of eight percent stops most
bacteria within a day, as he wrote to jo.doe@example.org in a letter of last spring.

- Fish is laid in dry salt for two weeks before it is hung in the wind.
- Bread without it is pale.
"""


def run(*arguments, **environment) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "goldsmith", *map(str, arguments)]
    named = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=named)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reveal")
    source, space, key = folder / "papers", folder / "space", folder / "pii.key"
    source.mkdir()
    (source / "salt.md").write_text(TEXT, "utf-8")
    key.write_bytes(bytes(range(32)))
    pseudonyms = ("--set", "refine.pii=pseudonymise", "--set", "workers=1")
    assert run("ingest", source, "-w", space, *pseudonyms).returncode == 0
    done = run("refine", "-w", space, GOLDSMITH_PII_KEY_FILE=key)
    assert done.returncode == 0, done.stderr
    return space, key


def test_a_document_is_shown_as_it_was_read(made, tmp_path):
    space, _ = made
    shown = run("show", "salt.md", "-w", space)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("# Salt in the kitchen\n\nSalt keeps food")
    assert "- Fish is laid" in shown.stdout
    assert "jo.doe@example.org" in shown.stdout
    assert run("show", "salt.md", "-w", space, "-o", tmp_path / "salt.mmd").returncode == 0
    assert (tmp_path / "salt.mmd").read_text("utf-8") == shown.stdout
    rows = json.loads(run("show", "salt.md", "-w", space, "--lines", "--json").stdout)
    assert [row["text"] for row in rows if row["text"].startswith("#")] == []
    assert rows[0]["label"] == "TITLE"
    assert [row["order"] for row in rows] == list(range(len(rows)))
    wrong = run("show", "pepper.md", "-w", space)
    assert (wrong.returncode, "pepper.md" in wrong.stderr) == (2, True)


def test_a_pseudonym_is_undone_by_the_vault_and_the_key_alone(made, tmp_path):
    space, key = made
    texts = Lake(Workspace(space).lake).read("chunks")["text"].to_pylist()
    gold = "\n".join(texts)
    assert "jo.doe" not in gold
    (tmp_path / "gold.txt").write_text(gold, "utf-8")
    box = tmp_path / "names.vault"
    assert run("vault", box, "-w", space).returncode == 2  # without a key
    sealed = run("vault", box, "-w", space, GOLDSMITH_PII_KEY_FILE=key)
    assert sealed.returncode == 0, sealed.stderr
    assert "1 pseudonyms" in sealed.stdout
    assert b"jo.doe" not in box.read_bytes()
    asked = ("reveal", tmp_path / "gold.txt", "--vault", box)
    opened = run(*asked, GOLDSMITH_PII_KEY_FILE=key)
    assert opened.returncode == 0, opened.stderr
    assert "wrote to jo.doe@example.org in" in opened.stdout
    out = tmp_path / "open.txt"
    assert run(*asked, "-o", out, GOLDSMITH_PII_KEY_FILE=key).returncode == 0
    assert out.read_text("utf-8") == opened.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    other = tmp_path / "other.key"
    other.write_bytes(bytes(32))
    refused = run(*asked, GOLDSMITH_PII_KEY_FILE=other)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert run(*asked, GOLDSMITH_PII_KEY_FILE="").returncode == 2
    assert run("reveal", tmp_path / "none", "--vault", box).returncode == 2
