"""All verbs, put together."""

from __future__ import annotations

import typer

from goldsmith.cli import (
    ask,
    dataset,
    evaluate,
    export,
    forget,
    index,
    ingest,
    init,
    label,
    perplexity,
    refine,
    report,
    restore,
    reveal,
    run,
    serve,
    show,
    status,
    tokenizer,
    train,
    why,
)

application = typer.Typer(
    name="goldsmith",
    help="From a folder of documents to a gold dataset, a model, and a cited, measured server.",
    epilog="Add --debug to any command to see the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for verb, function in (
    ("init", init.init),
    ("run", run.run),
    ("ingest", ingest.ingest),
    ("refine", refine.refine),
    ("label", label.label),
    ("perplexity", perplexity.perplexity),
    ("dataset", dataset.dataset),
    ("train", train.train),
    ("index", index.index),
    ("ask", ask.ask),
    ("serve", serve.serve),
    ("eval", evaluate.evaluate),
    ("export", export.export),
    ("report", report.report),
    ("status", status.status),
    ("why", why.why),
    ("show", show.show),
    ("restore", restore.restore),
    ("vault", reveal.vault),
    ("reveal", reveal.reveal),
    ("forget", forget.forget),
):
    application.command(verb)(function)
application.add_typer(tokenizer.tokenizer, name="tokenizer")
