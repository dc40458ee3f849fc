"""LoRA on instructions of real lengths: useful tokens a second of ours, of Trainer and of TRL.

A 30M Llama (384 wide, 10 layers, 6 heads, vocabulary 32,000), briefly pretrained on the same
texts, gets LoRA on every linear layer, with loss on answers only, from instruction pairs of three
kinds (short answers, worked problems, chats). Three sides, each in a process of its own, in turn:

- ours: best-fit packed rows, attention inside each example;
- padded: transformers' Trainer and PEFT, random batches padded to their longest example
  (``grouped``, asked for with --sides, sorts them by length first: `group_by_length`);
- packed: TRL's SFTTrainer with packing=True (best fit, padding-free) and PEFT.

The peers hold the base in bfloat16 and compute under bfloat16 autocast; on a processor without
instructions for it everybody computes in float32, which is far faster there. All share the base's
weights, the examples, rank, alpha, AdamW, schedule, and nearly the tokens and number of steps; one
epoch each. Useful tokens are those of examples, prompt and answer; padding is not. The first steps
warm up and are not timed; beside the wall's clock, ``processor_ratio`` counts processor seconds,
which other programs on the machine disturb less. Held-out loss (answers only) of every adapter is
ours, in float32.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

from harness import DATA, environment, print_result

VOCABULARY, WIDTH, LAYERS, HEADS, HIDDEN = 32_000, 384, 10, 6, 1024
CONTEXT, ROWS = 1024, 2
RANK, ALPHA, RATE, WARM_UP = 16, 32, 1e-3, 4
SIDES = ("ours", "padded", "packed")
HELD = 96
BASE_STEPS = 60
Clocks = tuple[float, float]
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def conversations(data: Path) -> list[list[dict[str, str]]]:
    """Return instruction pairs of three kinds, in an order that is always the same."""
    from goldsmith.datasets import read_examples, read_preferences

    folder = data / "instructions"
    if not folder.is_dir():
        raise SystemExit(f"{folder}: there are no instructions; give --data")
    found = read_examples(folder / "alpaca_en_demo.json")[0]
    for row in read_preferences(folder / "dpo_en_demo.json")[0]:
        found.append([*row.prompt, {"role": "assistant", "content": row.chosen}])
    with gzip.open(folder / "gsm8k_train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line, _ in zip(lines, range(1000), strict=False):
            row = json.loads(line)
            turns = ("user", row["question"]), ("assistant", row["answer"])
            found.append([{"role": role, "content": text} for role, text in turns])
    random.Random(5).shuffle(found)
    return found


def prepare(data: Path, count: int, folder: Path) -> None:
    """Write what all sides share: tokenizer, examples as ids, held-out ones, a base model."""
    import torch

    from goldsmith.datasets import encode_example, prove_stop
    from goldsmith.models import Decoder, ModelConfig, save_model
    from goldsmith.pipeline import Silent
    from goldsmith.project import TokenizerSettings
    from goldsmith.tokenizers import load, train
    from goldsmith.training.loop import fit

    if (folder / "base" / "config.json").is_file():
        return
    found = conversations(data)
    train(
        (turn["content"] for talk in found[HELD:] for turn in talk),
        TokenizerSettings(vocabulary=VOCABULARY),
        folder / "tokenizer",
        "sft_cpu",
    )
    tokenizer = load(folder / "tokenizer")
    sound = []
    for talk in found:
        encoded = encode_example(talk, tokenizer)
        if prove_stop(encoded, tokenizer, CONTEXT) is None:
            sound.append({"ids": encoded.ids, "learned": encoded.learned, "messages": talk})
    if len(sound) < HELD + count:
        raise SystemExit(f"there are {len(sound) - HELD} examples to train on, not {count}")
    for name, rows in (("held", sound[:HELD]), ("train", sound[HELD : HELD + count])):
        (folder / f"{name}.json").write_text(json.dumps(rows), "utf-8")
    shape = {"vocabulary": VOCABULARY, "width": WIDTH, "layers": LAYERS, "hidden": HIDDEN}
    shape |= {"heads": HEADS, "key_value_heads": HEADS, "head_dim": WIDTH // HEADS}
    config = ModelConfig(**shape, context=CONTEXT, tied=True)
    model = Decoder(config, 1)
    text = [{**row, "learned": [True] * len(row["ids"])} for row in sound[HELD:]]
    with tempfile.TemporaryDirectory() as scratch:
        plan = plan_of(BASE_STEPS, 1e-3, torch.get_num_threads())
        fit(model, Packed(text, 2), plan, Path(scratch), "", Silent())
    save_model(model, folder / "base")


def plan_of(steps: int, rate: float, threads: int) -> Any:
    from goldsmith.training import Plan

    return Plan(
        task="sft",
        steps=steps,
        peak_learning_rate=rate,
        warmup=WARM_UP,
        weight_decay=0.0,
        evaluate_every=10**6,
        checkpoint_every=10**6,
        threads=threads,
        precision="auto",
    )


def clocks() -> Clocks:
    """Return seconds on the wall and seconds of processor, from any zero."""
    return time.perf_counter(), time.process_time()


class Packed:
    """Our packed rows of examples that are encoded already, with their useful tokens by step."""

    def __init__(self, examples: list[dict[str, Any]], rows: int, held: bool = False) -> None:
        from goldsmith.datasets import Encoded, PackedRows

        encoded = [Encoded(tuple(row["ids"]), tuple(row["learned"])) for row in examples]
        self.packed, self.size, self.held = PackedRows(encoded, CONTEXT, 0), rows, held
        self.steps = -(-len(self.packed) // rows)
        self.order = list(range(len(self.packed)))
        random.Random(7).shuffle(self.order)
        self.useful: list[int] = []

    def batch(self, step: int) -> Any:
        start = step % self.steps * self.size
        made = self.packed.batch(self.order[start : start + self.size])
        self.useful.append(int((made.segments >= 0).sum()))
        return made

    def validation(self) -> Iterator[Any]:
        return (self.batch(step) for step in range(self.steps if self.held else 0))


def ours(folder: Path, examples: list[dict[str, Any]], threads: int, out: Path) -> list[Any]:
    from goldsmith.models import load_model
    from goldsmith.pipeline import Silent
    from goldsmith.training.adapter_files import save_adapter
    from goldsmith.training.adapters import AdapterSpec, attach
    from goldsmith.training.loop import fit

    times: list[Clocks] = []

    class Clock(Silent):
        def advance(self, amount: int = 1, **figures: float | str) -> None:
            times.append(clocks())

    model = load_model(folder / "base")
    attach(model, AdapterSpec(rank=RANK, alpha=ALPHA), seed=3)
    batches = Packed(examples, ROWS)
    with tempfile.TemporaryDirectory() as scratch:
        plan = plan_of(batches.steps, RATE, threads)
        fit(model, batches, plan, Path(scratch), "", Clock())
    save_adapter(model, out, str(folder / "base"))
    return [times[1:], batches.useful]  # times[0] is the start


def labels(row: dict[str, Any]) -> list[int]:
    return [i if on else -100 for i, on in zip(row["ids"], row["learned"], strict=True)]


def peer(side: str, folder: Path, examples: list[dict[str, Any]], out: Path) -> list[Any]:
    """Trainer or SFTTrainer on the same weights, examples, optimizer and schedule."""
    import torch
    import transformers
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model

    from goldsmith.training import compute_precision
    from goldsmith.training.optimizers import BETAS
    from goldsmith.training.schedule import learning_rate

    times: list[Clocks] = []
    useful: list[int] = []

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(clocks())

    torch.manual_seed(3)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "tokenizer")
    precision = compute_precision("auto")
    base = transformers.AutoModelForCausalLM.from_pretrained(folder / "base", dtype=precision)
    spec = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=MODULES, task_type="CAUSAL_LM")
    model = get_peft_model(base, spec)
    weights = [p for p in model.parameters() if p.requires_grad]
    packing = side == "packed"
    ours_a_step = ROWS * CONTEXT / mean(len(row["ids"]) for row in examples)
    size = ROWS if packing else round(ours_a_step)
    data = Dataset.from_list([{"input_ids": row["ids"], "labels": labels(row)} for row in examples])
    if packing:
        from trl import SFTConfig, SFTTrainer
        from trl.data_utils import pack_dataset

        steps = -(-len(pack_dataset(data, CONTEXT, "bfd")) // size)
    else:
        steps = -(-len(data) // size)
    optimizer = torch.optim.AdamW(weights, lr=1.0, betas=BETAS, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate(min(step, steps - 1), steps, RATE, WARM_UP)
    )
    with tempfile.TemporaryDirectory() as scratch:
        shared: dict[str, Any] = {
            "output_dir": scratch,
            "per_device_train_batch_size": size,
            "num_train_epochs": 1,
            "bf16": precision == torch.bfloat16,
            "save_strategy": "no",
            "report_to": [],
            "use_cpu": True,
            "disable_tqdm": True,
        }
        made: dict[str, Any] = {"model": model, "train_dataset": data, "callbacks": [Clock()]}
        made["optimizers"] = (optimizer, schedule)
        if packing:
            arguments = SFTConfig(
                **shared, packing=True, max_length=CONTEXT, gradient_checkpointing=False
            )
            trainer = SFTTrainer(args=arguments, processing_class=tokenizer, **made)
        else:
            sampling = "group_by_length" if side == "grouped" else "random"
            arguments = transformers.TrainingArguments(**shared, train_sampling_strategy=sampling)
            collator = transformers.DataCollatorForSeq2Seq(tokenizer)
            trainer = transformers.Trainer(args=arguments, data_collator=collator, **made)
        collate = trainer.data_collator

        def counted(rows: list[dict[str, Any]]) -> Any:
            useful.append(sum(len(row["input_ids"]) for row in rows))
            return collate(rows)

        trainer.data_collator = counted
        trainer.train()
    model.save_pretrained(out)
    return [times, useful]


def held_out(folder: Path, adapter: Path | None) -> float:
    """Return nats an answer's token, float32, whoever made the adapter; None: of the base."""
    from goldsmith.models import load_model
    from goldsmith.training import load_adapter
    from goldsmith.training.loop import validation_loss

    model = load_model(folder / "base")
    if adapter is not None:
        load_adapter(model, adapter)
    examples = json.loads((folder / "held.json").read_text("utf-8"))
    loss = validation_loss(model, Packed(examples, 4, held=True))
    assert loss is not None
    return loss


