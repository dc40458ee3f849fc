"""Our tokenizer training against the library's own trainer, and a million strings there and back.

`train_ratio`: seconds of `tokenizers`' BPE trainer called directly (the same pieces of text, the
same pre-tokenizer and settings, nothing written) over seconds of ours with its folder written and
synced; runs take turns, medians. `train_ratio_processor` is the same in processor seconds, which
other work on the machine disturbs less. `round_trip_failures`: fuzzed strings that do not come back
as they were, or in which a special token arises, over the three kinds of tokenizer.
"""

from __future__ import annotations

import argparse
import gzip
import random
import statistics
import tempfile
import time
from pathlib import Path

from harness import DATA, print_result

from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import SPECIALS, Tokenizer, load, train
from goldsmith.tokenizers.training import trainer_of, untrained

RANGES = ((0x20, 0x7F), (0, 0x20), (0x7F, 0xA0), (0xA0, 0x250), (0x370, 0x530), (0x590, 0x700))
RANGES += (
    (0x900, 0xE00),
    (0x2000, 0x2C00),
    (0x3000, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, 0x110000),
)
SPACES = (" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2003", "\u3000", "\u200b", "\x0b", "\x85")
TRICKY = (
    *SPECIALS,
    "##ing",
    "\u2581word",
    "\u0120word",
    "<0x0A>",
    "<unk>",
    "[UNK]",
    "\ufeff",
    "\ufffd",
)
BATCH = 20_000
Seconds = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    texts = corpus(arguments.data)
    settings = TokenizerSettings(vocabulary=16_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = [
            race(texts, settings, folder / f"{n}", n % 2 == 0) for n in range(arguments.rounds)
        ]
        ratios = sorted(theirs[0] / ours[0] for ours, theirs in pairs)
        processor = statistics.median(theirs[1] / ours[1] for ours, theirs in pairs)
        failures = {}
        for kind in ("bpe", "wordpiece", "unigram"):
            small = TokenizerSettings(kind=kind, vocabulary=4096)
            train(texts[:40], small, folder / kind, "bench")
            count = arguments.strings if kind == "bpe" else arguments.strings // 10
            failures[kind] = failed(load(folder / kind), count)
    print_result(
        "tokenizer_bench",
        {
            "train_ratio": round(statistics.median(ratios), 3),
            "train_ratio_spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            "train_ratio_processor": round(processor, 3),
            "seconds": round(statistics.median(ours[0] for ours, _ in pairs), 2),
            "megabytes": round(sum(len(text.encode()) for text in texts) / 1e6, 1),
            "round_trip_failures": sum(failures.values()),
            "failures": failures,
            "strings": arguments.strings,
        },
    )


def corpus(data: Path) -> list[str]:
    """Return paragraphs of the public manuals and articles under the data folder."""
    manuals = sorted((data / "corpus" / "manuals").glob("*.txt.gz"))[:8]
    texts = [gzip.decompress(path.read_bytes()).decode("utf-8") for path in manuals]
    texts.append((data / "corpus" / "wiki_demo.txt").read_text("utf-8"))
    step = 2_000
    return [text[at : at + step] for text in texts for at in range(0, len(text), step)]


def race(
    texts: list[str], settings: TokenizerSettings, folder: Path, first: bool
) -> tuple[Seconds, Seconds]:
    """Return seconds (wall, processor) of ours and of the library; the order changes."""

    def ours() -> None:
        train(texts, settings, folder, "bench")

    def theirs() -> None:
        untrained(settings.kind).train_from_iterator(texts, trainer_of(settings))

    seconds = {}
    for run in (ours, theirs) if first else (theirs, ours):
        begun = time.perf_counter(), time.process_time()
        run()
        seconds[run] = time.perf_counter() - begun[0], time.process_time() - begun[1]
    return seconds[ours], seconds[theirs]


def failed(tokenizer: Tokenizer, count: int) -> int:
    """Return how many of ``count`` fuzzed strings do not come back, or hold a special token."""
    draw, wrong = random.Random(count), 0
    specials = set(tokenizer.specials.values())
    for start in range(0, count, BATCH):
        texts = [fuzzed(draw) for _ in range(min(BATCH, count - start))]
        for text, ids in zip(texts, tokenizer.encode_many(texts), strict=True):
            wrong += tokenizer.decode(ids) != text or not specials.isdisjoint(ids)
    return wrong


def fuzzed(draw: random.Random) -> str:
    """Return up to 12 parts: any characters but surrogates, runs of white space, tricky words."""
    parts = []
    for _ in range(draw.randint(0, 12)):
        kind = draw.random()
        if kind < 0.2:
            parts.append(draw.choice(SPACES) * draw.choice((1, 1, 2, 3, 8, 70)))
        elif kind < 0.35:
            parts.append(draw.choice(TRICKY))
        else:
            low, high = draw.choice(RANGES)
            parts.append("".join(chr(draw.randrange(low, high)) for _ in range(draw.randint(1, 6))))
    return "".join(parts)


if __name__ == "__main__":
    main()
