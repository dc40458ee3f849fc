"""Damaged text layers: are they noticed, and is the text deciphered without OCR?

    python benchmarks/garbled.py [--data DIR] [--shipped] [--documents N]

Typesets documents (200 by default) from the project's own texts and, with ``--data``, from the half
of a data folder that the language model never counted: in English, German, French and Spanish, from
one paragraph to several pages, in five typefaces and three styles. Two thirds of them get a damaged
ToUnicode map (by seed): codes shifted, permuted, wrong in part, or no map at all, in all fonts or
in one. The others stay sound, and are prose, formulas, code, tables, names, upper case and numbers.

Figures: ``detect_auc`` over font runs (a font subset of a document with eight characters or more);
``characters_right`` over the characters of damaged runs, those that cannot be seen left in;
``lines_right``, what a reader of the final lines gets (one minus edit distance over length);
``sound_touched``, runs that were sound and were changed; ``confidence_error``, the expected
calibration error of the probabilities of deciphered characters (``doubtful``: of those stated
below 0.99), of the means of runs, and of the confidences of lines, with reliability tables
(`garbled_confidence`). `--shipped` changes nothing: nothing is trained here.
"""

from __future__ import annotations

import argparse
import random
import re
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import typst
from garbled_confidence import Told, error, table, told_by_lines
from garbled_damage import damaged
from garbled_texts import Text, corpus, own
from harness import print_result
from rapidfuzz.distance import Levenshtein
from sklearn.metrics import roc_auc_score

from goldsmith.extract.damage import suspects
from goldsmith.extract.marks import plain_name, read_marks
from goldsmith.extract.opened import OpenPages
from goldsmith.extract.pdf import _text_layers, read_pdf
from goldsmith.extract.repair import WRONG, examined
from goldsmith.project import ExtractSettings

FONTS = (
    "Libertinus Serif",
    "New Computer Modern",
    "DejaVu Sans Mono",
    "DejaVu Sans",
    "DejaVu Serif",
)
DAMAGES = ("shift", "permutation", "letters", "partial", "missing")
CONTROLS = ("prose", "formulas", "code", "tables", "names", "upper case", "numbers")
SHORTEST = 8  # visible characters of a run that counts
SETTINGS = ExtractSettings(ocr="never")


@dataclass(frozen=True)
class Case:
    kind: str
    source: str
    damage: str
    seed: int


@dataclass(frozen=True)
class Run:
    kind: str
    damage: str
    damaged: bool
    characters: int
    right: int
    score: float
    told: Told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    texts = list(own())
    if arguments.data:
        texts += list(corpus(arguments.data, half=1))
    runs: list[Run] = []
    lines: list[tuple[str, float, int]] = []
    told: Told = []
    for case in cases(texts, arguments.documents):
        found, line, said = measured(case, arguments.verbose)
        runs += found
        lines += line
        told += said
    damaged = [run for run in runs if run.damaged]
    sound = [run for run in runs if not run.damaged]
    figures: dict[str, object] = {
        "documents": arguments.documents,
        "runs": len(runs),
        "damaged_runs": len(damaged),
        "detect_auc": round(
            float(roc_auc_score([r.damaged for r in runs], [r.score for r in runs])), 4
        ),
        "characters_right": round(share(damaged), 4),
        "lines_right": round(
            sum(right * length for _, right, length in lines) / sum(n for *_, n in lines), 4
        ),
        "missed": sum(run.score < WRONG for run in damaged),
        "sound_touched": sum(run.score >= WRONG for run in sound),
        "right_by_damage": {
            name: round(share([r for r in damaged if r.damage == name]), 4) for name in DAMAGES
        },
        "right_by_length": {
            f"{low}-{high}": round(share([r for r in damaged if low <= r.characters < high]), 4)
            for low, high in ((8, 30), (30, 100), (100, 300), (300, 1000), (1000, 100_000))
        },
    }
    by_character = [one for run in damaged for one in run.told]
    by_run = [whole(run.told) for run in damaged if run.told]
    doubtful = [one for one in by_character if one[0] < 0.99]
    figures["confidence_error_doubtful"] = round(error(doubtful), 4)
    for name, said in (("characters", by_character), ("runs", by_run), ("lines", told)):
        figures[f"confidence_error_{name}"] = round(error(said), 4)
        figures[f"reliability_{name}"] = table(said)
    print_result("garbled", figures)


def whole(told: Told) -> tuple[float, float, float]:
    """What is told of a run: the means over its characters, as one."""
    n = sum(weight for *_, weight in told)
    return sum(s * w for s, _, w in told) / n, sum(r * w for _, r, w in told) / n, 1.0


def share(runs: list[Run]) -> float:
    return sum(r.right for r in runs) / max(sum(r.characters for r in runs), 1)


