"""Teach MiniLM to read a question and a sentence together, for `goldsmith.retrieval.reader`.

First come public questions: SQuAD 2.0 (Rajpurkar et al. 2018), SelQA (Jurczyk et al. 2016),
COVID-QA (Moller et al. 2020) and SciFact's claims (Wadden et al. 2020), without XQuAD's questions
and texts, on which the choice and the refusals are fitted. Then come questions written for
technical, legal and medical texts, with few words of the sentence that answers. None is about the
handbook. Loss: the softmax over a question's sentences, and half of the logistic loss of each.

    python benchmarks/fit_reader.py --xquad FILE --squad FILE ... --selqa FILE ... --scifact DIR \\
        --write public.safetensors
    python benchmarks/fit_reader.py --start public.safetensors --rate 4e-4 \\
        --written QUESTIONS TEXTS --written ... --without examples/handbook/truth/questions.jsonl \\
        --write src/goldsmith/retrieval/reader.safetensors

``--without`` leaves out what shares runs of words with the evaluation half of these questions.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from reader_questions import Reading, scifact, selqa, squad, words_of, written
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.evaluation import read_questions
from goldsmith.evaluation.questions import runs
from goldsmith.models import find_minilm, load_sentence_encoder
from goldsmith.pipeline import pages_kept
from goldsmith.retrieval.reader import SCALE, Reader, pair_pieces
from goldsmith.training import compute_precision
from goldsmith.training.adapters import TARGETS, AdaptedLinear, AdapterSpec, LowRank

RANK = 32
#: Layers that learn; the ones below see what MiniLM's authors taught them.
LEARNING = range(2, 6)
QUESTIONS_AT_ONCE = 16
#: Of the sentences that do not answer, shown for a question; fewer where nothing answers.
WRONG, WRONG_ALONE = 5, 2
#: How often headings and the sentence before are left out, since documents may have none.
NO_HEADING, NO_BEFORE = 0.3, 0.15
WARMUP = 60
#: Words in a row that a question and a passage may not share with the evaluation half's.
SHARED = (6, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xquad", type=Path)
    parser.add_argument("--squad", type=Path, nargs="*", default=[])
    parser.add_argument("--selqa", type=Path, nargs="*", default=[])
    parser.add_argument("--scifact", type=Path)
    parser.add_argument("--written", type=Path, nargs=2, action="append", default=[])
    parser.add_argument("--without", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--write", type=Path, required=True)
    arguments = parser.parse_args()
    without = words_of(arguments.xquad) if arguments.xquad else set()
    readings: list[Reading] = []
    for path in arguments.squad:
        readings += squad(path, without)
    for path in arguments.selqa:
        readings += selqa(path)
    if arguments.scifact:
        readings += scifact(arguments.scifact)
    for questions, texts in arguments.written:
        readings += written(questions, texts)
    if arguments.without:
        readings = apart(readings, arguments.without)
    print(f"{len(readings)} questions, {sum(not each.right for each in readings)} unanswered")
    reader = Reader(load_sentence_encoder(find_minilm(), torch.float32))
    adapt(reader)
    if arguments.start:
        begin(reader, arguments.start)
    loss = train(reader, readings, arguments.epochs, arguments.rate)
    found = {name: value.detach().half() for name, value in learned(reader).items()}
    save_file(found, arguments.write)
    figures = {"questions": len(readings), "loss": loss}
    print(json.dumps({"name": "fit_reader", "figures": figures}))


def apart(readings: Sequence[Reading], questions: Path) -> list[Reading]:
    """Return those that share no run of words with the evaluation half of these questions."""
    barred: set[tuple[str, ...]] = set()
    for each in read_questions(questions, "evaluate"):
        barred |= runs(each.question, SHARED[0]) | runs(each.passage or "", SHARED[1])
    return [
        each
        for each in readings
        if not barred & runs(each.question, SHARED[0])
        and not any(barred & runs(right.text, SHARED[1]) for right in each.right)
    ]


def adapt(reader: Reader) -> None:
    """Freeze the encoder and let low-rank changes of its upper layers learn, and the head."""
    reader.encoder.requires_grad_(False)
    spec = AdapterSpec(RANK, SCALE * RANK)
    generator = torch.Generator().manual_seed(0)
    for number in LEARNING:
        layer = reader.encoder.layers[number]
        for target in TARGETS:
            path, _, name = target.rpartition(".")
            linear = getattr(layer.get_submodule(path), name, None)
            if linear is not None:
                beside = AdaptedLinear(linear)
                beside.adapters["reader"] = LowRank(linear, spec, generator)
                beside.active = ("reader",)
                setattr(layer.get_submodule(path), name, beside)


def learned(reader: Reader) -> dict[str, Tensor]:
    """Return what learns, by the names that `reader.load_reader` reads."""
    return {
        name.removeprefix("encoder.").replace(".adapters.reader", ""): value
        for name, value in reader.named_parameters()
        if value.requires_grad
    }


def begin(reader: Reader, path: Path) -> None:
    """Go on from what an earlier call wrote."""
    stored = load_file(path)
    with torch.no_grad():
        for name, value in learned(reader).items():
            value.copy_(stored[name].float())


def train(reader: Reader, readings: Sequence[Reading], epochs: int, rate: float) -> float:
    """Go over the questions; return the mean loss of the last fifty steps."""
    learning = [value for value in reader.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=rate, weight_decay=0.01)
    draw = np.random.default_rng(0)
    batches = [batch for _ in range(epochs) for batch in shuffled(readings, draw)]
    losses: list[float] = []
    begun = time.monotonic()
    reader.train()
    with pages_kept():
        for step, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / WARMUP) * (1 - step / len(batches))
            loss = batch_loss(reader, [readings[number] for number in batch], draw)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            losses.append(loss.item())
            if step % 25 == 24:
                spent = time.monotonic() - begun
                print(f"{step + 1}/{len(batches)} {np.mean(losses[-50:]):.4f} {spent:.0f} s")
    return round(float(np.mean(losses[-50:])), 4)


def shuffled(readings: Sequence[Reading], draw: np.random.Generator) -> list[list[int]]:
    """Return batches in random order, of questions with texts of about the same length."""
    order = draw.permutation(len(readings)).tolist()
    block = 16 * QUESTIONS_AT_ONCE
    batches = []
    for start in range(0, len(order), block):
        alike = sorted(order[start : start + block], key=lambda number: _length(readings[number]))
        batches += [
            alike[first : first + QUESTIONS_AT_ONCE]
            for first in range(0, len(alike), QUESTIONS_AT_ONCE)
        ]
    draw.shuffle(batches)
    return batches


def batch_loss(reader: Reader, batch: Sequence[Reading], draw: np.random.Generator) -> Tensor:
    pairs, right, sizes = [], [], []
    for reading in batch:
        most = WRONG if reading.right else WRONG_ALONE
        chosen = draw.permutation(len(reading.wrong))[:most].tolist()
        shown = [*reading.right, *(reading.wrong[place] for place in chosen)]
        headed, preceded = draw.random() >= NO_HEADING, draw.random() >= NO_BEFORE
        pairs += [
            pair_pieces(
                reader.tokenizer,
                reading.question,
                each.heading if headed else "",
                each.before if preceded else "",
                each.text,
            )
            for each in shown
        ]
        right += [True] * len(reading.right) + [False] * len(chosen)
        sizes.append(len(shown))
    precision = compute_precision("auto")
    with torch.autocast("cpu", precision, precision == torch.bfloat16):
        values = reader(pairs).float()
    truth = torch.tensor(right)
    choices = [
        torch.logsumexp(value, 0) - torch.logsumexp(value[mask], 0)
        for value, mask in zip(torch.split(values, sizes), torch.split(truth, sizes), strict=True)
        if mask.any()
    ]
    choice = torch.stack(choices).mean() if choices else torch.zeros(())
    return choice + 0.5 * functional.binary_cross_entropy_with_logits(values, truth.float())


def _length(reading: Reading) -> int:
    return max((len(each.text) for each in (*reading.right, *reading.wrong)), default=0)


if __name__ == "__main__":
    main()
