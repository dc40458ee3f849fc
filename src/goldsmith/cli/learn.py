"""Tokenizer, datasets and model: what is learned from gold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import goldsmith
from goldsmith.cli.project import Project
from goldsmith.cli.recording import recorded
from goldsmith.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from goldsmith.models import ModelConfig
    from goldsmith.report import Curve

METRICS = "metrics.jsonl"
_SAMPLE_TOKENS = 120
_SHOWN_EXAMPLES = 3


def read_questions(project: Project) -> list[dict[str, Any]]:
    """Return the project's questions; none where the settings name no file."""
    from goldsmith.datasets import read_questions as read

    name = project.settings.dataset.questions
    return read(project.folder / name) if name else []


def read_instructions(project: Project) -> list[dict[str, Any]]:
    """Return the examples of the user's own files; a malformed row is an error that names it."""
    from goldsmith.datasets import given_examples, read_examples, strict

    settings = project.settings.dataset
    rows: dict[str, dict[str, Any]] = {}
    for name in settings.instructions:
        path = project.folder / name
        talks = strict(path, read_examples(path))
        for row in given_examples(talks, name, settings, project.settings.seed):
            rows.setdefault(row["id"], row)
    return list(rows.values())


def read_evaluation(project: Project) -> list[str]:
    """Return what the project's evaluation sets ask."""
    from goldsmith.datasets import read_evaluation as read

    names = project.settings.dataset.evaluation
    return [asked for name in names for asked in read(project.folder / name)]


def tokenizer(project: Project) -> bool:
    """Train the tokenizer on gold, unless it is up to date."""
    from goldsmith.pipeline import fingerprint, is_current
    from goldsmith.tokenizers import train

    settings = project.settings.tokenizer
    inputs = {"chunks": _gold_digest(project)}
    key = fingerprint("tokenizer", goldsmith.__version__, inputs, settings.model_dump())
    if is_current(project.workspace.tokenizer, key):
        return False
    project.progress.start("tokenizer", None, "texts")
    with recorded(project, "tokenizer", key, settings, inputs) as counts:
        texts = [row["text"][row["overlap"] :] for row in project.lake.read("chunks").to_pylist()]
        train(texts, settings, project.workspace.tokenizer, key)
        counts["texts"] = len(texts)
    project.progress.finish()
    return True


def tokenizer_figures(project: Project) -> dict[str, float]:
    """Return how well the tokenizer fits gold."""
    from goldsmith.tokenizers import load, measure

    texts = project.lake.read("chunks", ["document", "order", "text"])["text"].to_pylist()
    return measure(load(project.workspace.tokenizer), texts)


def dataset(project: Project) -> bool:
    """Write token shards and instruction examples, unless they are up to date."""
    import pyarrow as pa

    from goldsmith.cli.writing import written
    from goldsmith.datasets import (
        find_contamination,
        find_overlaps,
        make_examples,
        write_instruction_files,
        write_shards,
    )
    from goldsmith.pipeline import fingerprint, is_current, read_manifest
    from goldsmith.tokenizers import load

    space, lake, settings = project.workspace, project.lake, project.settings.dataset
    questions, given = read_questions(project), read_instructions(project)
    kept_apart = read_evaluation(project)
    words = read_manifest(space.tokenizer)
    if words is None:
        raise UserError(f"{space.root}: there is no tokenizer; run `goldsmith tokenizer` first")
    inputs = {"chunks": _gold_digest(project), "tokenizer": words["fingerprint"]}
    about = (settings.model_dump(), project.settings.seed, questions, given, kept_apart)
    key = fingerprint("dataset", goldsmith.__version__, inputs, *about)
    if all(is_current(folder, key) for folder in (space.shards, space.datasets)) and (
        lake.exists("tokens") and lake.exists("examples")
    ):
        return False
    by_model, refused = written(project)
    project.progress.start("dataset", None, "chunks")
    chunks, seed = lake.read("chunks"), project.settings.seed
    with recorded(project, "dataset", key, settings, inputs) as counts:
        tokens = write_shards(chunks, load(space.tokenizer), settings, space.shards, key, seed)
        lake.replace("tokens", tokens)
        examples = make_examples(chunks, lake.read("passages"), questions, settings, seed)
        every = [*by_model, *examples.to_pylist(), *given]
        every = list({row["id"]: row for row in every}.values())
        touched = find_contamination(every, [*questions, *_kept(kept_apart)])
        overlaps = find_overlaps(chunks["text"].to_pylist(), kept_apart)
        clean = [row for row in every if row["id"] not in touched]
        examples = pa.Table.from_pylist(clean, schema=examples.schema)
        lake.replace("examples", examples)
        write_instruction_files(lake.read("examples"), space.datasets, key, refused)
        counts |= {"chunks": chunks.num_rows, "examples": len(clean), "contaminated": len(touched)}
        counts |= {"refused": len(refused)} if settings.writer else {}
        for kind in ("whole", "partial") if overlaps else ():
            counts[f"evaluation items in gold: {kind}"] = sum(o.kind == kind for o in overlaps)
    project.progress.finish(f"{len(clean)} examples, {len(touched)} contaminated ones left out")
    return True