def cases(texts: list[Text], count: int, seed: str = "garbled") -> Iterator[Case]:
    by_language: dict[str, list[Text]] = {}
    for text in texts:
        by_language.setdefault(text.language, []).append(text)
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        language = chance.choices(["en", "de", "fr", "es"], [4, 2, 2, 2])[0]
        text = chance.choice(by_language.get(language) or by_language["en"])
        damage = "none" if number % 3 == 2 else chance.choice(DAMAGES)
        kind = (
            chance.choice(CONTROLS)
            if damage == "none"
            else chance.choice(("prose", "prose", "names"))
        )
        length = int(chance.choice((120, 250, 500, 1000, 2500, 6000)) * chance.uniform(0.7, 1.3))
        yield Case(kind, document(kind, passage(text.text, length, chance), chance), damage, number)


def passage(text: str, length: int, chance: random.Random) -> list[str]:
    """Paragraphs of about ``length`` characters in all, from a random place."""
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n|(?<=[.!?])\n", text)]
    paragraphs = [p for p in paragraphs if len(p) > 60] or [" ".join(text.split())]
    start = chance.randrange(len(paragraphs))
    found: list[str] = []
    for paragraph in paragraphs[start:] + paragraphs[:start]:
        for piece in re.findall(r".{1,900}(?:\s|$)", paragraph):
            if sum(map(len, found)) < length:
                found.append(piece.strip()[: max(length, 60)])
    return found


def document(kind: str, paragraphs: list[str], chance: random.Random) -> str:
    """The Typst source of one document."""
    font = chance.choice(FONTS)
    size = chance.choice((8, 9, 10, 11, 12))
    width = chance.choice((300, 420, 595))
    head = (
        f"#set page(width: {width}pt, height: {width * 1.4:.0f}pt, margin: {width // 12}pt)\n"
        f'#set text(font: "{font}", size: {size}pt, '
        f"ligatures: {str(chance.random() < 0.7).lower()})\n"
        f"#set par(justify: {str(chance.random() < 0.5).lower()})\n"
    )
    body: list[str] = []
    if chance.random() < 0.6:
        title = " ".join(re.findall(r"[^\W\d_]+", paragraphs[0])[:6])
        body.append(f'#text(size: 1.4em, weight: "bold", [{typed(title)}])')
    for paragraph in paragraphs:
        body.append(BODY[kind](paragraph, chance))
    return head + "\n\n".join(body)


def typed(text: str) -> str:
    return f'#"{text.replace(chr(92), "").replace(chr(34), chr(39))}"'


