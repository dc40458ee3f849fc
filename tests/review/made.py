"""A small lake of passages, some of them garbage of a kind that the heuristic cannot see."""

from __future__ import annotations

import random

import pyarrow as pa

from goldsmith.lake import Lake
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Screen

_WORDS = (
    "river harbour market winter letter garden bridge morning captain window village "
    "summer engine teacher doctor mountain island weather kitchen station picture story "
    "number water family evening country question answer history morning company paper"
)


def sentence(chance: random.Random) -> str:
    words = [chance.choice(_WORDS.split()) for _ in range(chance.randrange(8, 14))]
    return f"The {' of the '.join(words[:3])} was {' and '.join(words[3:6])} in the {words[6]}."


def advertisement(chance: random.Random) -> str:
    thing = chance.choice(_WORDS.split())
    return (
        f"Buy your {thing} online today and get {chance.randrange(10, 90)} percent off. "
        f"Click here to claim the {thing} offer before the sale ends."
    )


def made_lake(folder, documents=12, passages=20, share=0.2, seed=3) -> tuple[Lake, set[str]]:
    """Return a lake with passages and scores, and the ids of those that are garbage."""
    chance = random.Random(seed)
    rows, garbage = [], set()
    for document in range(documents):
        for order in range(passages):
            bad = chance.random() < share
            text = (
                advertisement(chance)
                if bad
                else " ".join(sentence(chance) for _ in range(chance.randrange(2, 5)))
            )
            name = f"p-{document:02}-{order:02}"
            if bad:
                garbage.add(name)
            span = {"at": 0, "length": len(text), "line": f"l-{name}", "start": 0}
            span |= {"end": len(text), "page": 1 + order // 5}
            rows.append(
                {
                    "id": name,
                    "document": f"d-{document:02}",
                    "order": order,
                    "kind": "paragraph",
                    "level": 0,
                    "heading_path": [],
                    "text": text,
                    "spans": [span],
                }
            )
    lake = Lake(folder)
    table = pa.Table.from_pylist(rows, schema=SCHEMAS["passages"])
    lake.replace("passages", table)
    scores = Screen(RefineSettings()).run(
        {"passages": table, "lines": SCHEMAS["lines"].empty_table()}
    )["scores"]
    lake.replace("scores", scores, "screen")
    return lake, garbage
