"""The stage that says of each raw line what it is.

Hints of formats that know (HTML, DOCX, Markdown) win; otherwise `furniture` looks by rules for what
a page carries besides its text, `line_tagger` by a trained network, `structure` for what the text
is made of, and `matter` for title, authors and appendices. Nothing is removed here: a label with a
confidence is all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.furniture import find_furniture
from goldsmith.refine.line_tagger import NAME, find_learned
from goldsmith.refine.lines import body_size, read_lines
from goldsmith.refine.matter import find_matter
from goldsmith.refine.structure import label_lines

RULES = "rules-1"


@dataclass(frozen=True)
class Tag:
    """``lines`` (and the heights of ``pages``, where known) to ``tags``, a row a line that counts.

    Lines that another engine's reading replaced get no tag: they are not part of the document.
    """

    settings: RefineSettings
    name: ClassVar[str] = "tag"
    version: ClassVar[int] = 5
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("lines", "pages")
    writes: ClassVar[tuple[str, ...]] = ("tags",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        lines = [line for line in read_lines(tables["lines"]) if not line.replaced]
        heights: dict[int, float] = {}
        if "pages" in tables:
            numbers = tables["pages"].column("page").to_pylist()
            values = tables["pages"].column("height").to_pylist()
            heights = {page: height or 0.0 for page, height in zip(numbers, values, strict=True)}
        body = body_size(lines)
        furniture = find_furniture(lines, heights, body)
        trained = self.settings.tagger == "trained"
        opinion = find_learned(lines, heights, body) if trained else None
        if opinion is not None:
            furniture = opinion.furniture | furniture
        inner = [line for line in lines if line.id not in furniture]
        labels = dict(zip((line.id for line in inner), label_lines(inner, body), strict=True))
        if opinion is not None:
            labels.update(
                (line, ("REFERENCE", chance))
                for line, chance in opinion.references.items()
                if line in labels and labels[line][0] in ("CONTENT", "LIST")
            )
        named = [labels[line.id][0] for line in inner]
        labels.update(find_matter(inner, named, body, opinion and opinion.front))
        labels.update((line, (found.label, found.confidence)) for line, found in furniture.items())
        rows = [
            {
                "line": line.id,
                "document": line.document,
                "order": line.order,
                "label": labels[line.id][0],
                "confidence": labels[line.id][1],
                "tagger": NAME if trained else RULES,
            }
            for line in lines
        ]
        return {"tags": pa.Table.from_pylist(rows, SCHEMAS["tags"])}