def prose(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    if chance.random() < 0.4 and len(words) > 25:
        at = chance.randrange(5, len(words) - 12)
        inside = " ".join(words[at : at + chance.randrange(3, 12)])
        style = chance.choice(("#emph", "#strong"))
        rest = " ".join(words[at + len(inside.split()) :])
        return f"{typed(' '.join(words[:at]))} {style}[{typed(inside)}] {typed(rest)}"
    return typed(text)


def formulas(text: str, chance: random.Random) -> str:
    terms = ("integral_0^1 f(x) dif x", "sum_(k=1)^n k^2", "alpha + beta <= gamma", "x^2 - y^2 = z")
    chosen = " ".join(f"$ {term} $" for term in chance.sample(terms, 3))
    return f"{typed(text[:150])} {chosen} ${chance.choice(terms)}$ {typed(text[150:250])}"


def code(text: str, chance: random.Random) -> str:
    names = re.findall(r"[a-z]{3,9}", text.lower())[:12] or ["value"]
    rows = [
        f"def {names[0]}_{names[-1]}(self, {names[len(names) // 2]}=None):",
        *(f"    self.{name}[{k}] = {name}(x{k}, key='{name[:3]}')" for k, name in enumerate(names)),
        f"    return {{k: v for k, v in {names[0]}.items() if v != {chance.randrange(99)}}}",
    ]
    return "```\n" + "\n".join(rows) + "\n```"


def tables(text: str, chance: random.Random) -> str:
    words = re.findall(r"[^\W\d_]{3,}", text)[:8] or ["total"]
    cells = [f"[{typed(w)}], [{chance.randrange(10**5)}], [{chance.random():.3f}]" for w in words]
    return "#table(columns: 3, " + ", ".join(cells) + ")"


def names(text: str, chance: random.Random) -> str:
    parts = (
        "Kowal",
        "czyk",
        "Ng",
        "uyen",
        "Schwarz",
        "Obi",
        "hle",
        "Jör",
        "gen",
        "Vas",
        "quez",
        "Wright",
    )
    people = [
        f"{chance.choice(string.ascii_uppercase)}. {''.join(chance.sample(parts, 2)).capitalize()}"
        for _ in range(chance.randrange(4, 30))
    ]
    return typed(", ".join(people) + f" ({chance.randrange(1950, 2030)}). {text[:120]}")


def upper(text: str, chance: random.Random) -> str:
    return typed(text.upper())


def numbers(text: str, chance: random.Random) -> str:
    rows = [
        " ".join(f"{chance.uniform(-99, 999):.{chance.randrange(4)}f}" for _ in range(8))
        for _ in range(12)
    ]
    return typed(" ; ".join(rows))


BODY: dict[str, Callable[[str, random.Random], str]] = {
    "prose": prose,
    "formulas": formulas,
    "code": code,
    "tables": tables,
    "names": names,
    "upper case": upper,
    "numbers": numbers,
}


def measured(case: Case, verbose: bool) -> tuple[list[Run], list[tuple[str, float, int]], Told]:
    sound = typst.compile(case.source.encode("utf-8"))
    content, touched = sound, set()
    if case.damage != "none":
        content, touched = damaged(sound, case.damage, case.seed)
    before, after = read_pdf(sound, SETTINGS), read_pdf(content, SETTINGS)
    opened = OpenPages(pypdfium2.PdfDocument(content))
    texts = font_runs(opened)
    doubts = suspects((font, text) for _, font, text in texts)
    verdicts = examined(opened, texts)
    opened.close()
    truth = glyphs(sound)
    shown = glyphs(content)
    by_font: dict[str, list[tuple[str, str]]] = {}
    told: dict[str, Told] = {}
    for place, (font, text) in truth.items():
        name, codes = shown.get(place, (font, ""))
        verdict = verdicts.get(name)
        read = codes
        if verdict and verdict.wrong >= WRONG:
            parts = [verdict.mapping.get(ord(c), (c, 1.0)) for c in codes]
            read = "".join(part for part, _ in parts)
            if text.strip() and read.strip():
                sure = sum(one for _, one in parts) / len(parts)
                told.setdefault(name, []).append((sure, float(alike(text, read)), len(text)))
        if text.strip():
            by_font.setdefault(name, []).append((text, read))
    runs: list[Run] = []
    for font, pairs in by_font.items():
        length = sum(len(text) for text, _ in pairs)
        if length < SHORTEST:
            continue
        right = sum(len(text) for text, read in pairs if alike(text, read))
        broken = font.rpartition(" ")[0] in touched and case.damage != "none"
        score = (
            verdicts[font].wrong if font in verdicts else doubts.get(plain_name(font), 0.0) * 0.01
        )
        if broken and unchanged(font, truth, shown):
            continue  # the damage met none of its characters
        runs.append(Run(case.kind, case.damage, broken, length, right, score, told.get(font, [])))
        if verbose and (broken != (score >= WRONG) or (broken and right < 0.9 * length)):
            wrong = [pair for pair in pairs if not alike(*pair)][:12]
            print(
                case.seed,
                case.kind,
                case.damage,
                font,
                broken,
                length,
                right,
                round(score, 3),
                round(doubts.get(plain_name(font), 0), 2),
                wrong,
                file=sys.stderr,
            )
    if case.damage == "none" or not any(run.damaged for run in runs):
        return runs, [], []
    sound_text = " ".join(" ".join(line.text for line in before.lines).split())
    ours = " ".join(" ".join(line.text for line in after.lines if not line.replaced).split())
    right_share = 1 - min(Levenshtein.distance(sound_text, ours) / max(len(sound_text), 1), 1)
    lines = [(case.damage, right_share, len(sound_text))]
    return runs, lines, told_by_lines(before, after)


def font_runs(opened: OpenPages) -> list[tuple[int, str, str]]:
    """What the reader of PDF files hands to `examined`."""
    runs: list[tuple[int, str, str]] = []
    for number in range(1, len(opened.document) + 1):
        if page := opened.page(number):
            _text_layers([page], runs)
        opened.release(number)
    return runs


def unchanged(
    font: str, truth: dict[object, tuple[str, str]], shown: dict[object, tuple[str, str]]
) -> bool:
    mine = [
        (truth[place][1], text)
        for place, (name, text) in shown.items()
        if name == font and place in truth
    ]
    different = sum(len(a) for a, b in mine if a != b)
    return different < 0.1 * sum(len(a) for a, _ in mine)


def alike(text: str, read: str) -> bool:
    same = str.maketrans({"\u2019": "'", "\u2212": "-", "\u2010": "-", "\ufffe": "-", "\x02": "-"})
    return text.translate(same) == read.translate(same)


def glyphs(content: bytes) -> dict[object, tuple[str, str]]:
    """Font and text of every glyph by page and place; a ligature is one glyph."""
    document = pypdfium2.PdfDocument(content)
    found: dict[object, tuple[str, str]] = {}
    for number, page in enumerate(document):
        text_page = page.get_textpage()  # closed when nothing holds it
        marks = read_marks(text_page.raw)
        for code, box, font in zip(
            marks.code.tolist(), marks.box.tolist(), marks.font.tolist(), strict=True
        ):
            place = (number, *(round(edge, 1) for edge in box))
            name, text = found.get(place, (marks.fonts[font], ""))
            found[place] = name, text + (chr(code) if code < 0x110000 else "")
    return found


if __name__ == "__main__":
    main()
