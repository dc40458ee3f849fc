"""Is every word of gold on the page it cites? Checked against the files, not against our lines.

Each word of each chunk cites the page of the span it lies in (a word over two pages: each part its
own). That page's text is read again by the plainest means: pdfium's own plain text of a PDF page,
the file itself for text and Markdown, a page's text without its tags for HTML. A word is on its
page when it is one of its words, or a run of its letters once white space and hyphens are taken out
(lines, columns and letter spacing divide words). Both sides are in NFC with ligatures spelled out;
what repair made (mojibake, accents beside letters) is compared after the same repair of the page.
pdfium's order is not always that of reading, so two more ways count, each apart: the two parts of a
word that a line divides, the first with its hyphen (`found_joined`), and a short or numeric token
of a formula, each part of which is a word of the page (`found_parts`: "x" and "i" of "xi").
`tokens_too_often` counts words (no formulas) that gold, without overlaps, holds more often than the
page does.
The values of form fields are drawn over the page and are not in its text: they are counted apart
(`tokens_form`) and looked for among what pypdf, another program, reads from the page's widgets.
Words of regions that were read by OCR or deciphered have no text layer to compare with: they are
counted apart, and those of the handbook are compared with its known truth.
"""

import argparse
import json
import re
import subprocess
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ftfy
import pypdfium2
from harness import DATA, HANDBOOK, environment, goldsmith, print_result

from goldsmith.lake import Lake
from goldsmith.project import Workspace

SETS = ("geotopo", "scholarly-pdfs", "olmocr-bench", "gnarly-pdfs")
OWN = frozenset({"repaired character", "white space", "hyphen", "control character"})
TEXT_LAYER = frozenset({"pdfium", "html", "markdown", "text", "docx"})
WORD = re.compile(r"\w+")
DIVIDED = re.compile(r"[\s\u00ad\u2010\u2011\x02\ufffe\ufeff\u200b_-]+")
LINE_END = re.compile(r"(\w+)(?:[\u00ad\x02\ufffe]|[-\u2010]\s)")
ANCESTORS = 20  # of a form field that are asked for its value
FORMULA = 4  # letters: longer tokens without a digit are words, and must be there in one piece
ACCENTS = re.compile("[\u00a8\u00b4\u00b8\u02c6\u02c7\u02d8\u02da-\u02dd\u0300-\u036f]")
LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}


def is_formula(word: str) -> bool:
    """Whether a token may be letters and digits that only stand beside each other."""
    return len(word) <= FORMULA or any(character.isdigit() for character in word)


class Word(NamedTuple):
    """A word of a chunk, or its part on one page."""

    text: str
    page: int
    engine: str
    repeated: bool  # in the overlap with the chunk before


