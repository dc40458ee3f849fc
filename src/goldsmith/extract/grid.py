"""The lines of a table as a grid of cells, and the grid as Markdown or HTML.

A line of a table is a row or a part of one; tabs part its cells. Where the page told more, the
line's hint says so: ``table:2:c0,1,3-4`` is row 2, whose cells stand in columns 0, 1, and 3 to 4.
Several lines of one row are cells of several lines.
"""

from __future__ import annotations

from html import escape

Cells = dict[tuple[int, int], tuple[int, str]]  # (row, column) -> (columns it spans, text)


def render_table(lines: list[tuple[str, str]]) -> str:
    """Return the lines (text, hint) of one table as pipes, or as HTML if cells span columns."""
    cells = read_cells(lines)
    if not cells:
        return ""
    rows = sorted({row for row, _ in cells})
    width = max(column + span for (_, column), (span, _) in cells.items())
    if any(span > 1 for span, _ in cells.values()):
        return _html(cells, rows, width)
    grid = [[cells.get((row, column), (1, ""))[1] for column in range(width)] for row in rows]
    grid = [[text.replace("|", "\\|") for text in row] for row in grid]
    head, *rest = (f"| {' | '.join(row)} |" for row in grid)
    return "\n".join([head, "|" + "---|" * width, *rest])


def read_cells(lines: list[tuple[str, str]]) -> Cells:
    """The cells of one table's lines (text, hint)."""
    cells: Cells = {}
    last = -1
    for text, hint in lines:
        parts = [part.strip() for part in text.split("\t")]
        _, _, place = hint.partition(":")
        number, _, columns = place.partition(":")
        spans = [_span(one) for one in columns[1:].split(",")] if columns else []
        if number.isdecimal() and len(spans) == len(parts):
            row = int(number)
        else:
            row, spans = last + 1, [(column, column) for column in range(len(parts))]
        last = max(last, row)
        for (first, final), part in zip(spans, parts, strict=True):
            before = cells.get((row, first))
            joined = f"{before[1]} {part}".strip() if before else part
            cells[row, first] = (max(final - first + 1, before[0] if before else 1), joined)
    return cells


def _span(text: str) -> tuple[int, int]:
    first, _, final = text.partition("-")
    return int(first), int(final or first)


def _html(cells: Cells, rows: list[int], width: int) -> str:
    out = ["<table>"]
    head = True
    for row in rows:
        spanned = any(
            cells[row, column][0] > 1 for column in range(width) if (row, column) in cells
        )
        tag = "th" if head else "td"
        head = head and spanned  # the row under the last spanning one is still a head
        out.append("<tr>" + "".join(_html_cells(cells, row, width, tag)) + "</tr>")
    return "\n".join([*out, "</table>"])


def _html_cells(cells: Cells, row: int, width: int, tag: str) -> list[str]:
    out, column = [], 0
    while column < width:
        span, text = cells.get((row, column), (1, ""))
        wide = f' colspan="{span}"' if span > 1 else ""
        out.append(f"<{tag}{wide}>{escape(text, quote=False)}</{tag}>")
        column += span
    return out
