"""The Arrow schema of every table, the key that orders its rows, and the words columns may hold.

Data tables hold no wall-clock time and no path but a document's ``uri``: the same folder gives the
same rows anywhere. Time lives in ``runs`` and ``answers``, which are append-only logs.

Places. A character range ``start``/``end`` counts Python characters of the *raw* ``lines.text``,
end exclusive. ``at``/``length`` count characters of the text that holds the span. Boxes are points
from the top left corner of the page as displayed: x0 < x1, y0 < y1. Pages count from 1.
"""

from __future__ import annotations

import pyarrow as pa

BOX = [(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")]

#: One piece of text and the piece of a raw line it came from (verbatim unless a reject with a
#: ``replacement`` says otherwise). Characters that no span covers are separators we inserted.
SPAN = pa.struct(
    [
        ("at", pa.int32()),
        ("length", pa.int32()),
        ("line", pa.string()),
        ("order", pa.int32()),  # of the line in its document: gold and rejects alone restore it
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("page", pa.int32()),
        *BOX,
    ]
)

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])

SCHEMAS: dict[str, pa.Schema] = {
    # bronze -----------------------------------------------------------------------------------
    # One row a file. A byte-identical copy has the same id and status "duplicate".
    "documents": pa.schema(
        [
            ("id", pa.string()),
            ("uri", pa.string()),  # relative to the source folder, "/" as separator
            ("media_type", pa.string()),
            ("size", pa.int64()),  # bytes
            ("pages", pa.int32()),
            ("characters", pa.int64()),  # of all its raw lines
            ("title", pa.string()),  # from the file's metadata; may be null
            ("status", pa.string()),  # STATUSES
            ("reason", pa.string()),  # DOCUMENT_REASONS or null
            ("detail", pa.string()),  # one sentence for a person, or null
            ("duplicate_of", pa.string()),  # uri of the first file with the same bytes, or null
        ]
    ),
    "pages": pa.schema(
        [
            ("document", pa.string()),
            ("page", pa.int32()),
            ("width", pa.float32()),  # points, as displayed (after rotation)
            ("height", pa.float32()),
            ("rotation", pa.int32()),  # 0, 90, 180, 270
            ("route", pa.string()),  # ROUTES: where the lines that count came from
            ("damage", pa.float32()),  # 0..1, share of the text layer that is not language
        ]
    ),
    "lines": pa.schema(
        [
            ("id", pa.string()),
            ("document", pa.string()),
            ("page", pa.int32()),
            ("order", pa.int32()),  # reading order in the document, from 0
            ("block", pa.int32()),  # text block on the page, in reading order, from 0
            ("text", pa.string()),  # as the engine gave it, without the line break
            *BOX,
            ("font", pa.string()),
            ("size", pa.float32()),  # points, the size that most characters have
            ("weight", pa.int32()),  # 400 regular, 700 bold
            ("italic", pa.bool_()),
            ("raised", pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))),
            ("engine", pa.string()),  # ENGINES
            ("confidence", pa.float32()),  # 0..1
            ("replaced", pa.bool_()),  # another engine's reading of this region counts instead
            ("hint", pa.string()),  # KINDS, "heading:2", "field:NAME", "table:1:c0,2-3" (grid)
        ]
    ),
    # silver -----------------------------------------------------------------------------------
    "tags": pa.schema(
        [
            ("line", pa.string()),
            ("document", pa.string()),
            ("order", pa.int32()),
            ("label", pa.string()),  # LABELS
            ("confidence", pa.float32()),
            ("tagger", pa.string()),  # name and version
        ]
    ),
    # What the corpus says of a word that a line's end divides: whether its hyphen belongs to it.
    "divisions": pa.schema(
        [
            ("document", pa.string()),
            ("left", pa.string()),
            ("right", pa.string()),
            ("stays", pa.bool_()),
        ]
    ),
    "passages": pa.schema(
        [
            ("id", pa.string()),
            ("document", pa.string()),
            ("order", pa.int32()),
            ("kind", pa.string()),  # KINDS
            ("level", pa.int32()),  # of a heading, 1..6; else 0
            ("heading_path", pa.list_(pa.string())),
            ("text", pa.string()),
            ("spans", pa.list_(SPAN)),
        ]
    ),
    "scores": pa.schema(
        [
            ("subject", pa.string()),  # id of a document, passage or chunk
            ("document", pa.string()),
            ("name", pa.string()),
            ("value", pa.float64()),
            ("stage", pa.string()),
            ("scorer", pa.string()),  # name and version
        ]
    ),
    "clusters": pa.schema(
        [
            ("member", pa.string()),  # id of a document or passage
            ("kept", pa.string()),  # the member that stays
            ("method", pa.string()),  # REJECT_RULES["deduplicate"]
            ("similarity", pa.float64()),
            ("reason", pa.string()),  # MERGE_REASONS: why the kept one stays
        ]
    ),
    # Every range of characters that did not reach gold as it was, one row a range of one line.
    "rejects": pa.schema(
        [
            ("id", pa.string()),
            ("document", pa.string()),
            ("subject", pa.string()),  # what was judged: the line, passage or document
            ("line", pa.string()),
            ("order", pa.int32()),  # of the line in its document
            ("page", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("text", pa.string()),  # the removed characters themselves
            ("replacement", pa.string()),  # what stands in gold instead; "" for nothing
            ("stage", pa.string()),  # REJECT_RULES
            ("rule", pa.string()),
            ("score", pa.float64()),
            ("merged_into", pa.string()),  # id of the kept twin, or null
        ]
    ),
    # gold -------------------------------------------------------------------------------------
    "chunks": pa.schema(
        [
            ("id", pa.string()),
            ("document", pa.string()),
            ("order", pa.int32()),
            ("heading_path", pa.list_(pa.string())),
            ("text", pa.string()),
            ("tokens", pa.int32()),
            ("overlap", pa.int32()),  # characters at the start that the chunk before also holds
            ("passages", pa.list_(pa.string())),
            ("spans", pa.list_(SPAN)),
            ("parent", pa.string()),  # id shared by the chunks of one section
        ]
    ),
    "examples": pa.schema(
        [
            ("id", pa.string()),
            ("kind", pa.string()),
            ("messages", pa.list_(MESSAGE)),
            ("source_chunks", pa.list_(pa.string())),
            ("generator", pa.string()),
            ("checks", pa.list_(pa.string())),
            ("split", pa.string()),  # "train" or "validation"
        ]
    ),
    # Where each chunk's tokens lie in the shards: a token leads back to a page through this.
    "tokens": pa.schema(
        [
            ("shard", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("chunk", pa.string()),
            ("document", pa.string()),
            ("split", pa.string()),
        ]
    ),
    "labels": pa.schema(
        [
            ("subject", pa.string()),
            ("label", pa.string()),  # ANSWERS
            ("who", pa.string()),
            ("at", pa.timestamp("us", tz="UTC")),
            ("arm", pa.string()),  # "active" or "random"
        ]
    ),
    # logs -------------------------------------------------------------------------------------
    "runs": pa.schema(
        [
            ("id", pa.string()),
            ("stage", pa.string()),
            ("fingerprint", pa.string()),
            ("settings", pa.string()),  # JSON
            ("inputs", pa.string()),  # JSON: name -> digest
            ("outputs", pa.string()),  # JSON: name -> digest
            ("counts", pa.string()),  # JSON
            ("metrics", pa.string()),  # JSON
            ("seed", pa.int64()),
            ("code_version", pa.string()),
            ("started", pa.timestamp("us", tz="UTC")),
            ("seconds", pa.float64()),
        ]
    ),
    "models": pa.schema(
        [
            ("id", pa.string()),
            ("kind", pa.string()),  # "base", "adapter", "merged"
            ("path", pa.string()),  # relative to the workspace
            ("documents", pa.list_(pa.string())),  # every document it saw in training
            ("dataset", pa.string()),  # digest of the tokens or examples it was trained on
            ("parent", pa.string()),  # id of the model it was tuned from, or null
        ]
    ),
    "answers": pa.schema(
        [
            ("id", pa.string()),
            ("question", pa.string()),
            ("refused", pa.bool_()),
            (
                "sentences",
                pa.list_(
                    pa.struct([("text", pa.string()), ("chunk", pa.string()), ("page", pa.int32())])
                ),
            ),
            ("at", pa.timestamp("us", tz="UTC")),
        ]
    ),
}

#: The columns that order a table's rows; together they are unique.
KEYS: dict[str, tuple[str, ...]] = {
    "documents": ("id", "uri"),
    "pages": ("document", "page"),
    "lines": ("document", "order"),
    "tags": ("document", "order"),
    "divisions": ("document", "left", "right"),
    "passages": ("document", "order"),
    "scores": ("document", "subject", "name"),
    "clusters": ("member", "method"),
    "rejects": ("document", "line", "start", "end", "id"),
    "chunks": ("document", "order"),
    "examples": ("id",),
    "tokens": ("shard", "start"),
    "labels": ("at", "subject", "who"),
    "runs": ("started", "id"),
    "models": ("id",),
    "answers": ("at", "id"),
}

#: Tables written by several stages: each stage owns (and replaces) the rows with its name.
SHARED: frozenset[str] = frozenset({"rejects", "scores"})

#: Append-only logs: not part of the data, not compared between runs.
LOGS: frozenset[str] = frozenset({"runs", "labels", "answers"})

STATUSES = ("ok", "failed", "duplicate")
DOCUMENT_REASONS = (
    "unsupported type",
    "empty file",
    "unreadable",
    "encrypted",
    "no pages",
    "too large",
    "too many pages",
    "time limit",
    "memory limit",
    "worker died",
    "stage failed",
    "same bytes",
)
ENGINES = (
    "pdfium",
    "shift",  # a damaged text layer deciphered: its codes are off by a constant,
    "names",  # or named by the font itself,
    "glyphs",  # or known by the look of their glyphs and the language,
    "substitution",  # or by the language alone
    "form",  # the value of a PDF's form field
    "rapidocr",
    "nougat",
    "html",
    "docx",
    "markdown",
    "text",
)
ROUTES = ("text layer", "deciphered", "ocr", "nougat", "markup", "empty")
ANSWERS = ("good", "garbage", "skip", "undone")
KINDS = ("heading", "paragraph", "list", "table", "equation", "caption", "code", "reference")
LABELS = (
    "CONTENT",
    "TITLE",
    "AUTHOR",
    "HEADING",
    "LIST",
    "TABLE",
    "EQUATION",
    "CODE",
    "CAPTION",
    "FOOTNOTE",
    "REFERENCE",
    "HEADER",
    "FOOTER",
    "PAGE_NUMBER",
    "TOC",
    "ANNEX",  # running text of an appendix; what else stands there keeps its own label
)
REJECT_RULES: dict[str, tuple[str, ...]] = {
    "clean": (
        "HEADER",
        "FOOTER",
        "PAGE_NUMBER",
        "FOOTNOTE",
        "REFERENCE",
        "TOC",
        "replaced reading",  # the text layer of a region that OCR read instead
        "footnote mark",
        "citation mark",
        "hyphen",  # at the end of a line, inside a word
        "white space",
        "control character",
        "repaired character",  # ligatures, mojibake: has a replacement
        "e-mail",
        "phone",
        "card",
    ),
    "cut": (
        "language",
        "garbage",
        "gibberish",
        "low grade",
        "too short",
        # published filters, put on whole documents
        "gopher repetition",
        "gopher quality",
        "c4",
        "c4 paragraphs",
        # scores that a cut in the settings may name
        "grade",
        "repetition",
        "symbols",
        "reading_ease",
        "entropy",
        "compression",
        "vowels",
        "single_letters",
        "damage",
        "profanity",
        "toxicity",  # of a classifier, see refine.classifier_scores
        "letter_surprise",
        "word_surprise",
        "unfamiliar",
        "perplexity",
        "loss",
        "disorder",
    ),
    "deduplicate": ("exact", "minhash", "simhash", "noise", "substring"),
    "forget": ("forgotten",),
}
MERGE_REASONS = ("born digital", "longest", "cleanest", "first", "known")
