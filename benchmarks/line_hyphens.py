"""Which hyphens at the ends of lines stay: the rules against texts whose words are known.

Each document's words are set in lines of our own: one word in ten would stand at the end of a line;
there a compound is divided at its hyphen (which must stay), and another word of five letters and
more between two syllables (whose hyphen must go). The divided ones are then no evidence. Nothing is
fitted. For each set: `stays` and `goes`, the divided compounds and other words, and the share of
wrong decisions among each and among all, by the document's words alone (`alone`) and by the
corpus' as well (`corpus`).
"""

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from harness import DATA, HANDBOOK, print_result

from goldsmith.refine.hyphens import Hyphens, Words, belongs, likely

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
VOWELS = "aeiouyäöüAEIOUÄÖÜ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--shipped", action="store_true", help="as always here: nothing is fitted")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    for name, texts in sets(options.data):
        found = measured(texts)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        print(f"{name}: {found}")
    print_result("line_hyphens", figures)


def sets(data: Path) -> Iterator[tuple[str, list[str]]]:
    yield "wiki", (data / "corpus/wiki_demo.txt").read_text("utf-8").splitlines()
    paths = sorted((data / "corpus/manuals").glob("*.gz"))
    yield "manuals", [gzip.decompress(p.read_bytes()).decode("utf-8")[:150_000] for p in paths]
    truth = (HANDBOOK / "truth/documents.jsonl").read_text("utf-8").splitlines()
    rows = [row for line in truth if (row := json.loads(line))["kind"] == "chapter"]
    yield "handbook", ["\n".join(block["text"] for block in row["body"]) for row in rows]
    book = (data / "extraction/geotopo/GeoTopo-book.txt").read_text("utf-8")
    yield "geotopo", [re.sub(r"(\w)-\n(\w)", r"\1\2", book)]
    stored = json.loads((data / "retrieval/xquad/xquad.de.json").read_text("utf-8"))["data"]
    yield "german", ["\n".join(p["context"] for p in row["paragraphs"]) for row in stored]


def measured(texts: list[str]) -> dict[str, float]:
    rng = random.Random(0)
    corpus = Words()
    documents = []
    for text in texts:
        kept, cases = divided(text, rng)
        own = Words()
        own.add([" ".join(kept)])
        corpus.add([" ".join(kept)])
        documents.append((own, cases))
    wrong = {("alone", True): 0, ("alone", False): 0, ("corpus", True): 0, ("corpus", False): 0}
    size = {True: 0, False: 0}
    for own, cases in documents:
        verdicts = {}
        for left, right, _ in cases:
            known = belongs(left, right, corpus)
            verdicts[left, right] = likely(left, right, corpus) if known is None else known
        for left, right, stays in cases:
            size[stays] += 1
            wrong["alone", stays] += Hyphens(own, {}).stays(left, right) != stays
            wrong["corpus", stays] += Hyphens(own, verdicts).stays(left, right) != stays
    found: dict[str, float] = {"stays": size[True], "goes": size[False]}
    for way in ("alone", "corpus"):
        found[f"{way}_wrong_stays"] = round(wrong[way, True] / max(size[True], 1), 4)
        found[f"{way}_wrong_goes"] = round(wrong[way, False] / max(size[False], 1), 4)
        every = wrong[way, True] + wrong[way, False]
        found[f"{way}_wrong"] = round(every / max(sum(size.values()), 1), 4)
    return found


def divided(text: str, rng: random.Random) -> tuple[list[str], list[tuple[str, str, bool]]]:
    """The words that stay whole, and (left, right, whether the hyphen stays) of the others."""
    kept, cases = [], []
    for word in WORD.findall(text.replace("‐", "-")):
        places = [m.start() for m in re.finditer("-", word)] if "-" in word else syllables(word)
        if rng.random() < 0.1 and places and ("-" in word or rng.random() < 0.6):
            place = rng.choice(places)
            cases.append((word[:place], word[place:].removeprefix("-"), "-" in word))
        else:
            kept.append(word)
    return kept, cases


def syllables(word: str) -> list[int]:
    """Where a word of five letters and more may be divided: before a consonant and its vowel."""
    return [
        at
        for at in range(2, len(word) - 2)
        if len(word) >= 5 and word[at] not in VOWELS and word[at + 1] in VOWELS
        and (word[at - 1] in VOWELS or (at > 2 and word[at - 2] in VOWELS))
    ]  # fmt: skip


if __name__ == "__main__":
    main()