class Page:
    """What a page says, as its words and as one run of letters; both repaired, too."""

    def __init__(self, text: str) -> None:
        self.text = normal(text)
        self.words = Counter(WORD.findall(self.text))
        self.run = DIVIDED.sub("", self.text)
        self.ends = set(LINE_END.findall(self.text))
        repaired = normal(ftfy.fix_encoding(text))
        self.repaired = bare(repaired)

    def holds(self, word: str) -> str:
        """How the word is there: "word", "run", "repaired", or "" when it is not."""
        if word in self.words:
            return "word"
        if DIVIDED.sub("", word) in self.run:
            return "run"
        if bare(word) in self.repaired:
            return "repaired"
        cuts = range(1, len(word))
        if any(word[:cut] in self.ends and word[cut:] in self.words for cut in cuts):
            return "joined"
        return "parts" if is_formula(word) and self._parts(word) else ""

    def _parts(self, word: str) -> bool:
        """Whether the word falls into words, or runs of two letters and more, of the page."""
        reached = [True] + [False] * len(word)
        for end in range(1, len(word) + 1):
            reached[end] = any(
                reached[at]
                and (word[at:end] in self.words or (end - at > 1 and word[at:end] in self.run))
                for at in range(end)
            )
        return reached[-1]

    def count(self, word: str) -> int:
        """How often the word is there, at the most (in one piece)."""
        return max(self.run.count(DIVIDED.sub("", word)), self.repaired.count(bare(word)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", help="only these sets; else all")
    parser.add_argument("--show", type=int, default=20, help="words not found to print, a set")
    parser.add_argument(
        "--shipped", action="store_true", help="as always here: nothing is fitted on the data"
    )
    options = parser.parse_args()
    folders = {"handbook": HANDBOOK}
    folders |= {name: options.data / "extraction" / name for name in SETS}
    folders["manuals"] = options.data / "corpus/manuals"
    total: Counter[str] = Counter()
    for name, folder in folders.items():
        if options.sets and name not in options.sets:
            continue
        if not folder.is_dir():
            raise SystemExit(f"{folder}: not there; name the data folder with --data")
        with tempfile.TemporaryDirectory() as temporary:
            space = Path(temporary, "workspace")
            for step in (("ingest", folder), ("refine",)):
                command = goldsmith(*step, "--workspace", space)
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
            found, missing = examined(Lake(Workspace(space).lake), folder)
        print(f"{name}: " + ", ".join(f"{key} {found[key]}" for key in sorted(found)))
        for line in missing[: options.show]:
            print(f"  {line}")
        total += found
    names = ("tokens", "tokens_not_on_page", "tokens_too_often", "found_word", "found_run")
    names += (
        "found_repaired",
        "found_joined",
        "found_parts",
        "tokens_form",
        "tokens_form_not_in_field",
        "tokens_ocr",
        "tokens_ocr_not_in_truth",
        "tokens_ocr_with_truth",
    )
    print_result("no_invention", {name: total[name] for name in names})


def examined(lake: Lake, folder: Path) -> tuple[Counter[str], list[str]]:
    """Return the counts over one workspace and a line for each word that is not on its page."""
    engines = dict(
        zip(
            *(lake.read("lines").column(name).to_pylist() for name in ("id", "engine")), strict=True
        )
    )
    placeholders = {
        row["replacement"]
        for row in lake.read("rejects", ["rule", "replacement"]).to_pylist()
        if row["replacement"] and row["rule"] not in OWN
    }
    truths = known_truths(folder)
    counts: Counter[str] = Counter()
    missing: list[str] = []
    chunks: dict[str, list[dict[str, Any]]] = {}
    for chunk in lake.read("chunks").to_pylist():
        chunks.setdefault(chunk["document"], []).append(chunk)
    for file in lake.read("documents").to_pylist():
        if file["status"] != "ok" or file["id"] not in chunks:
            continue
        pages = read_pages(folder / file["uri"])
        truth = truths.get(Path(file["uri"]).name)
        held: Counter[tuple[int, str]] = Counter()
        fields: dict[int, Page] | None = None
        for chunk in chunks[file["id"]]:
            for word in words_of(chunk, engines, placeholders):
                if word.engine == "form":
                    fields = fields if fields is not None else read_fields(folder / file["uri"])
                    counts["tokens_form"] += 1
                    there = word.page in fields and fields[word.page].holds(word.text)
                    counts["tokens_form_not_in_field"] += not there
                    if not there:
                        missing.append(f"{file['uri']} page {word.page}: {word.text!r} in no field")
                    continue
                if word.engine not in TEXT_LAYER:
                    counts["tokens_ocr"] += 1
                    if truth is not None:
                        counts["tokens_ocr_with_truth"] += 1
                        counts["tokens_ocr_not_in_truth"] += not truth.holds(word.text)
                    continue
                counts["tokens"] += 1
                page = pages.get(word.page)
                how = page.holds(word.text) if page is not None else ""
                counts[f"found_{how}" if how else "tokens_not_on_page"] += 1
                if not how:
                    missing.append(f"{file['uri']} page {word.page}: {word.text!r}")
                elif not word.repeated and not is_formula(word.text):
                    held[word.page, word.text] += 1
        for (number, text), count in sorted(held.items()):
            if count > 1 and (excess := count - pages[number].count(text)) > 0:
                counts["tokens_too_often"] += excess
                missing.append(f"{file['uri']} page {number}: {text!r} {excess} times too often")
    return counts, missing


def words_of(
    chunk: dict[str, Any], engines: dict[str, str], placeholders: set[str]
) -> Iterator[Word]:
    """The words of a chunk with the page each cites; a replaced letter cites its neighbour's."""
    text, spans = chunk["text"], chunk["spans"]
    owner: list[dict[str, Any] | None] = [None] * len(text)
    for span in spans:
        owner[span["at"] : span["at"] + span["length"]] = [span] * span["length"]
    hidden = [False] * len(text)
    for placeholder in placeholders:
        for match in re.finditer(re.escape(placeholder), text):
            if not any(owner[match.start() : match.end()]):
                hidden[match.start() : match.end()] = [True] * len(match.group())
    last = spans[0] if spans else None
    for place, span in enumerate(owner):
        last = span or last
        owner[place] = last
    for match in WORD.finditer(text):
        if any(hidden[match.start() : match.end()]):
            continue
        start = match.start()
        for place in range(start, match.end()):
            here, after = owner[place], owner[place + 1] if place + 1 < match.end() else None
            if here is not None and (after is None or after["page"] != here["page"]):
                part = normal(text[start : place + 1])
                engine = engines[here["line"]]
                yield Word(part, here["page"], engine, start < chunk["overlap"])
                start = place + 1


def read_pages(path: Path) -> dict[int, Page]:
    """The pages of a file by the plainest means."""
    ending = path.suffix.lower()
    if ending == ".pdf":
        pages = {}
        document = pypdfium2.PdfDocument(path)
        for number in range(len(document)):
            try:
                page = document[number]
            except pypdfium2.PdfiumError:
                continue
            text = page.get_textpage()
            pages[number + 1] = Page(text.get_text_range())
            text.close()
            page.close()
        document.close()
        return pages
    text = path.read_bytes().decode("utf-8", "replace") if ending != ".docx" else docx_text(path)
    if ending in (".html", ".htm"):
        from lxml import html

        text = html.document_fromstring(text.encode("utf-8")).text_content()
    return {1: Page(text)}


def read_fields(path: Path) -> dict[int, Page]:
    """What the form fields of each page of a PDF say, values and labels of options."""
    import pypdf

    pages = {}
    for number, page in enumerate(pypdf.PdfReader(path).pages, start=1):
        said: list[str] = []
        for reference in page.get("/Annots") or ():
            widget = reference.get_object()
            for _ in range(ANCESTORS):
                if widget is None or widget.get("/Subtype", "/Widget") != "/Widget":
                    break
                said += texts_of(widget.get("/V")) + texts_of(widget.get("/Opt"))
                above = widget.get("/Parent")
                widget = above.get_object() if above is not None else None
        pages[number] = Page("\n".join(said))
    return pages


def texts_of(value: Any) -> list[str]:
    """The strings in a value of a field: one, or a list of them, options with their labels."""
    value = value.get_object() if value is not None else None
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return [] if value is None else [str(value)]


def docx_text(path: Path) -> str:
    import zipfile

    xml = zipfile.ZipFile(path).read("word/document.xml").decode("utf-8")
    return re.sub(r"<[^>]+>", "", xml.replace("</w:p>", "\n"))


def known_truths(folder: Path) -> dict[str, Page]:
    """What is written in each document of the handbook, body and furniture."""
    path = folder / "truth/documents.jsonl"
    if not path.is_file():
        return {}
    truths = {}
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        parts = [part["text"] for name in ("body", "furniture") for part in row.get(name, ())]
        truths[Path(row["file"]).name] = Page("\n".join(parts))
    return truths


def normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.translate(LIGATURES))


def bare(text: str) -> str:
    """Without white space, hyphens and accents: what is left of a letter beside its accent."""
    plain = ACCENTS.sub("", unicodedata.normalize("NFD", text)).replace("ı", "i")
    return DIVIDED.sub("", plain)


if __name__ == "__main__":
    main()
