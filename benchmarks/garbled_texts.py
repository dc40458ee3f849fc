"""The texts that `garbled.py` typesets and `fit_language.py` counts, never the same ones.

A text belongs to half 0 or 1 by a hash of its name or its beginning. Half 0 is counted for the
language model, half 1 is typeset. Texts of the project's own (`own`) are only typeset.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import HANDBOOK

OWN = Path(__file__).parent / "garbled_texts.txt"


@dataclass(frozen=True)
class Text:
    language: str
    name: str
    text: str


def own() -> Iterator[Text]:
    """The handbook's chapters and the paragraphs written for this benchmark."""
    for path in sorted((HANDBOOK / "source").glob("*.md")):
        plain = re.sub(r"[`*_#>|$\\]|\{[^}]*\}|!?\[|\]\([^)]*\)", "", path.read_text("utf-8"))
        yield Text("en", path.name, plain)
    for block in OWN.read_text("utf-8").split("\n== ")[1:]:
        language, _, text = block.partition("\n")
        yield Text(language.strip(), f"own {language.strip()}", text.strip())


def corpus(data: Path, half: int) -> Iterator[Text]:
    """The texts of a data folder that belong to ``half``, 0 or 1."""
    for text in _all(data):
        digest = hashlib.sha256(text.name.encode()).digest()
        if digest[0] % 2 == half:
            yield text


def _all(data: Path) -> Iterator[Text]:
    for path in sorted((data / "corpus/manuals").glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield Text("en", path.name, file.read())
    for name in ("tinyshakespeare.txt", "wiki_demo.txt"):
        path = data / "corpus" / name
        if path.exists():
            whole = path.read_text("utf-8")
            pieces = [whole[at : at + 20_000] for at in range(0, len(whole), 20_000)]
            if "wiki" in name:
                pieces = whole.splitlines()
            yield from (Text("en", piece[:80], piece) for piece in pieces if len(piece) > 400)
    path = data / "corpus/c4_demo.jsonl"
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            text = json.loads(line)["text"]
            yield Text("en", text[:80], text)
    for language in ("de", "fr", "es"):
        path = data / f"retrieval/xquad/xquad.{language}.json"
        if path.exists():
            for entry in json.loads(path.read_text("utf-8"))["data"]:
                text = "\n\n".join(p["context"] for p in entry["paragraphs"])
                yield Text(language, entry["title"], text)
