"""Two folders, one index: what the first holds the second does not take in again."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import made, run

from goldsmith.lake import Lake, table_digest
from goldsmith.lake.schemas import LOGS, SCHEMAS
from goldsmith.project import Workspace
from goldsmith.refine.duplicates_index import DuplicateIndex

TOPICS = ("salt", "ropes", "bells", "glass", "bread")


def text_of(topic: str, change: str = "") -> str:
    """A page of plain prose about something, the same for the same topic."""
    source = random.Random(topic)
    things = ("the harbour", "a cellar", "the workshop", "an old mill", "the market", "a garden")
    deeds = ("is kept in", "was carried through", "is sold beside", "was mended near", "lay in")
    times = ("in spring", "after the flood", "before noon", "every other year", "at first frost")
    sentences = [
        f"In the year {source.randrange(1500, 1900)} the {topic} {source.choice(deeds)} "
        f"{source.choice(things)} {source.choice(times)}, and people {source.choice(times)} "
        f"came from {source.choice(things)} to see how it {source.choice(deeds)} them."
        for _ in range(14)
    ]
    body = "\n\n".join(" ".join(sentences[at : at + 4]) for at in range(0, 14, 4))
    return f"# About {topic}\n\n{body}\n\n{change}\n"


def make(folder: Path, space: Path, index: str) -> None:
    settings = ("--set", f"refine.known_duplicates={index}", "--set", "workers=1")
    made("ingest", folder, "-w", space, *settings)
    made("refine", "-w", space)


def refined(folder: Path, index: str) -> Lake:
    """Read and refine a folder into the workspace beside it."""
    space = folder.with_name(f"{folder.name}-space")
    make(folder, space, index)
    return Lake(Workspace(space).lake)


def state(lake: Lake) -> dict[str, str]:
    return {name: table_digest(lake.read(name)) for name in sorted(set(SCHEMAS) - LOGS)}


def merged(lake: Lake) -> dict[str, tuple[str, str]]:
    uris = dict(zip(*(lake.read("documents")[n].to_pylist() for n in ("id", "uri")), strict=True))
    return {
        uris[row["member"]]: (row["reason"], row["method"])
        for row in lake.read("clusters").to_pylist()
    }


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    for topic in TOPICS[:3]:
        (old / f"{topic}.md").write_text(text_of(topic), "utf-8")
    (new / "same.md").write_text(text_of("salt"), "utf-8")  # byte for byte, so of the same id
    (new / "near.md").write_text(text_of("ropes", "One more thing was said."), "utf-8")
    (new / "glass.md").write_text(text_of("glass"), "utf-8")
    return old, new


def test_the_second_folder_is_compared_with_the_first_in_whatever_order_they_run_again(folders):
    old, new = folders
    index = old.with_name("index")
    first = refined(old, "../index")
    before = state(first)
    second = refined(new, "../index")
    found = merged(second)
    assert found == {"same.md": ("known", "exact"), "near.md": ("known", "minhash")}
    kept = {row["kept"] for row in second.read("clusters").to_pylist()}
    assert kept <= set(first.read("chunks")["document"].to_pylist())
    assert len(set(second.read("chunks")["document"].to_pylist())) == 1
    told = made("why", "near.md", "-w", new.with_name("new-space"))
    assert "of a folder that came before" in told
    assert "ropes.md" in told
    known = json.loads(made("why", "near.md", "-w", new.with_name("new-space"), "--json"))["known"]
    assert list(known.values()) == ["ropes.md"]
    # Neither a repeated run nor a run of the first after the second changes anything.
    after = state(second)
    assert state(refined(new, "../index")) == after
    assert state(refined(old, "../index")) == before
    assert state(refined(new, "../index")) == after
    assert len([path for path in index.iterdir() if path.is_dir()]) == 2
    # A workspace that was lost is made again to the same bytes: its own part is not known to it.
    for space in ("old-space", "new-space"):
        again = new.with_name(f"{space}-again")
        folder = {"old-space": old, "new-space": new}[space]
        made("ingest", folder, "-w", again, "--set", "refine.known_duplicates=../index")
        made("refine", "-w", again)
        assert (
            state(Lake(Workspace(again).lake)) == {"old-space": before, "new-space": after}[space]
        )


def test_what_the_first_forgets_comes_back_in_the_second(folders):
    old, new = folders
    refined(old, "../index")
    refined(new, "../index")
    told = json.loads(made("forget", "ropes.md", "-w", old.with_name("old-space"), "--json"))
    assert told["removed"]["known_duplicates"] == 1
    part = sorted(path for path in old.with_name("index").iterdir() if path.is_dir())[0]
    assert {rank.name for rank, _ in DuplicateIndex(part).documents().values()} == {
        "salt.md",
        "bells.md",
    }
    everything = b"".join(path.read_bytes() for path in part.rglob("*") if path.is_file())
    assert b"About salt" in everything
    assert b"About ropes" not in everything
    assert merged(refined(new, "../index")) == {"same.md": ("known", "exact")}
    (old.with_name("old-space") / "report.html").write_text("it quotes salt.md", "utf-8")
    for name in ("salt.md", "bells.md"):  # down to the last
        made("forget", name, "-w", old.with_name("old-space"))
    assert not DuplicateIndex(part).documents()
    left = [path for path in old.with_name("old-space").iterdir() if path.name[0] != "."]
    assert [path.name for path in left] == ["project.json"]
    assert merged(refined(new, "../index")) == {}


def test_killed_anywhere_and_run_again_gives_the_same_bytes(folders):
    old, new = folders
    refined(old, "../index")
    wanted = state(refined(new, "../index"))
    other = old.with_name("other-index")
    refined(old, "../other-index")
    space = new.with_name("killed")
    made("ingest", new, "-w", space, "--set", "refine.known_duplicates=../other-index")
    source = random.Random(1)
    command = [sys.executable, "-m", "goldsmith", "refine", "-w", str(space)]
    for _ in range(4):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=-3) as process:
            time.sleep(source.uniform(0.6, 3.0))
            process.kill()
    made(*command[3:])
    assert state(Lake(Workspace(space).lake)) == wanted
    own, theirs = (
        [DuplicateIndex(part).documents() for part in sorted(folder.glob("0*"))]
        for folder in (other, old.with_name("index"))
    )
    assert own == theirs


def test_a_run_killed_between_the_stage_and_its_part_puts_the_part_right(folders):
    old, new = folders
    first = refined(old, "../index")
    part = next(path for path in old.with_name("index").iterdir() if path.is_dir())
    whole = DuplicateIndex(part).documents()
    (part / "held.json").unlink()
    DuplicateIndex(part).remove(sorted(whole)[:2])
    before = state(first)
    assert state(refined(old, "../index")) == before
    assert DuplicateIndex(part).documents() == whole
    assert set(merged(refined(new, "../index"))) == {"same.md", "near.md"}


def test_a_folder_that_says_nothing_new_says_so(folders):
    old, new = folders
    (new / "glass.md").unlink()
    refined(old, "../index")
    made("ingest", new, "-w", new.with_name("s"), "--set", "refine.known_duplicates=../index")
    code, _, said = run("refine", "-w", new.with_name("s"))
    assert code == 2
    assert "nothing new" in said


def test_an_index_in_the_wrong_place_is_refused(folders):
    old, _ = folders
    old.with_name("taken").mkdir()
    (old.with_name("taken") / "notes.txt").write_text("mine")
    for place, cause in (("index", "among the documents"), ("../taken", "is not an index")):
        space = old.with_name("wrong")
        made("ingest", old, "-w", space, "--set", f"refine.known_duplicates={place}")
        code, _, said = run("refine", "-w", space)
        assert code == 2
        assert cause in said
    assert [path.name for path in old.with_name("taken").iterdir()] == ["notes.txt"]
