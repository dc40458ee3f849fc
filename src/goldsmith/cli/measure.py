"""Index, answers, evaluation and report: what is made of gold and of the model."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import goldsmith
from goldsmith.cli.project import Project
from goldsmith.errors import UserError

if TYPE_CHECKING:
    from goldsmith.retrieval import Answer

SCORES = "scores.json"
_ANSWERS_SHOWN = 12
_PICTURE_SCALE = 1.2  # pixels a point


@contextmanager
def recorded(
    project: Project, stage: str, key: str, settings: Any, inputs: Mapping[str, str]
) -> Iterator[dict[str, float]]:
    """Time a step that makes an artifact and log it; the dict yielded becomes its counts."""
    from goldsmith.pipeline import record_run

    started, clock = datetime.now(UTC), time.monotonic()
    counts: dict[str, float] = {}
    yield counts
    record_run(
        project.lake,
        stage=stage,
        key=key,
        settings=settings.model_dump(mode="json"),
        inputs=inputs,
        outputs={stage: key},
        counts=counts,
        seed=project.settings.seed,
        started=started,
        seconds=time.monotonic() - clock,
    )


def index(project: Project) -> bool:
    """Build the index over the gold chunks, unless it is up to date."""
    from goldsmith.pipeline import fingerprint, is_current
    from goldsmith.retrieval import build_index, choose_embedder

    lake, settings = project.lake, project.settings.index
    if not lake.exists("chunks"):
        raise UserError(
            f"{project.workspace.root}: there is no gold yet; run `goldsmith refine` first"
        )
    inputs = {name: lake.digest(name) for name in ("chunks", "documents")}
    kind = choose_embedder(settings.embedder)
    about = (settings.model_dump(), kind, project.settings.seed)
    key = fingerprint("index", goldsmith.__version__, inputs, *about)
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
    from goldsmith.cli.learn import training_curves, writing_sample
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
