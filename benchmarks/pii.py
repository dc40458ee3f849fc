"""Personal data: ours against presidio's pattern recognisers, and all types held out by template.

    python benchmarks/pii.py [--data DIR] [--shipped] [--folds 5]

A span is right if start, end and type are. ``f1`` and ``f1_presidio`` are micro-averages over the
structured types; presidio gets all its built-in pattern recognisers, its context words, fifteen
regions of telephone numbers and the score threshold that suits it best on these very sentences.
``ratio_speed`` is characters a second over the same texts, in turn. ``f1_all_types`` is the
micro-average over all 17 types: without ``--shipped`` by a tagger that has seen neither the
sentence's template nor its twins (sentences alike but for values), every template predicted once;
with ``--shipped`` by what ships, where nothing is trained. Our patterns were written with the
public half at hand, so that ``f1`` on it is no held-out figure.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import harness
import personal_examples as made

from goldsmith.refine.personal import tagger
from goldsmith.refine.personal.find import KINDS, found
from goldsmith.refine.personal.patterns import patterned

STRUCTURED = (
    "CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "DOMAIN_NAME", "IBAN_CODE", "US_SSN",
    "IP_ADDRESS", "US_DRIVER_LICENSE",
)  # fmt: skip
OURS = {
    "card": "CREDIT_CARD", "phone": "PHONE_NUMBER", "e-mail": "EMAIL_ADDRESS",
    "url": "DOMAIN_NAME", "iban": "IBAN_CODE", "national id": "US_SSN", "ip": "IP_ADDRESS",
    "driver licence": "US_DRIVER_LICENSE", "person": "PERSON", "address": "STREET_ADDRESS",
    "place": "GPE", "organisation": "ORGANIZATION", "date": "DATE_TIME",
    "date of birth": "DATE_TIME",
    "title": "TITLE", "age": "AGE", "nationality": "NRP", "post code": "ZIP_CODE",
}  # fmt: skip
Spans = set[tuple[int, int, str]]


def ours(text: str) -> Spans:
    findings = patterned(text)
    return {(f.start, f.end, OURS[f.kind]) for f in findings if OURS.get(f.kind) in STRUCTURED}


def presidio() -> Callable[[str], list[tuple[int, int, str, float]]]:
    """Return presidio's pattern recognisers for English as a function."""
    logging.disable(logging.CRITICAL)
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    @spacy.Language.component("small_letters")
    def small_letters(document: spacy.tokens.Doc) -> spacy.tokens.Doc:
        """Words in small letters as their lemmas, so that presidio sees its context words."""
        for token in document:
            token.lemma_ = token.lower_
        return document

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}
            self.nlp["en"].add_pipe("small_letters")

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    registry.remove_recognizer("PhoneRecognizer")
    regions = [
        "US", "GB", "DE", "FR", "IL", "IN", "CA", "BR", "AU", "CH", "SE", "BE", "NL", "IT", "ES",
    ]  # fmt: skip
    registry.add_recognizer(PhoneRecognizer(supported_regions=regions, leniency=1))
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
    types = {
        "CREDIT_CARD": "CREDIT_CARD", "PHONE_NUMBER": "PHONE_NUMBER", "URL": "DOMAIN_NAME",
        "EMAIL_ADDRESS": "EMAIL_ADDRESS", "IBAN_CODE": "IBAN_CODE", "US_SSN": "US_SSN",
        "IP_ADDRESS": "IP_ADDRESS", "US_DRIVER_LICENSE": "US_DRIVER_LICENSE",
    }  # fmt: skip

    def analyze(text: str) -> list[tuple[int, int, str, float]]:
        results = engine.analyze(text=text, language="en", entities=list(types))
        return [(r.start, r.end, types[r.entity_type], r.score) for r in results]

    return analyze


def best(results: Iterable[tuple[int, int, str, float]], least: float) -> Spans:
    """Results of a score or more; of those that overlap the highest, then the longest."""
    chosen: list[tuple[int, int, str, float]] = []
    for one in sorted(results, key=lambda r: (-r[3], r[0] - r[1], r[0], r[2])):
        if one[3] >= least and all(one[1] <= o[0] or o[1] <= one[0] for o in chosen):
            chosen.append(one)
    return {one[:3] for one in chosen}


