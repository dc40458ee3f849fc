"""Typeset the handbook and write down the truth about it.

    python examples/handbook/build.py

reads `source/`, writes `pdf/` and `truth/`. A second build gives the same bytes. Needs typst,
pypdfium2, pillow and numpy. What the truth files hold is said in README.md; a mistake in a source
or a question stops the build with its file and line, before anything is written.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2
import specials
import typst
from markup import Source, SourceError, parse
from truth import (
    Letter,
    Reading,
    TruthError,
    fold,
    ink_text,
    label_lines,
    read_block,
    read_letters,
    reading_order,
)
from typeset import compile_pdf, load_references, typeset

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
COPIED, COPY = "03", "tokenizers-copy"  # chapter, name of its exact copy
REVISED, REVISION = "02", "second-edition-draft"  # chapter, name of its near copy
GIBBERISH = "unreadable-export"
FIELDS = {"id", "question", "answer", "passage", "section", "answerable"}
OPTIONAL = {"also"}  # other passages that answer the question by themselves


@dataclass
class Made:
    """One finished PDF and all that is known about it."""

    name: str
    kind: str
    pdf: bytes
    pages: int
    source: Source | None = None
    readings: list[Reading] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    duplicate_of: str | None = None

    @property
    def file(self) -> str:
        return f"pdf/{self.name}.pdf"


def main() -> int:
    try:
        made = make_all()
        questions = read_questions(made)
    except (SourceError, TruthError, typst.TypstError) as error:
        print(f"handbook: {error}", file=sys.stderr)
        return 2
    for folder in ("pdf", "truth"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    for document in made:
        (HERE / document.file).write_bytes(document.pdf)
    write_rows("documents", [describe(document) for document in made])
    write_rows("lines", [row for document in made for row in lines(document)])
    write_rows("questions", questions)
    train = sum(row["split"] == "train" for row in questions)
    print(
        f"{len(made)} documents, {sum(document.pages for document in made)} pages, "
        f"{sum(len(document.pdf) for document in made) / 2**20:.2f} MiB, "
        f"{len(questions)} questions ({train} to train, {len(questions) - train} to evaluate)"
    )
    return 0


def make_all() -> list[Made]:
    references = load_references(SOURCE)
    made = []
    for path in sorted(SOURCE.glob("[0-9][0-9]-*.md")):
        made.append(make(path, path.read_text("utf-8"), references, str(int(path.name[:2]))))
    chapters = {document.name[:2]: document for document in made}
    for path in sorted((SOURCE / "special").glob("*.md")):
        made.append(make(path, path.read_text("utf-8"), references))
    text = specials.gibberish(GIBBERISH, 420)
    made.append(make(SOURCE / f"{GIBBERISH}.md", text, references, kind="gibberish"))
    if original := chapters.get(REVISED):
        edits = read_edits(SOURCE / "special" / "second-edition.txt")
        path = SOURCE / f"{original.name}.md"
        title = f"{original.source.title}, revised" if original.source else ""
        text, share = specials.second_edition(path.read_text("utf-8"), edits, title)
        if not 0.03 <= share <= 0.08:
            raise SourceError(f"second-edition.txt: changes {share:.1%} of the words, not 3 to 8 %")
        copy = make(
            SOURCE / f"{REVISION}.md", text, references, REVISED.lstrip("0"), "near_duplicate"
        )
        copy.duplicate_of = original.file
        made.append(copy)
    if original := chapters.get(COPIED):
        made.append(
            Made(
                COPY, "exact_duplicate", original.pdf, original.pages, original.source,
                original.readings, original.letters, original.references, original.file,
            )
        )  # fmt: skip
    return sorted(made, key=lambda document: document.file)


def make(
    path: Path, text: str, references: dict[str, dict], number: str = "", kind: str | None = None
) -> Made:
    """Typeset one source twice, in black and in colour, and read it back."""
    source = parse(path, text, number)
    try:
        written, printed = typeset(source, references)
        pdf = compile_pdf(written, SOURCE)
        coloured = compile_pdf(written, SOURCE, colours=True)
    except typst.TypstError as error:
        raise SourceError(f"{path.name}: typst refuses it: {error}") from error
    letters = read_letters(coloured, pdf, len(source.inks))
    readings = [read_block(b, letters, source) for b in source.blocks if b.kind != "figure"]
    with pypdfium2.PdfDocument(pdf) as document:
        widths = [page.get_width() for page in document]
    made = Made(
        path.stem, kind or source.settings["kind"], pdf, len(widths), source,
        reading_order(readings, int(source.settings["columns"]), widths), letters, printed,
    )  # fmt: skip
    if made.kind == "scan":
        made.pdf = specials.scan(pdf, made.name)
    elif made.kind == "broken":
        made.pdf = specials.permute_text_layer(pdf, made.name)
    return made


def describe(document: Made) -> dict:
    """The row of documents.jsonl."""
    source = document.source
    assert source is not None
    body = [
        {"kind": r.block.kind, "text": r.text, "page": r.page, "level": r.block.level}
        for r in document.readings
    ]
    return {
        "file": document.file,
        "kind": document.kind,
        "pages": document.pages,
        "title": source.title,
        "duplicate_of": document.duplicate_of,
        "body": body,
        "furniture": furniture(document),
        "footnotes": ["".join(piece.text for piece in note) for note in source.notes.values()],
        "references": document.references,
    }


def furniture(document: Made) -> list[dict]:
    """Running heads, page numbers, and marks with the words before them."""
    source, found = document.source, []
    assert source is not None
    for page in range(1, document.pages + 1):
        own = [letter for letter in document.letters if letter.page == page]
        for ink, kind in ((1, "running_head"), (2, "page_number"), (3, "figure_text")):
            if text := ink_text(own, ink):
                found.append({"kind": kind, "text": text, "page": page, "context": None})
    for reading in document.readings:
        said = ""
        for run in reading.block.pieces:
            for piece in run:
                if piece.style in ("note", "cite"):
                    kind = "footnote_mark" if piece.style == "note" else "citation_mark"
                    page = next(l.page for l in document.letters if l.ink == piece.ink)  # noqa: E741
                    text = ink_text(document.letters, piece.ink)
                    context = " ".join(said.split()[-3:])
                    found.append({"kind": kind, "text": text, "page": page, "context": context})
                elif piece.style == "math":
                    said += ink_text(document.letters, piece.ink)
                else:
                    said += piece.text
            said += " "
    return found


def lines(document: Made) -> list[dict]:
    """Rows of lines.jsonl, for documents whose text layer can be trusted."""
    if document.kind not in ("chapter", "near_duplicate", "foreign"):
        return []
    assert document.source is not None
    return [
        {"file": document.file, "page": page, "text": text, "label": label}
        for page, text, label in label_lines(document.letters, document.source)
    ]


def read_edits(path: Path) -> list[tuple[str, str]]:
    edits = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            old, arrow, new = line.partition(" -> ")
            if not arrow:
                raise SourceError(f"{path.name}:{number}: an edit is 'old words -> new words'")
            edits.append((old.strip(), new.strip()))
    return edits


def read_questions(made: list[Made]) -> list[dict]:
    """Rows of questions.jsonl, checked: answer in passage, passage in section and on its page,
    other passages in the documents they name."""
    documents = {d.name: d for d in made if d.kind in ("chapter", "scan", "broken")}
    rows, seen, wrong = [], set(), []
    for path in sorted((SOURCE / "questions").glob("*.jsonl")):
        owners = [d for name, d in documents.items() if re.match(path.stem + r"(-|$)", name)]
        if len(owners) != 1:
            raise SourceError(f"{path.name}: no single source starts with '{path.stem}'")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            where = f"questions/{path.name}:{number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise SourceError(f"{where}: is not JSON: {error}") from error
            keys = set(row) - OPTIONAL if isinstance(row, dict) else None
            if keys != FIELDS or row["id"] in seen:
                raise SourceError(f"{where}: needs exactly the keys {sorted(FIELDS)}, own id")
            seen.add(row["id"])
            try:
                placed = _place(row, owners[0], where)
                rows.append({**placed, "also": _other_places(row, placed, made, where)})
            except SourceError as error:
                wrong.append(str(error))
    if wrong:
        raise SourceError("\nhandbook: ".join(wrong))
    check_halves(rows)
    return rows


def _place(row: dict, document: Made, where: str) -> dict:
    source = document.source
    assert source is not None
    sections: dict[str, list[Reading]] = {}  # of "##" headings; a "###" belongs to the one above
    names: dict[str, str] = {}
    by_block = {id(reading.block): reading for reading in document.readings}
    current = source.title
    for block in source.blocks:
        if block.kind == "heading":
            heading = "".join(piece.text for piece in block.pieces[0])
            current = heading if block.level < 3 else current
            names[fold(heading)[0].lower()] = current
        if id(block) in by_block:
            sections.setdefault(current, []).append(by_block[id(block)])
    section = names.get(fold(row["section"] or source.title)[0].lower())
    if section is None:
        raise SourceError(f"{where}: no section {row['section']!r}; there are {list(sections)}")
    out = {
        "id": row["id"],
        "document": document.file,
        "question": row["question"],
        "answer": None,
        "passage": None,
        "section": section,
        "answerable": row["answerable"],
        "page": None,
        "pages": [],
        "split": split(document.file, section),
    }
    if not row["answerable"]:
        if row["answer"] is not None or row["passage"] is not None:
            raise SourceError(f"{where}: not answerable, so answer and passage must be null")
        return out
    for reading in sections[section]:
        if row["passage"] and (found := reading.find(row["passage"])):
            break
    else:
        raise SourceError(f"{where}: the passage is not in one paragraph of section {section!r}")
    passage = reading.text[found[0] : found[1]]
    folded, places = fold(passage)
    wanted = fold(row["answer"] or "")[0]
    at = folded.find(wanted)
    if not wanted or at < 0:
        raise SourceError(f"{where}: the answer is not in the passage {passage[:60]!r}")
    start, end = places[at], places[at + len(wanted) - 1] + 1
    pages = reading.pages(*found)
    here = reading.pages(found[0] + start, found[0] + end)[0]
    out.update(answer=passage[start:end], passage=passage, page=here, pages=pages)
    return out


def _other_places(row: dict, placed: dict, made: list[Made], where: str) -> list[dict]:
    """The other passages a question names, and each of its passages again in every copy of it."""
    given = row.get("also", [])
    if not placed["answerable"]:
        if given:
            raise SourceError(f"{where}: not answerable, so no other passage answers it")
        return []
    if not isinstance(given, list) or any(
        not isinstance(each, dict) or set(each) != {"document", "passage"} for each in given
    ):
        raise SourceError(f"{where}: 'also' needs a list of document and passage")
    found = []
    for each in given:
        if (place := _find(each["passage"], each["document"], made)) is None:
            raise SourceError(
                f"{where}: {each['document']} has no paragraph with {each['passage'][:60]!r}"
            )
        found.append(place)
    for passage in [placed["passage"], *(place["passage"] for place in found)]:
        for document in made:
            if place := _find(passage, document.file, made):
                found.append(place)
    own = placed["document"], placed["passage"]
    kept: dict[tuple[str, str], dict] = {}
    for place in found:
        kept.setdefault((place["document"], place["passage"]), place)
    return [place for key, place in kept.items() if key != own]


def _find(passage: str, file: str, made: list[Made]) -> dict | None:
    """Where a document says a passage: its words there and their pages; None when it does not."""
    for document in made:
        for reading in document.readings if document.file == file else ():
            if found := reading.find(passage):
                said = reading.text[found[0] : found[1]]
                return {"document": file, "passage": said, "pages": reading.pages(*found)}
    return None


def split(file: str, section: str) -> str:
    """Which half a section of a chapter belongs to."""
    digest = hashlib.sha256(f"{file}\0{section}".encode()).digest()
    return "train" if digest[0] % 2 else "evaluate"


def check_halves(rows: list[dict]) -> None:
    """No passage of one half is, holds or is held by a passage of the other (other places may)."""
    halves: dict[str, list[tuple[str, str]]] = {"train": [], "evaluate": []}
    for row in rows:
        if row["passage"]:
            halves[row["split"]].append((fold(row["passage"])[0].lower(), row["id"]))
    for one, first in halves["train"]:
        for two, second in halves["evaluate"]:
            if one in two or two in one:
                raise SourceError(f"questions {first} and {second}: one passage in both halves")


def write_rows(name: str, rows: list[dict]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / "truth" / f"{name}.jsonl").write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
