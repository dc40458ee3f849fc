"""Make src/goldsmith/refine/grade.json, and tell how good the grade is on documents it never saw.

    python benchmarks/fit_grade.py --data DIR [--write] | --shipped

Good passages are one to six sentences of encyclopedia articles, manuals, abstracts, paragraphs
(English and German), a book of mathematics and papers, formulas, title blocks and references
included, as a reader of PDFs gives them; bad ones are such passages damaged in one of eight ways.
Figures are of five folds split by document, tables and weights made without the fold: `auc` over
all, `auc_KIND` for each damage against the good, `brier`, `calibration_error` (mean distance of the
grade from the share of good passages, in ten bins), `unseen_KIND`: the AUC for a damage that the
weights were fitted without; `bronze_good`, `bronze_bad`: the shares below the shipped cut.
`--shipped` measures what lies in the package on the same passages and on the handbook: the share
of paragraphs of its good and of its garbage documents below the cut, and the web pages' grades.
"""

import argparse
import gzip
import json
import random
import re
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from harness import DATA, HANDBOOK, ROOT, environment, goldsmith, print_result
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from goldsmith.lake import Lake
from goldsmith.project import RefineSettings, Workspace
from goldsmith.refine import grade as grades
from goldsmith.refine.gibberish import gibberish
from goldsmith.refine.language import languages
from goldsmith.refine.screen import passage_scores, reading_ease, repetition

TARGET = ROOT / "src/goldsmith/refine/grade.json"
FOLDS = 5
FREQUENT = 120  # words of the table of order
STEP = 0.1  # nats in one unit of the stored table
PRIOR = 30.0  # occurrences that the chance of two words side by side counts for
CAPS = (1.0, 1.0, 0.6, 0.5, 0.6, 0.7, 0.5, 1.0)  # beyond which a property says no more


class Passage(NamedTuple):
    text: str
    document: str
    language: str
    damage: str  # "" for a good one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--write", action="store_true", help="write what was fitted on all")
    parser.add_argument("--shipped", action="store_true", help="measure the package, fit nothing")
    options = parser.parse_args()
    documents = read_documents(options.data)
    passages = make_passages(documents, seed=1 if options.shipped else 0)
    if options.shipped:
        figures = measured(passages, [score_of(passage) for passage in passages])
        print_result("fit_grade", figures | outside(options.data))
        return
    fold = [zlib.crc32(passage.document.encode()) % FOLDS for passage in passages]
    held = np.zeros(len(passages))
    unseen: dict[str, list[float]] = {}
    for number in range(FOLDS):
        seen = {
            name: d for name, d in documents.items() if zlib.crc32(name.encode()) % FOLDS != number
        }
        use(fit(seen, [p for p, f in zip(passages, fold, strict=True) if f != number]))
        for index, passage in enumerate(passages):
            if fold[index] == number:
                held[index] = score_of(passage)
    for kind in DAMAGES:
        train = [p for p, f in zip(passages, fold, strict=True) if f != 0 and p.damage != kind]
        use(fit({n: d for n, d in documents.items() if zlib.crc32(n.encode()) % FOLDS != 0}, train))
        test = [p for p, f in zip(passages, fold, strict=True) if f == 0 and p.damage in ("", kind)]
        unseen[f"unseen_{kind}"] = auc([score_of(p) for p in test], [not p.damage for p in test])
    fitted = fit(documents, passages)
    if options.write:
        TARGET.write_text(json.dumps(fitted, ensure_ascii=False, indent=1) + "\n", "utf-8")
    weights = dict(zip(grades.PROPERTIES, fitted["weights"], strict=True))
    print(json.dumps(weights | {"intercept": fitted["intercept"]}))
    print_result("fit_grade", measured(passages, list(held)) | unseen)


