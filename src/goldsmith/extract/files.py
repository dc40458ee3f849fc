"""The files of a folder: what each is, by its bytes, and whether it will be read.

Every regular file gets one row, whatever is wrong with it: what cannot be taken in is listed with
the reason, so that nothing vanishes between the folder and the ledger. Hidden files and folders,
files outside the include globs, and links that lead back to a folder above are not listed.
Content is hashed here in pieces and read whole only by the extract stage.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import IngestSettings

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
BINARY = "application/octet-stream"
SUPPORTED = (PDF, DOCX, HTML, MARKDOWN, TEXT)

COLUMNS = ("id", "uri", "media_type", "size", "status", "reason", "detail", "duplicate_of")

_EXTENSIONS = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": TEXT,
    ".text": TEXT,
    ".rst": TEXT,
    "": TEXT,
}
_HEAD = 4096
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)


def list_files(folder: Path, settings: IngestSettings) -> pa.Table:
    """Return one row for each file below ``folder``, sorted by uri.

    Columns id, uri, media_type, size (bytes), status, reason, detail, duplicate_of; words as in the
    ``documents`` schema. Status "ok" means that the file is to be read. Raises UserError when the
    folder itself cannot be listed.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: is not a folder; give the folder that holds your documents")
    rows: list[dict[str, object]] = []
    first: dict[object, object] = {}
    for uri, path in sorted(_walk(folder)):
        if not _matches(uri, settings.include) or _matches(uri, settings.exclude):
            continue
        row = _row(uri, path, settings.maximum_bytes)
        if row["status"] == "ok":
            earlier = first.setdefault(row["id"], uri)
            if earlier != uri:
                row |= {"status": "duplicate", "reason": "same bytes", "duplicate_of": earlier}
        rows.append(row)
    fields = [SCHEMAS["documents"].field(name) for name in COLUMNS]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def media_type(name: str, head: bytes, path: Path | None = None) -> str:
    """Return the media type of a file from its first bytes and its name.

    Bytes win over the name, where they say something: a PDF called ``notes.txt`` is a PDF.
    """
    extension = os.path.splitext(name)[1].lower()
    by_name = _EXTENSIONS.get(extension)
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return DOCX if _is_docx(path) else "application/zip"
    if by_name in (PDF, DOCX):
        return by_name  # a broken one: its reader says what is wrong
    if _is_binary(head):
        return BINARY
    if _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")) and by_name != MARKDOWN:
        return HTML
    return by_name or BINARY


def _row(uri: str, path: Path, maximum_bytes: int) -> dict[str, object]:
    row: dict[str, object] = {"uri": uri, "media_type": BINARY, "size": 0, "status": "ok"}
    try:
        about = path.stat()
        row["size"] = about.st_size
        unread = content_id("document", "not read", uri, about.st_size)
        if not stat.S_ISREG(about.st_mode):
            return row | _failed(unread, "unreadable", "not a regular file")
        if about.st_size == 0:
            return row | _failed(unread, "empty file", "the file has no bytes")
        if about.st_size > maximum_bytes:
            detail = f"{about.st_size} bytes; ingest.maximum_bytes is {maximum_bytes}"
            return row | _failed(unread, "too large", detail)
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        unread = content_id("document", "not read", uri)
        return row | _failed(unread, "unreadable", error.strerror or "cannot be opened")
    identifier = content_id("document", digest)
    row |= {"id": identifier, "media_type": media_type(path.name, head, path)}
    if row["media_type"] not in SUPPORTED:
        kinds = "PDF, DOCX, HTML, Markdown and plain text are read"
        row |= _failed(identifier, "unsupported type", kinds)
    if "\\x" in uri and not _is_plain_name(path):
        detail = "the file's name is not UTF-8; rename it"
        row |= _failed(identifier, "unreadable", detail)
    return row


def _failed(identifier: str, reason: str, detail: str) -> dict[str, object]:
    return {"id": identifier, "status": "failed", "reason": reason, "detail": detail}


def _walk(
    folder: Path, above: tuple[tuple[int, int], ...] = (), prefix: str = ""
) -> Iterator[tuple[str, Path]]:
    """Yield (uri, path) of every file; a folder met again below itself is not entered."""
    try:
        about = folder.stat()
        entries = list(os.scandir(folder))
    except OSError:
        return
    place = (about.st_dev, about.st_ino)
    if place in above:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
        if entry.is_dir():
            yield from _walk(Path(entry.path), (*above, place), f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", Path(entry.path)


def _is_plain_name(path: Path) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_binary(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False  # UTF-16 text
    return b"\x00" in head or sum(byte < 9 or 13 < byte < 27 for byte in head) * 50 > len(head)


def _is_docx(path: Path | None) -> bool:
    if path is None:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix.lower() == ".docx"


def _matches(uri: str, patterns: tuple[str, ...]) -> bool:
    return any(_pattern(pattern).fullmatch(uri) for pattern in patterns)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``**/`` any folders, ``*`` and ``?`` within one name."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(parts.get(piece, re.escape(piece)) for piece in pieces), re.S)
