"""A workspace on a port: bind first, then open what there is, then serve until told to stop.

On SIGTERM or Ctrl-C no new connection is taken and running answers get
``settings.serve.drain_seconds`` to finish; then the engine ends.
"""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from goldsmith.errors import UserError
from goldsmith.lake import Lake
from goldsmith.project import Settings, Workspace
from goldsmith.server.app import create_app
from goldsmith.server.library import Library


def serve(workspace: Workspace, settings: Settings, source: Path | None = None) -> None:
    """Serve a workspace until stopped; prints the address when requests are taken.

    ``source`` is the folder of the documents; without it, the one the workspace was made from.
    Raises UserError before anything else when the port is taken, and when the workspace has
    nothing to serve.
    """
    listener = bind(settings.serve.host, settings.serve.port)
    with listener:
        app = open_workspace(workspace, settings, source)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(settings.serve.drain_seconds)),
        )
        host, port = listener.getsockname()[:2]
        _Server(config, f"http://{_written(host)}:{port}").run(sockets=[listener])


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises UserError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} of {host} is in use; stop what uses it or choose another: "
                "goldsmith serve --port 8001"
            ) from error
        raise UserError(
            f"cannot listen on {host} port {port} ({error.strerror}); choose another address"
        ) from error
    return listener


def open_workspace(
    workspace: Workspace, settings: Settings, source: Path | None = None
) -> Starlette:
    """Return the app for what the workspace holds: an index, a model, or both."""
    model_folder = next(
        (
            folder
            for name in ("merged", "base")
            if (folder := workspace.models / name / "config.json").is_file()
        ),
        None,
    )
    has_index = (workspace.index / "index.json").is_file()
    if model_folder is None and not has_index:
        raise UserError(
            f"{workspace.root}: there is neither an index nor a model to serve; "
            "make them with goldsmith run"
        )
    from goldsmith.engine import Engine
    from goldsmith.retrieval import Index
    from goldsmith.tokenizers import load
    from goldsmith.training import load_tuned

    engine = tokenizer = None
    index = Index.open(workspace.index) if has_index else None
    library = open_library(workspace, source)
    if model_folder is not None:
        tokenizer = load(workspace.tokenizer)
        engine = Engine(load_tuned(model_folder.parent), tokenizer, settings.serve)
    return create_app(settings, engine=engine, tokenizer=tokenizer, index=index, library=library)


def open_library(workspace: Workspace, source: Path | None = None) -> Library:
    """Return the documents of a workspace, with what is needed to show them."""
    lake = Lake(workspace.lake)
    if not lake.exists("documents"):
        return Library(None, None)
    rows = {
        name: lake.read(name, columns=columns).to_pylist() if lake.exists(name) else []
        for name, columns in (
            ("documents", ["id", "uri", "media_type", "title", "pages", "status"]),
            ("pages", ["document", "page", "width", "height"]),
            ("passages", ["document", "kind", "text"]),
        )
    }
    return Library(source or _source(workspace), workspace.root / "pages", **rows)


def _source(workspace: Workspace) -> Path | None:
    try:
        value = json.loads(workspace.project_file.read_text("utf-8"))
        return Path(value["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # answers are still cited, pages cannot be drawn


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            print(f"Serving on {self._address} (the API is at /v1); Ctrl-C ends it.", flush=True)