def dataset_figures(project: Project) -> dict[str, Any]:
    """Return what the datasets hold, and what the contamination check says of them now."""
    from collections import Counter

    from goldsmith.datasets import find_contamination, find_overlaps
    from goldsmith.pipeline import read_manifest

    examples = project.lake.read("examples").to_pylist()
    kinds = Counter(f"{row['kind'].replace(' ', '_')}_examples" for row in examples)
    manifest = read_manifest(project.workspace.shards) or {"splits": {}}
    tokens = {f"{split}_tokens": about["tokens"] for split, about in manifest["splits"].items()}
    kept_apart = read_evaluation(project)
    touched = find_contamination(examples, [*read_questions(project), *_kept(kept_apart)])
    overlaps = find_overlaps(project.lake.read("chunks")["text"].to_pylist(), kept_apart)
    in_gold = {
        f"evaluation_items_in_gold_{kind}": sum(overlap.kind == kind for overlap in overlaps)
        for kind in ("whole", "partial")
        if overlaps
    }
    figures = {**tokens, **dict(sorted(kinds.items())), "contaminated": len(touched)}
    return figures | in_gold


def _kept(asked: list[str]) -> list[dict[str, Any]]:
    """Rows of an evaluation set as questions that nothing may be trained on."""
    return [{"question": text, "passage": None, "split": "evaluate"} for text in asked]


def train(project: Project) -> bool:
    """Pretrain on the shards (or take ``model.base``), then tune on the examples.

    Returns whether anything had to be done. Killed at any moment, it goes on from its checkpoint.
    """
    import pyarrow as pa

    from goldsmith.lake.schemas import SCHEMAS

    base, trained = _base(project)
    merged, tuned = _tune(project, base["folder"], base["key"])
    # A public base has no row: we do not know what it saw.
    rows = [row for row in (base["row"], *merged) if row is not None]
    project.lake.replace("models", pa.Table.from_pylist(rows, schema=SCHEMAS["models"]))
    return trained or tuned


def model_shape(project: Project) -> ModelConfig:
    """Return the config of the model that the settings train, with rows as its context."""
    from goldsmith.models import ModelConfig, read_config

    settings, shape = project.settings, project.settings.model
    if shape.base:
        return replace(read_config(base_folder(project)), context=settings.dataset.sequence)
    return ModelConfig(
        vocabulary=settings.tokenizer.vocabulary,
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        head_dim=shape.width // shape.heads,
        hidden=shape.hidden,
        context=settings.dataset.sequence,
    )


def check_adapter(project: Project) -> None:
    """Refuse, before anything is made, to train biases that our own decoder does not have.

    Those of ``model.base`` are looked for when tuning begins, which is the first of its training.
    """
    from goldsmith.models import Decoder
    from goldsmith.training import adapter_of, adapter_size

    settings = project.settings
    if settings.train.adapter == "bias" and not settings.model.base:
        adapter_size(Decoder(model_shape(project), seed=None), adapter_of(settings.train))


