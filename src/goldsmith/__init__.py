"""Goldsmith: a folder of documents into a gold dataset, a model, an index and a measured server.

The rooms, in the order in which they may import each other (a later one an earlier one, never
back): project, errors, lake, pipeline, tokenizers, models, extract, refine, datasets, training,
engine, retrieval, evaluation, report, server, cli. Each room's ``__init__`` is its front door.
"""

__version__ = "0.1.0"
