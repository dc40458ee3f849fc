"""Every file of a folder gets a row, whatever is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import docx

from goldsmith.errors import UserError
from goldsmith.extract import list_files
from goldsmith.extract.files import DOCX, HTML, MARKDOWN, PDF, TEXT, media_type
from goldsmith.lake.schemas import DOCUMENT_REASONS, STATUSES
from goldsmith.project import IngestSettings


def listed(folder: Path, **settings: object) -> dict[str, dict[str, object]]:
    table = list_files(folder, IngestSettings.model_validate(settings))
    uris = table["uri"].to_pylist()
    assert uris == sorted(uris)
    for row in table.to_pylist():
        assert row["id"].startswith("d-")
        assert row["status"] in STATUSES
        assert row["reason"] is None or row["reason"] in DOCUMENT_REASONS
        assert (row["status"] == "ok") == (row["reason"] is None)
    return {row["uri"]: row for row in table.to_pylist()}


def test_copies_point_to_the_first_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "copy.txt").write_text("same")
    (tmp_path / "a.txt").write_text("same")
    (tmp_path / "c.md").write_text("other")
    rows = listed(tmp_path)
    assert rows["a.txt"]["status"] == "ok"
    copy = rows["b/copy.txt"]
    assert (copy["status"], copy["reason"]) == ("duplicate", "same bytes")
    assert copy["duplicate_of"] == "a.txt"
    assert copy["id"] == rows["a.txt"]["id"] != rows["c.md"]["id"]


def test_what_cannot_be_taken_in_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    (tmp_path / "large.txt").write_bytes(b"x" * 100)
    (tmp_path / "table.csv").write_text("a,b")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    rows = listed(tmp_path, maximum_bytes=50)
    reasons = {uri: row["reason"] for uri, row in rows.items()}
    assert reasons == {
        "empty.txt": "empty file",
        "gone.txt": "unreadable",
        "large.txt": "too large",
        "picture.png": "unsupported type",
        "pipe.txt": "unreadable",
        "table.csv": "unsupported type",
    }


def test_a_name_that_is_not_utf8_is_listed_and_refused(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    except OSError:
        pytest.skip("this file system refuses such names")
    (row,) = listed(tmp_path).values()
    assert (row["status"], row["reason"]) == ("failed", "unreadable")


def test_hidden_files_globs_and_link_loops(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.txt").write_text("1")
    (tmp_path / ".b.txt").write_text("2")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.txt").write_text("3")
    (tmp_path / "d.md").write_text("4")
    (tmp_path / "deep" / "er" / "loop").symlink_to(tmp_path)
    assert list(listed(tmp_path)) == ["d.md", "deep/er/c.txt"]
    assert list(listed(tmp_path, include=("**/*.txt",))) == ["deep/er/c.txt"]
    assert list(listed(tmp_path, exclude=("deep/**",))) == ["d.md"]
    assert list(listed(tmp_path, include=("*.md",))) == ["d.md"]


def test_the_folder_itself_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        list_files(tmp_path / "none", IngestSettings())


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.txt", b"junk %PDF-1.7", PDF),
        ("a.pdf", b"no magic", PDF),
        ("a.txt", b"<!DOCTYPE html><p>x", HTML),
        ("a", b"\xef\xbb\xbf <html>", HTML),
        ("a.md", b"<html> in markdown", MARKDOWN),
        ("a.txt", b"\xff\xfeh\x00i\x00", TEXT),
        ("a.txt", b"a\x00b", "application/octet-stream"),
        ("README", b"words", TEXT),
        ("a.exe", b"words", "application/octet-stream"),
    ],
)
def test_media_type_goes_by_bytes_first(name: str, head: bytes, expected: str) -> None:
    assert media_type(name, head) == expected


def test_a_word_document_is_known_by_its_parts(tmp_path: Path) -> None:
    (tmp_path / "letter.bin").write_bytes(docx("<w:p/>"))
    assert listed(tmp_path)["letter.bin"]["media_type"] == DOCX