def f1(gold: Sequence[Spans], said: Sequence[Spans]) -> float:
    right = sum(len(g & s) for g, s in zip(gold, said, strict=True))
    total = sum(map(len, gold)) + sum(map(len, said))
    return 2 * right / total if total else 0.0


def speeds(texts: Sequence[str], analyze: Callable[[str], object]) -> list[float]:
    """Ratios of our speed to presidio's over parts of the texts, in turn."""
    ratios = []
    for part in range(10):
        chosen = texts[part::10]
        begun = time.perf_counter()
        for text in chosen:
            analyze(text)
        theirs = time.perf_counter() - begun
        begun = time.perf_counter()
        for _ in range(5):
            for text in chosen:
                patterned(text)
        ratios.append(theirs / ((time.perf_counter() - begun) / 5))
    return ratios


def folds_of(rows: Sequence[dict], number: int) -> list[int]:
    """The fold of each row: by template, and templates that read alike together."""
    first: dict[str, int] = {}
    same = {row["template_id"]: first.setdefault(row["masked"], row["template_id"]) for row in rows}
    order = sorted(set(same.values()))
    random.Random(1).shuffle(order)
    place = {template: index % number for index, template in enumerate(order)}
    return [place[same[row["template_id"]]] for row in rows]


def all_types(text: str, weights: tagger.Weights, lexicon: object) -> Spans:
    findings = found(text, KINDS, weights=weights, lexicon=lexicon)
    return {(f.start, f.end, OURS[f.kind]) for f in findings if f.kind in OURS}


def held_out(
    rows: Sequence[dict], examples: Sequence[made.Example], number: int, data: Path
) -> list[Spans]:
    import fit_personal_data as fitting

    from goldsmith.refine.personal.words import Lexicon

    lexicon = Lexicon(fitting.lexicon(data))
    folds = folds_of(rows, number)
    said: list[Spans] = [set()] * len(rows)
    for fold in range(number):
        known = [e for e, f in zip(examples, folds, strict=True) if f != fold]
        weights = fitting.fit(fitting.training(known, fold, data / "corpus"), lexicon)
        for index, example in enumerate(examples):
            if folds[index] == fold:
                said[index] = all_types(example.text, weights, lexicon)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    path = next(
        iter(sorted((options.data / "pii").glob("*.jsonl")) or sorted(options.data.glob("*.jsonl")))
    )
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    examples = made.read(rows)
    texts = [example.text for example in examples]
    gold = [{s for s in example.spans if s[2] in STRUCTURED} for example in examples]
    analyze = presidio()
    analyze(texts[0])
    theirs = [analyze(text) for text in texts]
    scored = [
        (f1(gold, [best(results, least / 20) for results in theirs]), least / 20)
        for least in range(21)
    ]
    ratios = speeds(texts, analyze)
    everything = [set(example.spans) for example in examples]
    if options.shipped:
        said = [all_types(text, tagger.shipped(), tagger.shipped_lexicon()) for text in texts]
    else:
        said = held_out(rows, examples, options.folds, options.data)
    said_structured = [ours(text) for text in texts]
    by_type = {}
    for kind in sorted({s[2] for spans in everything for s in spans}):
        pick = [
            [{s for s in spans if s[2] == kind} for spans in side] for side in (everything, said)
        ]
        by_type[kind] = round(f1(*pick), 4)
    wrong = Counter(
        (s[2], "missed" if s in g else "extra")
        for g, o in zip(gold, said_structured, strict=True)
        for s in g ^ o
    )
    print("structured, ours:", dict(wrong), "; presidio's best threshold:", max(scored)[1])
    print("by type:", by_type)
    harness.print_result(
        "pii",
        {
            "f1": round(f1(gold, said_structured), 4),
            "f1_presidio": round(max(scored)[0], 4),
            "ratio_speed": round(statistics.median(ratios), 1),
            "ratio_speed_spread": [round(min(ratios), 1), round(max(ratios), 1)],
            "f1_all_types": round(f1(everything, said), 4),
            "f1_all_types_macro": round(statistics.mean(by_type.values()), 4),
            "sentences": len(rows),
            "shipped": options.shipped,
        },
    )


if __name__ == "__main__":
    main()