def read_documents(data: Path) -> dict[str, tuple[str, str]]:
    """Name -> (language, text)."""
    found = {}
    for number, text in enumerate((data / "corpus/wiki_demo.txt").read_text("utf-8").splitlines()):
        found[f"wiki {number}"] = ("en", text[:30_000])
    for path in sorted((data / "corpus/manuals").glob("*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        found[f"manual {path.name}"] = ("en", " ".join(text[100_000:130_000].split()))
    for language in ("en", "de"):
        stored = json.loads((data / f"retrieval/xquad/xquad.{language}.json").read_text("utf-8"))
        for number, row in enumerate(stored["data"]):
            text = " ".join(paragraph["context"] for paragraph in row["paragraphs"])
            found[f"paragraphs {number} {language}"] = (language, text)
    with gzip.open(data / "retrieval/scifact/corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in list(file)[:300]:
            row = json.loads(line)
            found[f"abstract {row['doc_id']}"] = ("en", " ".join(row["abstract"]))
    book = (data / "extraction/geotopo/GeoTopo-book.txt").read_text("utf-8")
    for number in range(0, len(book), 8_000):
        found[f"book {number}"] = ("de", " ".join(book[number : number + 8_000].split()))
    return found | papers(data)


def papers(data: Path) -> dict[str, tuple[str, str]]:
    """What stands in the running text, title blocks and references of labelled papers."""
    columns = ["doc_id", "text", "label"]
    table = pq.read_table(data / "lines/segmentation.parquet", columns=columns)
    found: dict[str, dict[str, list[str]]] = {}
    for row in table.to_pylist():
        kept = found.setdefault(row["doc_id"], {"header": [], "body": [], "reference": []})
        if row["label"] in kept and len(kept[row["label"]]) < 250:
            kept[row["label"]].append(row["text"])
    texts: dict[str, tuple[str, str]] = {}
    for name, parts in found.items():
        text = " ".join(line for part in parts.values() for line in part)
        spoken = languages(" ".join(parts["body"][:40]))
        if spoken:
            texts[f"paper {name}"] = (spoken[0][0], re.sub(r"(?<=[a-z])- (?=[a-z])", "", text))
    return texts


def make_passages(documents: dict[str, tuple[str, str]], seed: int) -> list[Passage]:
    """Up to eight good passages of each document, and as many damaged ones."""
    rng = random.Random(seed)
    kinds = sorted(DAMAGES)
    result = []
    for name, (language, text) in documents.items():
        sentences = [s for s in re.split(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ])", text) if len(s.split()) > 3]
        for _ in range(min(8, len(sentences) // 4)):
            for damage in ("", kinds[rng.randrange(len(kinds))]):
                start = rng.randrange(max(1, len(sentences) - 6))
                chosen = " ".join(sentences[start : start + rng.randint(1, 6)])
                if not 8 <= len(chosen.split()) <= 400:
                    continue
                if damage:
                    chosen = DAMAGES[damage](chosen, rng)
                result.append(Passage(chosen, name, language, damage))
    return result


def _letters(text: str, rng: random.Random) -> str:
    rate = rng.uniform(0.06, 0.3)
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789.,|~^"
    return "".join(
        rng.choice(("", rng.choice(alphabet), c + rng.choice(alphabet)))
        if rng.random() < rate and c != " "
        else c
        for c in text
    )


def _shuffled(text: str, rng: random.Random) -> str:
    words = text.split()
    rng.shuffle(words)
    return " ".join(words)


def _spaces(text: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return "".join("" if c == " " and rng.random() < 0.5 else c for c in text)
    return "".join(c + (" " if rng.random() < 0.4 else "") for c in text)


def _loop(text: str, rng: random.Random) -> str:
    words = text.split()
    length = rng.randint(3, 9)
    start = rng.randrange(max(1, len(words) - length))
    return " ".join([*words[:start], *words[start : start + length] * rng.randint(6, 12)])


def _menu(text: str, rng: random.Random) -> str:
    words = [word.strip(".,;:()") for word in text.split() if len(word) > 4]
    parts = [" ".join(words[at : at + 2]).title() for at in range(0, len(words), 2)]
    return rng.choice((" | ", " ", " > ", " - ")).join(parts)


def _cipher(text: str, rng: random.Random) -> str:
    shift = rng.randint(1, 25)
    turned = [chr((ord(c) - 97 + shift) % 26 + 97) if "a" <= c <= "z" else c for c in text]
    return "".join(turned)


def _columns(text: str, rng: random.Random) -> str:
    words = text.split()
    left, right = words[: len(words) // 2], words[len(words) // 2 :]
    width, result = rng.randint(3, 6), []
    for at in range(0, max(len(left), len(right)), width):
        result += left[at : at + width] + right[at : at + width]
    return " ".join(result)


def _figures(text: str, rng: random.Random) -> str:
    words = [word if rng.random() < 0.25 else "" for word in text.split()]
    return " ".join(w or f"{rng.uniform(0, 500):.{rng.randint(0, 2)}f}" for w in words)


DAMAGES: dict[str, Callable[[str, random.Random], str]] = {
    "letters": _letters, "shuffled": _shuffled, "spaces": _spaces, "loop": _loop, "menu": _menu,
    "cipher": _cipher, "columns": _columns, "figures": _figures,
}  # fmt: skip


def fit(documents: dict[str, tuple[str, str]], passages: Sequence[Passage]) -> dict:
    """Return what grade.json holds: tables from the documents, weights from the passages.

    A logistic regression whose weights are not above 0: no fault may raise a grade.
    """
    fitted = {"order": {lang: order_table(documents, lang) for lang in ("de", "en")}}
    fitted |= {"caps": list(CAPS), "weights": [0.0] * len(CAPS), "intercept": 0.0}
    use(fitted)
    long = [p for p in passages if len(p.text.split()) >= 30]  # shorter ones are graded by these
    rows = np.array([grades.properties(p.text, scores_of(p)) for p in long])
    rows = np.minimum(rows, CAPS)
    sign = np.array([-1.0 if p.damage else 1.0 for p in long])

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (rows @ values[:-1] + values[-1])
        slope = -sign / (1.0 + np.exp(np.clip(margin, -50, 50)))
        penalty = 0.05 * values[:-1]
        gradient = np.append(rows.T @ slope + penalty, slope.sum())
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * penalty @ values[:-1]), gradient

    bounds = [(None, 0.0)] * len(CAPS) + [(None, None)]
    best = minimize(loss, np.zeros(len(CAPS) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    fitted["weights"] = [round(float(weight), 3) for weight in best[:-1]]
    fitted["intercept"] = round(float(best[-1]), 3)
    return fitted


def order_table(documents: dict[str, tuple[str, str]], language: str) -> dict:
    """How much likelier than by chance frequent words (0: any other) follow each other."""
    texts = [text for spoken, text in documents.values() if spoken == language]
    words = [re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.lower()) for text in texts]
    counts = Counter(word for text in words for word in text)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:FREQUENT]
    number = {word: index for index, word in enumerate(frequent, 1)}
    pairs = np.zeros((FREQUENT + 1, FREQUENT + 1))
    for text in words:
        codes = [number.get(word, 0) for word in text]
        np.add.at(pairs, (codes[:-1], codes[1:]), 1)
    before, after = pairs.sum(1) / pairs.sum(), pairs.sum(0) / pairs.sum()
    chance = before[:, None] * after[None, :] * pairs.sum()
    surprise = np.log((pairs + PRIOR * after[None, :]) / (chance + PRIOR * after[None, :]))
    units = np.clip(np.round(surprise / STEP), -44, 47).astype(int)
    rows = ["".join(chr(79 + unit) for unit in row) for row in units]
    return {"words": frequent, "step": STEP, "rows": rows}


def use(fitted: dict) -> None:
    grades._fitted.cache_clear()
    grades._fitted = lambda: fitted
    grades._fitted.cache_clear = lambda: None


def scores_of(passage: Passage) -> dict[str, float]:
    scores = {"gibberish": gibberish(passage.text), "repetition": repetition(passage.text)}
    ease = reading_ease(passage.text, passage.language)
    if ease is not None:
        scores["reading_ease"] = ease
    return scores | {f"language:{passage.language}": 1.0}


def score_of(passage: Passage) -> float:
    return grades.grade(passage.text, "paragraph", scores_of(passage))


def auc(values: Sequence[float], good: Sequence[bool]) -> float:
    return round(float(roc_auc_score(good, values)), 4)


def measured(passages: Sequence[Passage], values: Sequence[float]) -> dict[str, float]:
    good = np.array([not p.damage for p in passages])
    grade = np.array(values)
    figures = {"passages": len(passages), "auc": auc(values, list(good))}
    for kind in DAMAGES:
        some = np.array([p.damage in ("", kind) for p in passages])
        figures[f"auc_{kind}"] = auc(grade[some], good[some])
    bins = np.minimum((grade * 10).astype(int), 9)
    gaps = [abs(grade[bins == b].mean() - good[bins == b].mean()) * (bins == b).mean()
            for b in range(10) if (bins == b).any()]  # fmt: skip
    cut = RefineSettings().minimum_grade
    return figures | {
        "brier": round(float(((grade - good) ** 2).mean()), 4),
        "calibration_error": round(float(sum(gaps)), 4),
        "bronze_good": round(float((grade[good] < cut).mean()), 4),
        "bronze_bad": round(float((grade[~good] < cut).mean()), 4),
        "gold_good": round(float((grade[good] >= RefineSettings().gold_grade).mean()), 4),
        "gold_bad": round(float((grade[~good] >= RefineSettings().gold_grade).mean()), 4),
    }


def outside(data: Path) -> dict[str, float]:
    """The shipped grade on texts that are of no training passage."""
    cut = RefineSettings().minimum_grade
    truth = [
        json.loads(line) for line in (HANDBOOK / "truth/documents.jsonl").open(encoding="utf-8")
    ]
    kinds = {Path(row["file"]).name: row["kind"] for row in truth}
    low: dict[bool, list[bool]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as temporary:
        space = Path(temporary, "workspace")
        for step in (("ingest", HANDBOOK), ("refine",)):
            command = goldsmith(*step, "--workspace", space)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
        lake = Lake(Workspace(space).lake)
        names = {row["id"]: Path(row["uri"]).name for row in lake.read("documents").to_pylist()}
        for row in lake.read("passages").to_pylist():
            kind = kinds.get(names[row["document"]], "chapter")
            if row["kind"] == "paragraph" and len(row["text"].split()) >= 8:
                value = passage_scores(row["text"], "paragraph")["grade"]
                low["gibberish" in kind].append(value < cut)
    pages = [
        json.loads(line)["text"] for line in (data / "corpus/c4_demo.jsonl").open(encoding="utf-8")
    ]
    web = [passage_scores(text, "paragraph")["grade"] for text in pages]
    return {
        "handbook_good_below": round(float(np.mean(low[False])), 4),
        "handbook_garbage_below": round(float(np.mean(low[True])), 4),
        "web_below": round(float(np.mean(np.array(web) < cut)), 4),
        "web_median": round(float(np.median(web)), 3),
    }


if __name__ == "__main__":
    main()
