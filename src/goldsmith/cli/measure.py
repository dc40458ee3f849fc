"""Index, answers, evaluation and report: what is made of gold and of the model."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import goldsmith
from goldsmith.cli.project import Project
from goldsmith.cli.recording import recorded
from goldsmith.errors import UserError

if TYPE_CHECKING:
    from goldsmith.evaluation import Score
    from goldsmith.retrieval import Answer, Index

SCORES = "scores.json"
_ANSWERS_SHOWN = 12
_TRIES = 10  # questions, to find one that is answered
_PICTURE_SCALE = 1.2  # pixels a point


def index(project: Project) -> bool:
    """Build the index over the gold chunks, unless it is up to date."""
    from goldsmith.pipeline import fingerprint, is_current
    from goldsmith.retrieval import INDEX_VERSION, build_index, choose_embedder

    lake, settings = project.lake, project.settings.index
    if not lake.exists("chunks"):
        raise UserError(
            f"{project.workspace.root}: there is no gold yet; run `goldsmith refine` first"
        )
    inputs = {name: lake.digest(name) for name in ("chunks", "documents")}
    kind = choose_embedder(settings.embedder)
    about = (settings.model_dump(), kind, project.settings.seed)
    key = fingerprint("index", goldsmith.__version__, INDEX_VERSION, inputs, *about)
    if is_current(project.workspace.index, key):
        return False
    chunks = lake.read("chunks")
    with recorded(project, "index", key, settings, inputs) as counts:
        build_index(
            chunks,
            lake.read("documents"),
            settings,
            project.workspace.index,
            key,
            project.progress,
            seed=project.settings.seed,
        )
        counts["chunks"] = chunks.num_rows
    return True


def ask(project: Project, question: str) -> Answer:
    """Answer one question. Raises UserError when there is no index yet."""
    from goldsmith.retrieval import Index, answer

    return answer(Index.open(project.workspace.index), question, project.settings.answer)


def log_answer(project: Project, given: Answer) -> str:
    """Append an answer to the log and return its id, which `goldsmith why` understands."""
    import pyarrow as pa

    from goldsmith.lake import content_id
    from goldsmith.lake.schemas import SCHEMAS

    sentences = [{"text": s.text, "chunk": s.chunk, "page": s.page} for s in given.sentences]
    name = content_id("answer", given.question, json.dumps(sentences))
    row = {
        "id": name,
        "question": given.question,
        "refused": given.refused,
        "sentences": sentences,
        "at": datetime.now(UTC),
    }
    project.lake.append("answers", pa.Table.from_pylist([row], schema=SCHEMAS["answers"]))
    return name


def answer_lines(given: Answer) -> list[str]:
    """An answer for a terminal: each sentence with its document, page and chunk."""
    if given.refused:
        return [f"No answer: {given.reason}."]
    return [
        line
        for number, sentence in enumerate(given.sentences, 1)
        for line in (
            f"[{number}] {sentence.text}",
            f"    {sentence.uri}, page {sentence.page}  ({sentence.chunk})",
        )
    ]


def example_questions(project: Project) -> Iterator[str]:
    """Questions to show off with: the user's own (of the training half), then some from gold."""
    from goldsmith.cli.learn import read_questions

    for row in read_questions(project):
        if row["split"] == "train" and row["answerable"]:
            yield str(row["question"])
    examples = project.lake.read("examples").to_pylist()
    for kind in ("definition", "heading"):
        yield from (str(r["messages"][0]["content"]) for r in examples if r["kind"] == kind)
    yield "What are these documents about?"


def show_off(project: Project) -> Answer:
    """Return the first of the example questions that is answered, or the last refusal."""
    from itertools import islice

    for question in islice(example_questions(project), _TRIES):
        given = ask(project, question)
        if not given.refused:
            break
    return given