def _base(project: Project) -> tuple[dict[str, Any], bool]:
    """Bring the base model up to date; return its folder, key and row of ``models``."""
    from goldsmith.datasets import Shards
    from goldsmith.lake import content_id
    from goldsmith.pipeline import fingerprint, is_current, read_manifest
    from goldsmith.training import pretrain

    space, settings = project.workspace, project.settings
    if settings.model.base:
        folder = base_folder(project)
        return {"folder": folder, "key": _folder_key(folder), "row": None}, False
    shards = read_manifest(space.shards)
    if shards is None:
        raise UserError(f"{space.root}: there are no shards; run `goldsmith dataset` first")
    inputs = {"shards": shards["fingerprint"]}
    about = (settings.model.model_dump(), settings.train.model_dump(), settings.seed)
    key = fingerprint("pretrain", goldsmith.__version__, inputs, *about)
    folder = space.models / "base"
    row = {
        "id": content_id("model", key),
        "kind": "base",
        "path": "models/base",
        "documents": _documents_of_tokens(project),
        "dataset": shards["fingerprint"],
        "parent": None,
    }
    result = {"folder": folder, "key": key, "row": row}
    if is_current(folder, key):
        return result, False
    batches = Shards(space.shards, settings.train.batch, settings.seed)
    with recorded(project, "pretrain", key, settings.train, inputs) as counts:
        outcome = pretrain(
            batches,
            settings.model,
            settings.train,
            tokenizer=space.tokenizer,
            context=batches.sequence,
            folder=folder,
            checkpoints=space.checkpoints / "pretrain",
            key=key,
            seed=settings.seed,
            progress=project.progress,
        )
        counts |= {"steps": outcome.steps, "tokens": outcome.tokens}
    return result, True


def _tune(project: Project, base: Path, base_key: str) -> tuple[list[dict[str, Any]], bool]:
    """Bring the adapter and the merged model up to date; return their rows of ``models``."""
    from goldsmith.datasets import InstructionBatches
    from goldsmith.lake import content_id
    from goldsmith.pipeline import fingerprint, is_current
    from goldsmith.tokenizers import load
    from goldsmith.training import tune

    space, settings = project.workspace, project.settings
    inputs = {"examples": project.lake.digest("examples"), "base": base_key}
    about = (settings.train.model_dump(), settings.dataset.sequence, settings.seed)
    key = fingerprint("tune", goldsmith.__version__, inputs, *about)
    adapter, merged = space.models / "adapter", space.models / "merged"
    seen = sorted({*_documents_of_tokens(project), *_documents_of_examples(project)})
    if settings.model.base:
        seen = _documents_of_examples(project)
    parent = None if settings.model.base else content_id("model", base_key)
    rows = [
        {
            "id": content_id("model", key, kind),
            "kind": kind,
            "path": f"models/{kind}",
            "documents": seen,
            "dataset": inputs["examples"],
            "parent": parent,
        }
        for kind in ("adapter", "merged")
    ]
    examples = project.lake.read("examples").to_pylist()
    if not any(row["split"] == "train" for row in examples):
        return rows[1:], _serve_untuned(project, base, key)
    if is_current(adapter, key) and is_current(merged, key):
        return rows, False
    batches = InstructionBatches(
        examples,
        load(base),
        sequence=settings.dataset.sequence,
        size=settings.train.batch,
        seed=settings.seed,
    )
    with recorded(project, "tune", key, settings.train, inputs) as counts:
        outcome = tune(
            batches,
            settings.train,
            base=base,
            folder=adapter,
            merged=merged,
            checkpoints=space.checkpoints / "tune",
            key=key,
            seed=settings.seed,
            progress=project.progress,
        )
        counts |= {"steps": outcome.steps, "tokens": outcome.tokens}
        counts |= {f"left out: {reason}": n for reason, n in batches.left_out.items()}
    return rows, True


