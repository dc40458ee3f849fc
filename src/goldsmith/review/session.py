"""Which passage to show next, and why: the logic of a sitting, without a terminal or a web page.

Batches are made when the last one is used up, from the labels that are there: of ten, six are the
active arm's and four the random arm's, in turn. What is drawn depends on the seed and on what was
asked before, so that a sitting that was broken off goes on as it would have. Writing labels down is
the caller's, so that each is stored the moment it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldsmith.review.candidates import choose_active, choose_random
from goldsmith.review.classifier import train
from goldsmith.review.features import TEXT_COLUMNS
from goldsmith.review.labels import Answer, Arm, Label
from goldsmith.review.pool import Pool

ACTIVE, RANDOM = 6, 4  # of a batch


@dataclass(frozen=True)
class Question:
    """A passage to show. ``why`` is one phrase for a person."""

    passage: Mapping[str, Any]
    arm: Arm
    why: str


class Session:
    """Questions one after another; `note` tells what was answered, `undo` takes that back."""

    def __init__(self, pool: Pool, labels: Mapping[str, Label], seed: int) -> None:
        self._pool = pool
        self._seed = seed
        self._place = {row["id"]: index for index, row in enumerate(pool.passages)}
        self._answers: dict[int, tuple[Answer, Arm]] = {
            self._place[subject]: (label.answer, label.arm)
            for subject, label in labels.items()
            if subject in self._place
        }
        self._waiting: list[Question] = []

    @property
    def asked(self) -> int:
        return len(self._answers)

    @property
    def garbage(self) -> int:
        return sum(answer == "garbage" for answer, _ in self._answers.values())

    def next(self) -> Question | None:
        """Return the question to ask now (the same until it is noted), None when none is left."""
        if not self._waiting:
            self._waiting = self._batch()
        return self._waiting[0] if self._waiting else None

    def note(self, question: Question, answer: Answer) -> None:
        """Take an answer to the question that `next` gave."""
        self._waiting.remove(question)
        self._answers[self._place[question.passage["id"]]] = (answer, question.arm)

    def undo(self, question: Question) -> None:
        """Forget the answer to a question; it comes next again."""
        del self._answers[self._place[question.passage["id"]]]
        self._waiting.insert(0, question)

    def _batch(self) -> list[Question]:
        pool = self._pool
        asked = np.array(sorted(self._answers), np.int64)
        generator = np.random.default_rng([self._seed, len(asked)])
        known = [index for index, (a, _) in self._answers.items() if a in ("good", "garbage")]
        garbage = np.array([self._answers[index][0] == "garbage" for index in known], bool)
        model = train(pool.rows[known], garbage) if known else None
        found = model.garbage(pool.rows) if model else None
        active = choose_active(pool.rows, found, asked, ACTIVE, generator)
        taken = np.concatenate([asked, np.array(active, np.int64)])
        random = choose_random(pool.chance, taken, RANDOM)
        questions = [
            Question(
                pool.passages[index],
                "active",
                f"unusual {self._oddest(index)}"
                + (f"; garbage {found[index]:.2f}" if found is not None else ""),
            )
            for index in active
        ]
        for number, index in enumerate(random):
            drawn = Question(pool.passages[index], "random", "drawn by chance")
            questions.insert(2 * number + 1, drawn)
        return questions

    def _oddest(self, index: int) -> str:
        """The name of the score in which a passage differs most from the rest."""
        names = self._pool.features.names
        values = np.abs(np.asarray(self._pool.rows[[index], TEXT_COLUMNS:].todense())).ravel()
        return names[int(values.argmax())].removeprefix("shape:").replace("_", " ")
