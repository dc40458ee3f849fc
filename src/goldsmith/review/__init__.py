"""The review room: what people say about passages, and what is learned from it.

`goldsmith label` asks a person about one passage at a time: good or garbage. `Session` chooses
which: most by uncertainty and diversity (the active arm), a fixed share by chance (the random arm),
which is the control of the first and the sample that judges. `learn` trains a small classifier on
all labels and compares it with the heuristic of `goldsmith.refine.Cut` on random labels, each
predicted by a model that saw no label of its document; only where a paired test says that it is
better does the stage `Judge` store its scores, which `Cut` then prefers to its own rules.

Labels are append-only. Nothing here touches text or decides what leaves gold: `Cut` does.
"""

from goldsmith.review.judge import Judge
from goldsmith.review.labels import Answer, Arm, Label, append_label, current_labels, labels_digest
from goldsmith.review.learning import WEIGHTS, Decision, Learned, Point, learn, read_decision
from goldsmith.review.pool import Pool, open_pool
from goldsmith.review.session import Question, Session

__all__ = [
    "WEIGHTS",
    "Answer",
    "Arm",
    "Decision",
    "Judge",
    "Label",
    "Learned",
    "Point",
    "Pool",
    "Question",
    "Session",
    "append_label",
    "current_labels",
    "labels_digest",
    "learn",
    "open_pool",
    "read_decision",
]
