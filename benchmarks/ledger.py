"""The account of every document at hand: does it balance, and do gold and rejects give it back?

`goldsmith ingest` and `goldsmith refine` run on the handbook and on each set of documents, each in
a workspace of its own: PDFs as they are (the hostile ones included), packed texts unpacked, and the
rows of collections as text files. `balanced`: files where kept + removed + merged is exactly the
input. `restored_identical`: files of which `restore`, which sees gold and rejects alone, gives the
raw lines back: same ids, same order, same text as the table of lines. A crash is a command that
ends with anything but success; a document that cannot be read is none when it is a row with a
reason.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness import DATA, HANDBOOK, environment, goldsmith, print_result

from goldsmith.lake import Lake, restore
from goldsmith.project import Workspace

PAPERS = ("geotopo", "scholarly-pdfs", "olmocr-bench", "gnarly-pdfs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seconds-per-document", type=float, default=600.0)
    parser.add_argument("--sets", nargs="*", help="only these sets; else all")
    parser.add_argument(
        "--shipped", action="store_true", help="as always here: nothing is fitted on the data"
    )
    options = parser.parse_args()
    if not options.data.is_dir():
        raise SystemExit(f"{options.data}: not there; name the data folder with --data")
    limit = f"extract.seconds_per_document={options.seconds_per_document}"
    figures: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        for name, folder in folders(options.data, Path(temporary)):
            if options.sets and name not in options.sets:
                continue
            space = Path(temporary, "workspace", name)
            found = one_set(folder, space, limit)
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()))
            figures.update(found)
            if not found["crashes"]:
                rows = Lake(Workspace(space).lake).read("documents", ["reason"]).to_pylist()
                reasons.update(row["reason"] for row in rows if row["reason"])
            shutil.rmtree(space, ignore_errors=True)
    documents = figures["documents"]
    print_result(
        "ledger",
        {
            "documents": documents,
            "balanced": figures["balanced"],
            "restored_identical": figures["restored_identical"],
            "all_balanced": documents == figures["balanced"] > 0,
            "all_restored_identical": documents == figures["restored_identical"] > 0,
            "crashes": figures["crashes"],
            "lines": figures["lines"],
            "characters": figures["characters"],
            "reasons": dict(sorted(reasons.items())),
        },
    )


def folders(data: Path, temporary: Path) -> Iterator[tuple[str, Path]]:
    """Yield the sets: a name and a folder of documents each."""
    yield "handbook", HANDBOOK
    for name in PAPERS:
        yield name, data / "extraction" / name
    yield "manuals", unpacked(data / "corpus/manuals", temporary / "manuals")
    texts = {
        "wiki": rows_of(data / "corpus/wiki_demo.txt", None),
        "c4": rows_of(data / "corpus/c4_demo.jsonl", "text"),
        "pages": rows_of(data / "extraction/opendataloader-bench/pages.jsonl.gz", "truth_markdown"),
        "abstracts": rows_of(data / "retrieval/scifact/corpus.jsonl.gz", "abstract")[:500],
        "personal": ["\n\n".join(rows_of(data / "pii/synth_dataset_v2.jsonl", "full_text"))],
        "play": [(data / "corpus/tinyshakespeare.txt").read_text("utf-8")],
    }
    for name, rows in texts.items():
        folder = temporary / name
        folder.mkdir()
        for number, text in enumerate(rows):
            ending = (
                "md" if name == "pages" else "html" if name == "c4" and number % 3 == 0 else "txt"
            )
            written = as_html(text) if ending == "html" else text
            (folder / f"{number:05d}.{ending}").write_text(written, "utf-8", "surrogatepass")
        yield name, folder


def rows_of(path: Path, field: str | None) -> list[str]:
    """The texts of a file with one row a line: JSON with this field, or the line itself."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    rows = text.removesuffix("\n").split("\n")
    if field is None:
        return [row for row in rows if row.strip()]
    values = [json.loads(row)[field] for row in rows]
    return [" ".join(value) if isinstance(value, list) else value for value in values if value]


def as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    body = "".join(f"<p>{part}</p>" for part in escaped.split("\n"))
    return f"<!doctype html><html><body>{body}</body></html>"


def unpacked(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.suffix == ".gz":
            (target / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        else:
            shutil.copy(path, target)
    return target


def one_set(folder: Path, space: Path, limit: str) -> dict[str, int]:
    """Run one set and take its account, without `restore`'s own opinion of what it restored."""
    where = ("--workspace", space)
    found = dict.fromkeys(("documents", "balanced", "restored_identical"), 0)
    found |= {"crashes": 0, "lines": 0, "characters": 0}
    refined = {}
    for step in (
        goldsmith("ingest", folder, *where, "--set", limit, "--json"),
        goldsmith("refine", *where, "--json"),
    ):
        done = subprocess.run(step, stdout=subprocess.PIPE, text=True, env=environment())
        if done.returncode:
            return found | {"crashes": 1}
        refined = json.loads(done.stdout)
    for a in refined["documents"]:
        whole = a["kept"] + a["removed"] + a["merged"] == a["input"]
        found["balanced"] += a["lost"] == a["twice"] == 0 and whole
    lake = Lake(Workspace(space).lake)
    table = lake.read("lines", ["document", "order", "id", "page", "text"])
    lines: dict[str, list[tuple]] = {}
    for row in table.to_pylist():
        lines.setdefault(row["document"], []).append(
            (row["order"], row["id"], row["page"], row["text"])
        )
    for file in restore(lake):
        given = [(line.order, line.id, line.page, line.text) for line in file.lines]
        found["documents"] += 1
        found["restored_identical"] += given == lines.get(file.document, [])
    found["lines"] = table.num_rows
    found["characters"] = sum(a["input"] for a in refined["documents"])
    return found


if __name__ == "__main__":
    main()