def evaluate(project: Project) -> bool:
    """Measure model, search and answers on what they were not made with, unless that is done.

    Questions: the evaluation half of the user's; without any, known items, for search alone.
    """
    from goldsmith.cli.learn import read_questions
    from goldsmith.pipeline import building, fingerprint, is_current, read_manifest
    from goldsmith.retrieval import ANSWER_VERSION, Index

    space, settings = project.workspace, project.settings
    made = {
        folder.name: manifest["fingerprint"]
        for folder in (space.index, space.shards, space.models / "base", space.models / "merged")
        if (manifest := read_manifest(folder)) is not None
    }
    asked = [row for row in read_questions(project) if row["split"] == "evaluate"]
    about = (settings.evaluate.model_dump(), settings.answer.model_dump(), settings.seed, asked)
    key = fingerprint("evaluate", goldsmith.__version__, ANSWER_VERSION, made, *about)
    if is_current(space.scores, key):
        return False
    index = Index.open(space.index)
    project.progress.start("evaluate", None, "questions")
    with recorded(project, "evaluate", key, settings.evaluate, made) as counts:
        scores = [score.row() for score in _language_scores(project)]
        found, answers = _search_and_answers(project, index, asked)
        with building(space.scores, key) as new:
            text = json.dumps({"scores": [*scores, *found], "answers": answers}, indent=1)
            (new / SCORES).write_text(text, "utf-8")
        counts["questions"] = len(asked)
    project.progress.finish()
    return True


def _language_scores(project: Project) -> Iterator[Score]:
    """Perplexity and bits per byte of each model on the sections that were held out."""
    from goldsmith.evaluation import language_scores, likelihoods
    from goldsmith.tokenizers import load
    from goldsmith.training import load_tuned

    texts = _held_out_texts(project)
    for kind in ("base", "merged"):
        folder = project.workspace.models / kind
        if not texts or not folder.is_dir():
            continue
        sums = likelihoods(
            load_tuned(folder), load(folder), texts, project.settings.dataset.sequence
        )
        for score in language_scores(
            sums,
            seed=project.settings.seed,
            resamples=project.settings.evaluate.resamples,
            confidence=project.settings.evaluate.confidence,
            signature=f"model:{kind}|text:held-out sections",
        ):
            yield replace(score, name=f"{score.name}_{kind}")


def _held_out_texts(project: Project) -> list[str]:
    """The text of each held-out section."""
    held = {
        row["chunk"]
        for row in project.lake.read("tokens").to_pylist()
        if row["split"] == "validation"
    }
    sections: dict[str, list[str]] = {}
    for row in project.lake.read("chunks").to_pylist():
        if row["id"] in held:
            sections.setdefault(row["parent"], []).append(row["text"][row["overlap"] :].strip())
    return ["\n\n".join(parts) for parts in sections.values()]


