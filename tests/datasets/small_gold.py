"""Gold in small: sections of chunks with overlaps."""

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS


def chunk_rows(sections):
    """Rows of ``chunks``: one list of (text, overlap) a section; ids tell the place."""
    rows = []
    for number, texts in enumerate(sections):
        for text, overlap in texts:
            rows.append(
                dict.fromkeys(SCHEMAS["chunks"].names)
                | {
                    "id": f"c-{len(rows):020}",
                    "document": f"d-{number // 3:020}",
                    "order": len(rows),
                    "text": text,
                    "overlap": overlap,
                    "passages": [f"p-{len(rows):020}"],
                    "parent": f"c-section{number:013}",
                }
            )
    return rows


def chunk_table(sections):
    return pa.Table.from_pylist(chunk_rows(sections), schema=SCHEMAS["chunks"])
