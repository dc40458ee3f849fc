"""The lake: Delta tables with fixed schemas, ids, the byte ledger, and lineage.

Documents and lines are bronze, passages silver, chunks gold; scores, rejects and clusters say why.
`schemas` fixes every table, its key and the words its columns may hold; `ids` makes content hashes;
`Lake` reads and replaces tables in key order, so that the same input gives the same digest;
`take_stock` proves kept + removed + merged = input; `restore` makes the raw lines again from gold
and rejects alone; `trace` walks from any id back to its page and forward to what was made from it.
"""

from goldsmith.lake.ids import content_id, kind_of
from goldsmith.lake.ledger import Account, Ledger, take_stock
from goldsmith.lake.lineage import Step, Trace, models_that_saw, trace
from goldsmith.lake.restoration import Restored, restore
from goldsmith.lake.tables import Lake, table_digest

__all__ = [
    "Account",
    "Lake",
    "Ledger",
    "Restored",
    "Step",
    "Trace",
    "content_id",
    "kind_of",
    "models_that_saw",
    "restore",
    "table_digest",
    "take_stock",
    "trace",
]