def _search_and_answers(
    project: Project, index: Index, asked: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from goldsmith.evaluation import (
        as_question,
        evaluate_answers,
        evaluate_retrieval,
        known_item_questions,
    )
    from goldsmith.retrieval import answer

    settings, lake, seed = project.settings, project.lake, project.settings.seed
    if not asked:
        items = known_item_questions(lake.read("chunks"), lake.read("documents"), seed=seed)
        if not items:  # no sentence is long enough to be half remembered
            return [], []
        scores, _ = evaluate_retrieval(index, items, settings.evaluate, seed=seed)
        return [score.row() for score in scores], []
    questions = [as_question(row) for row in asked]
    given: list[Answer] = []

    def ask_and_keep(question: str) -> Answer:
        given.append(answer(index, question, settings.answer))
        return given[-1]

    scores, _ = evaluate_retrieval(index, questions, settings.evaluate, seed=seed)
    more, rows = evaluate_answers(
        index, questions, settings.answer, settings.evaluate, seed=seed, ask=ask_and_keep
    )
    named = {score.name for score in scores}
    scores += [score for score in more if score.name not in named]
    answers = [
        {
            "question": question.question,
            "answer": question.answer or None,
            "refused": reply.refused,
            "right": bool(row["right_citations"]) if question.answerable else reply.refused,
            "sentences": [asdict(sentence) for sentence in reply.sentences],
        }
        for question, reply, row in zip(questions, given, rows, strict=True)
    ]
    return [score.row() for score in scores], answers


def read_scores(project: Project) -> list[dict[str, Any]]:
    """What the last evaluation measured; empty before the first."""
    path = project.workspace.scores / SCORES
    return list(json.loads(path.read_text("utf-8"))["scores"]) if path.is_file() else []


def score_lines(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{score['name']:<34} {score['value']:8.3f}  [{score['low']:.3f}, {score['high']:.3f}]"
        f"  n={score['n']}"
        for score in scores
    ]


def report(project: Project) -> None:
    """Draw the report from everything that is there."""
    from goldsmith.cli.learn import training_curves, tuning_row, writing_sample
    from goldsmith.cli.reviewing import in_force
    from goldsmith.report import gather, write_report

    path = project.workspace.scores / SCORES
    measured = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    shown, pictures = _answers_with_pages(project, measured.get("answers", []))
    project.progress.start("report", None, "")
    write_report(
        gather(
            project.lake,
            name=project.settings.name,
            source=project.folder.name,
            version=goldsmith.__version__,
            settings=project.settings.model_dump_json(indent=1),
            scores=tuple(measured.get("scores", ())),
            curves=tuple(training_curves(project)),
            answers=shown,
            pictures=pictures,
            sample=writing_sample(project),
            review=in_force(project),
            row=tuning_row(project),
        ),
        project.workspace.report,
    )
    project.progress.finish()


def _answers_with_pages(
    project: Project, rows: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Any, ...], dict[str, str]]:
    """Turn evaluated answers into what the report shows, with pictures of the cited pages."""
    from goldsmith.report import AnswerShown, Sentence

    sizes = {
        (row["document"], row["page"]): (row["width"], row["height"])
        for row in project.lake.read("pages").to_pylist()
    }
    pictures: dict[str, str] = {}
    shown = []
    for row in _varied(rows):
        sentences = []
        for cited in row["sentences"]:
            place = (cited["document"], cited["page"])
            key = _picture(project, cited["uri"], cited["page"], pictures)
            width, height = sizes.get(place, (1.0, 1.0))
            boxes = tuple(
                (box["x0"] / width, box["y0"] / height, box["x1"] / width, box["y1"] / height)
                for box in cited["boxes"]
                if box["page"] == cited["page"] and box["x0"] is not None
            )
            sentences.append(Sentence(cited["text"], cited["uri"], cited["page"], key, boxes))
        shown.append(
            AnswerShown(
                row["question"], row["answer"], row["refused"], row["right"], tuple(sentences)
            )
        )
    return tuple(shown), pictures


def _varied(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A dozen answers, evenly over the questions: right, wrong and refused ones are seen."""
    step = max(len(rows) // _ANSWERS_SHOWN, 1)
    return list(rows[::step][:_ANSWERS_SHOWN])


def _picture(project: Project, uri: str, page: int, pictures: dict[str, str]) -> str | None:
    """Render a cited page once; None for formats without pages."""
    from goldsmith.extract import render_page

    path = project.folder / uri
    key = f"{uri.replace('/', '-').replace(' ', '-')}-page-{page}"
    if key not in pictures:
        if path.suffix.lower() != ".pdf" or not path.is_file():
            return None
        png = render_page(path, page, _PICTURE_SCALE)
        pictures[key] = "data:image/jpeg;base64," + base64.b64encode(_jpeg(png)).decode()
    return key


def _jpeg(png: bytes) -> bytes:
    """A page picture small enough to put a dozen into one file."""
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("L").save(out, "JPEG", quality=60, optimize=True)
    return out.getvalue()
