"""Chunks into answers: an index that is searched by words and by meaning, and answers that cite.

`build_index` turns gold chunks into a folder that holds all that answering needs; `Index.open`
opens it and `Index.search` ranks its chunks by BM25 and cosine, mixed by alpha. `answer` picks the
sentences that answer a question, word for word from the documents, each with its page and boxes,
and refuses when the documents do not say. Nothing here generates text.

Others use: `build_index`, `Index`, `Hit`, `answer`, `Answer`, `Sentence`, `Box`, `Embedder`,
`choose_embedder`, `content_terms`. Which embedder runs is settings.index.embedder's to say.
"""

from goldsmith.retrieval.answering import ANSWER_VERSION, Answer, Sentence, answer
from goldsmith.retrieval.embed import Embedder, choose_embedder
from goldsmith.retrieval.index import INDEX_VERSION, Hit, Index, build_index
from goldsmith.retrieval.sentences import Box
from goldsmith.retrieval.words import content_terms

__all__ = [
    "ANSWER_VERSION",
    "INDEX_VERSION",
    "Answer",
    "Box",
    "Embedder",
    "Hit",
    "Index",
    "Sentence",
    "answer",
    "build_index",
    "choose_embedder",
    "content_terms",
]
