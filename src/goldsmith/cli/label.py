"""`goldsmith label`: a person says of one passage at a time whether it is garbage."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldsmith.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from goldsmith.cli.project import Project
    from goldsmith.review import Answer, Decision, Pool, Question, Session

KEYS: dict[str, Answer] = {"g": "good", "x": "garbage", "s": "skip"}
_HELP = "g good   x garbage   s skip   u undo   q quit"
_SHOWN = 1_500  # characters of a passage


def label(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    who: Annotated[str | None, typer.Option(help="Your name; else that of your account.")] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Stop after so many passages.")
    ] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Ask nothing; learn from the labels.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say good or garbage, one key a passage; the cut learns from it once that is proven better.

    Every answer is stored at once: quit at any time and go on later.
    """
    from dataclasses import asdict

    from goldsmith.cli import reviewing
    from goldsmith.cli.console import show
    from goldsmith.cli.project import working_on
    from goldsmith.errors import UserError
    from goldsmith.review import Session, current_labels, open_pool

    if not fit and not sys.stdin.isatty():
        raise UserError(
            "goldsmith label asks a person and needs a terminal; run it in one, "
            "or with --fit to learn from the labels there are"
        )
    with working_on(workspace) as project:
        if not project.lake.exists("passages"):
            raise UserError(f"{workspace}: there are no passages yet; run `goldsmith refine` first")
        pool = None
        given = 0
        if not fit:
            project.progress.start("passages", None, "passages")
            labels, seed = current_labels(project.lake), project.settings.seed
            pool = open_pool(project.lake, project.settings.refine, seed=seed, labelled=labels)
            project.progress.finish(f"{len(pool):,} to choose from")
            session = Session(pool, labels, seed)
            with _keys() as key:
                given = _sitting(project, pool, session, key, who or getpass.getuser(), count)
        reviewing.learn(project, pool)
        decision = reviewing.in_force(project)
    value = asdict(decision) if decision else None
    show({"given": given, "decision": value}, as_json, _outcome(decision, workspace))


def _sitting(
    project: Project,
    pool: Pool,
    session: Session,
    read_key: Callable[[], str],
    who: str,
    count: int | None,
) -> int:
    """Ask until the person, the count or the pool is at an end; return how many were answered."""
    from goldsmith.review import append_label

    uris = {row["id"]: row["uri"] for row in project.lake.read("documents").to_pylist()}
    history: list[Question] = []
    while count is None or len(history) < count:
        question = session.next()
        if question is None:
            _write("every passage has been asked about")
            break
        _write(_screen(question, uris, pool, session, len(history)))
        key = read_key()
        if key == "q":
            break
        if key == "u":
            if history:
                last = history.pop()
                append_label(project.lake, last.passage["id"], "undone", who=who, arm=last.arm)
                session.undo(last)
                _write("  taken back")
            else:
                _write("  nothing to take back in this sitting")
            continue
        answer = KEYS[key]
        append_label(project.lake, question.passage["id"], answer, who=who, arm=question.arm)
        session.note(question, answer)
        history.append(question)
        _write(f"  {answer}")
    return len(history)


def _screen(
    question: Question, uris: dict[str, str], pool: Pool, session: Session, given: int
) -> str:
    """A passage with its place, why it was chosen, and where the work is."""
    import shutil
    import textwrap

    passage = question.passage
    width = min(shutil.get_terminal_size().columns, 100)
    page = passage["spans"][0]["page"]
    place = uris.get(passage["document"], passage["document"])
    text = passage["text"][:_SHOWN] + ("…" if len(passage["text"]) > _SHOWN else "")
    lines = [
        "",
        "─" * width,
        f"{place}, page {page}" + "".join(f" › {part}" for part in passage["heading_path"]),
        f"{passage['id']}  {passage['kind']}  {question.arm}: {question.why}",
        "",
        *(
            piece
            for line in text.splitlines()
            for piece in (textwrap.wrap(line, width, break_long_words=True) or [""])
        ),
        "",
        f"{session.asked:,} of {len(pool):,} asked, {session.garbage:,} garbage; "
        f"{given} in this sitting",
        _HELP,
    ]
    return "\n".join(_visible(line) for line in lines)


def _visible(text: str) -> str:
    """Text without anything that would move the terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Read single keys for a while; what is typed ahead is kept.

    The function yielded waits for one of our keys; the end of input quits, Ctrl-C interrupts as
    everywhere.
    """
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read() -> str:
        while True:
            key = os.read(descriptor, 1)
            if not key or key == b"\x04":
                return "q"
            letter = key.decode("ascii", "replace").lower()
            if letter in KEYS or letter in "uq":
                return letter

    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _outcome(decision: Decision | None, workspace: Any) -> list[str]:
    if decision is None:
        return ["no labels yet"]
    lines = [
        f"{decision.labels} labels, {decision.garbage} garbage; "
        f"{decision.random} of them by chance, {decision.random_garbage} garbage",
        f"garbage is decided by the {'classifier' if decision.accepted else 'heuristic'}: "
        f"{decision.reason}",
    ]
    if decision.f1_heuristic is not None:
        lines.append(
            f"F1 on random labels: heuristic {decision.f1_heuristic:.3f}, "
            f"classifier {decision.f1_classifier:.3f}"
        )
    lines.append(f"next: goldsmith refine --workspace {workspace}")
    return lines
