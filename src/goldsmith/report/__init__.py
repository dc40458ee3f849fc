"""The report: one self-contained HTML file a run.

What went in, where every character went, what was removed and why (with samples), the training
curves, the scores with their intervals, and answers with pictures of the pages they cite. Figures
are our own SVG; there is no script and nothing is loaded from anywhere, so the file can be mailed.

`gather` reads the lake and what the steps measured into plain values; `write_report` draws them.
"""

from goldsmith.report.contents import (
    AnswerShown,
    Curve,
    Report,
    Sentence,
    curve,
    gather,
    read_metrics,
)
from goldsmith.report.page import write_report

__all__ = [
    "AnswerShown",
    "Curve",
    "Report",
    "Sentence",
    "curve",
    "gather",
    "read_metrics",
    "write_report",
]