def _serve_untuned(project: Project, base: Path, key: str) -> bool:
    """Let the base model stand as the merged one: no example could be made to tune it on."""
    import shutil

    from goldsmith.pipeline import building, is_current
    from goldsmith.pipeline.artifact import MANIFEST

    shutil.rmtree(project.workspace.models / "adapter", ignore_errors=True)
    merged = project.workspace.models / "merged"
    if is_current(merged, key):
        return False
    project.progress.start("tune", None, "step")
    with building(merged, key) as new:
        shutil.copytree(base, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
    project.progress.finish("no example to tune on: the base model serves; add dataset.questions")
    return True


def base_folder(project: Project) -> Path:
    """Return the folder of ``model.base``: local (also beside the documents), or from the hub."""
    from goldsmith.models import local_folder

    name = project.settings.model.base or ""
    beside = project.folder / name
    return local_folder(beside if beside.is_dir() else name)


def training_curves(project: Project) -> Iterator[Curve]:
    """Yield the loss curves of the models that are there."""
    from goldsmith.report import curve, read_metrics

    names = {"lora": "LoRA", "dora": "DoRA", "bias": "biases", "prompt": "a prompt"}
    name = names[project.settings.train.adapter]
    for kind, title in (("base", "Pretraining"), ("adapter", f"Instruction tuning ({name})")):
        path = project.workspace.models / kind / METRICS
        if path.is_file():
            yield curve(title, read_metrics(path.read_text("utf-8")))


def tuning_row(project: Project) -> tuple[tuple[str, str], ...]:
    """Return the first examples of the first row the model was tuned on: texts with their mask."""
    from goldsmith.datasets import InstructionBatches, decode_row
    from goldsmith.tokenizers import load

    if not (project.workspace.models / "adapter").is_dir():
        return ()
    words, settings = load(project.workspace.models / "merged"), project.settings
    examples = project.lake.read("examples").to_pylist()
    if not any(row["split"] == "train" for row in examples):
        return ()  # all of them were forgotten since
    batches = InstructionBatches(
        examples,
        words,
        sequence=settings.dataset.sequence,
        size=1,
        seed=settings.seed,
    )
    row = decode_row(batches.batch(0), 0, words)
    return tuple((each.text, each.kind) for each in row if 0 <= each.segment < _SHOWN_EXAMPLES)


def writing_sample(project: Project) -> str:
    """What the model says to a question of its own training kind, greedily, so always the same."""
    from goldsmith.cli.measure import example_questions
    from goldsmith.engine import Engine, Request
    from goldsmith.tokenizers import load
    from goldsmith.training import load_tuned

    folder = project.workspace.models / "merged"
    if not folder.is_dir():
        return ""
    question = next(example_questions(project))
    words = load(folder)
    prompt = words.chat([{"role": "user", "content": question}])
    with Engine(load_tuned(folder), words, project.settings.serve) as engine:
        (done,) = engine.generate(
            [Request(prompt=tuple(prompt), maximum_tokens=_SAMPLE_TOKENS, temperature=0.0)]
        )
    return f"user: {question}\n\nmodel: {done.text}"


def _gold_digest(project: Project) -> str:
    if not project.lake.exists("chunks"):
        raise UserError(
            f"{project.workspace.root}: there is no gold yet; run `goldsmith refine` first"
        )
    return project.lake.digest("chunks")


def _documents_of_tokens(project: Project) -> list[str]:
    tokens: pa.Table = project.lake.read("tokens")
    rows = tokens.select(["document", "split"]).to_pylist()
    return sorted({row["document"] for row in rows if row["split"] == "train"})


def _documents_of_examples(project: Project) -> list[str]:
    chunks = project.lake.read("chunks", ["document", "order", "id"]).to_pylist()
    document = {row["id"]: row["document"] for row in chunks}
    rows = project.lake.read("examples").to_pylist()
    train = [name for row in rows if row["split"] == "train" for name in row["source_chunks"]]
    return sorted({document[name] for name in train})


def _folder_key(folder: Path) -> str:
    """Stand for a public model: its config, and the names and sizes of its weights."""
    from goldsmith.pipeline import fingerprint
    from goldsmith.pipeline.artifact import file_digest

    weights = sorted((p.name, p.stat().st_size) for p in folder.glob("*.safetensors"))
    config = folder / "config.json"
    return fingerprint(file_digest(config) if config.is_file() else "", weights)
