"""Every mistake a user can make: one line with the cause and the next command, exit code 2, and the
workspace as it was."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def goldsmith(*arguments, folder, **environment):
    return subprocess.run(
        [sys.executable, "-m", "goldsmith", *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_mistake(done, *words):
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("goldsmith: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def papers(tmp_path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    text = "# Salt\n\n" + "Salt keeps food from spoiling because it draws out water. " * 12
    (folder / "salt.md").write_text(text)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A workspace with documents and lines in it."""
    root = tmp_path_factory.mktemp("made")
    (root / "papers").mkdir()
    (root / "papers" / "salt.md").write_text("# Salt\n\nSalt keeps food from spoiling.\n" * 3)
    done = goldsmith("ingest", "papers", folder=root)
    assert done.returncode == 0, done.stderr
    return root


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_missing_folder(tmp_path):
    done = goldsmith("run", "nowhere", folder=tmp_path)
    assert_mistake(done, "nowhere", "no such folder", "check the path")
    assert not list(tmp_path.iterdir())


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "a.pdf").touch()
    assert_mistake(goldsmith("run", "a.pdf", folder=tmp_path), "is a file")


def test_empty_folder(tmp_path):
    (tmp_path / "papers").mkdir()
    done = goldsmith("run", "papers", folder=tmp_path)
    assert_mistake(done, "papers", "no files", "put PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["papers"]


def test_a_folder_with_nothing_readable(tmp_path):
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "film.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    done = goldsmith("run", "papers", folder=tmp_path)
    assert_mistake(done, "none of them readable")
    assert not (tmp_path / "goldsmith-workspace").exists()


def test_unreadable_config(papers):
    (papers / "goldsmith.toml").write_bytes(b"name = \xff\xfe")
    assert_mistake(goldsmith("run", papers, folder=papers.parent), "goldsmith.toml", "UTF-8")
    assert_mistake(
        goldsmith("run", papers, "--config", "none.toml", folder=papers.parent), "none.toml"
    )
    (papers / "goldsmith.toml").write_text("name = [")
    assert_mistake(goldsmith("run", papers, folder=papers.parent), "not valid TOML")
    assert not (papers.parent / "goldsmith-workspace").exists()


def test_unknown_key(papers):
    (papers / "goldsmith.toml").write_text("[train]\nstep = 3\n")
    done = goldsmith("run", papers, folder=papers.parent)
    assert_mistake(done, "goldsmith.toml", "unknown key 'train.step'", "steps")


@pytest.mark.parametrize("value", ["steps = -1", 'steps = "many"', "learning_rate = 0"])
def test_bad_value(papers, value):
    (papers / "goldsmith.toml").write_text(f"[train]\n{value}\n")
    done = goldsmith("run", papers, folder=papers.parent)
    assert_mistake(done, "bad value for 'train.", "change it")
    assert not (papers.parent / "goldsmith-workspace").exists()


def test_bad_override(papers):
    done = goldsmith("run", papers, "--set", "train.steps", folder=papers.parent)
    assert_mistake(done, "--set train.steps", "section.key=value")


def test_unknown_command_and_option(tmp_path):
    assert_mistake(goldsmith("polish", folder=tmp_path), "polish", "--help")
    assert_mistake(goldsmith("run", "--fast", folder=tmp_path), "--fast", "--help")


def test_no_workspace(tmp_path):
    for verb in (["refine"], ["status"], ["ask", "why?"], ["why", "c-123456"], ["report"]):
        assert_mistake(goldsmith(*verb, folder=tmp_path), "no workspace", "goldsmith run")
    assert not list(tmp_path.iterdir())


def test_a_workspace_of_another_folder(made, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made / "papers", other)
    before = snapshot(made)
    done = goldsmith("run", other, "-w", made / "goldsmith-workspace", folder=tmp_path)
    assert_mistake(done, "holds the results of", "--workspace")
    assert snapshot(made) == before


def test_a_folder_that_is_no_workspace(papers):
    (papers.parent / "mine").mkdir()
    (papers.parent / "mine" / "thesis.txt").write_text("dear to me")
    done = goldsmith("run", papers, "-w", "mine", folder=papers.parent)
    assert_mistake(done, "not a goldsmith workspace")
    assert (papers.parent / "mine" / "thesis.txt").read_text() == "dear to me"


def test_corrupt_table(made, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    workspace = copy / "goldsmith-workspace"
    project = workspace / "project.json"
    project.write_text(project.read_text().replace(str(made), str(copy)))
    for path in (workspace / "lake" / "lines").glob("*.parquet"):
        path.write_bytes(b"not a table")
    before = snapshot(workspace)
    done = goldsmith("refine", folder=copy)
    assert_mistake(done, "table 'lines'", "delete the folder", "goldsmith run")
    after = snapshot(workspace)
    assert {name: after[name] for name in before} == before


def test_unreadable_project_file(made, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    (copy / "goldsmith-workspace" / "project.json").write_text("{")
    assert_mistake(goldsmith("status", folder=copy), "project.json", "delete it")


def test_unknown_id(made):
    assert_mistake(goldsmith("why", "c-00000000", folder=made), "c-00000000", "goldsmith status")
    assert_mistake(goldsmith("forget", "gone.pdf", folder=made), "gone.pdf", "goldsmith status")


def test_exporting_nothing_or_to_nowhere(made):
    assert_mistake(goldsmith("export", folder=made), "FOLDER", "--check")
    assert_mistake(goldsmith("export", "papers", folder=made), "papers", "another folder")
    assert_mistake(goldsmith("export", "--check", folder=made), "no model", "goldsmith train")


def test_asking_before_there_is_an_index(made):
    assert_mistake(goldsmith("ask", "What does salt do?", folder=made), "index", "goldsmith")


def test_port_in_use(made):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = goldsmith("serve", "--port", port, folder=made)
    assert_mistake(done, str(port), "--port")


def test_two_commands_in_one_workspace(made):
    import fcntl

    with (made / "goldsmith-workspace" / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert_mistake(goldsmith("refine", folder=made), "another goldsmith command")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk(papers, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        done = goldsmith("run", papers, "-w", disk / "workspace", folder=tmp_path)
        done.stderr = done.stderr.splitlines(keepends=True)[-1]  # after what went well
        assert_mistake(done, "disk of the workspace is full", "free some space")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_debug_shows_the_traceback(tmp_path):
    done = goldsmith("run", "nowhere", "--debug", folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_init_writes_a_config_that_loads_and_never_overwrites(papers):
    assert goldsmith("init", papers, folder=papers.parent).returncode == 0
    from goldsmith.project import Settings, load_settings

    assert load_settings(papers / "goldsmith.toml") == Settings()
    assert_mistake(goldsmith("init", papers, folder=papers.parent), "already there")
    assert_mistake(goldsmith("init", "nowhere", folder=papers.parent), "no such folder")