def child(side: str, folder: Path, threads: int, warm: int, evaluate: bool) -> None:
    import torch

    torch.set_num_threads(threads)
    examples = json.loads((folder / "train.json").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as out:
        if side == "ours":
            times, useful = ours(folder, examples, threads, Path(out))
        else:
            times, useful = peer(side, folder, examples, Path(out))
        row: dict[str, Any] = {"steps": len(times), "useful": sum(useful[: len(times)])}
        timed = sum(useful[warm : len(times)])
        for number, name in enumerate(("rate", "processor_rate")):
            row[name] = timed / (times[-1][number] - times[warm - 1][number])
        if evaluate:
            row["held_out"] = held_out(folder, Path(out))
    print(json.dumps(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--warm", type=int, default=3, help="steps that are not timed")
    parser.add_argument("--sides", nargs="+", default=SIDES)
    parser.add_argument("--folder", type=Path, help="where to keep what all sides share")
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        evaluate = options.rounds == 1
        return child(options.child, options.folder, options.threads, options.warm, evaluate)
    with tempfile.TemporaryDirectory() as scratch:
        measure_all(options, options.folder or Path(scratch))
    return None


def measure_all(options: argparse.Namespace, folder: Path) -> None:
    import torch

    torch.set_num_threads(options.threads)
    prepare(options.data, options.examples, folder)
    seen: dict[str, list[dict[str, float]]] = {side: [] for side in options.sides}
    for number in range(options.rounds):
        for side in options.sides:
            # Losses are the same in every round; the first one evaluates.
            passed = {"--folder": folder, "--threads": options.threads, "--warm": options.warm}
            passed["--rounds"] = 1 if number == 0 else 2
            command = [sys.executable, __file__, "--child", side]
            command += [str(part) for pair in passed.items() for part in pair]
            threads = {"OMP_NUM_THREADS": str(options.threads)}
            environ = environment() | threads
            done = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True, env=environ
            )
            row = json.loads(done.stdout.splitlines()[-1])
            seen[side].append(row)
            print(side, row, flush=True)
    figures: dict[str, Any] = {"threads": options.threads, "heldout_base": held_out(folder, None)}
    for side, rows in seen.items():
        figures[f"{side}_useful_tokens_per_second"] = median(row["rate"] for row in rows)
        figures[f"{side}_steps"] = rows[0]["steps"]
        figures[f"heldout_{side}"] = rows[0]["held_out"]
    for side in options.sides[1:]:
        for rate, name in (("rate", "ratio"), ("processor_rate", "processor_ratio")):
            pairs = zip(seen["ours"], seen[side], strict=True)
            ratios = sorted(one[rate] / other[rate] for one, other in pairs)
            figures[f"{name}_{side}"] = median(ratios)
            figures[f"{name}_{side}_spread"] = [ratios[0], ratios[-1]]
    losses = [rows[0]["held_out"] for rows in seen.values()]
    figures["loss_gap"] = max(abs(loss / losses[0] - 1) for loss in losses)
    print_result("sft_cpu", figures)


if __name__ == "__main__":
    main()
