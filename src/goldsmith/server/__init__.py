"""The HTTP side: an OpenAI-compatible API and web pages over an engine and an index.

Two models are served. ``<name>`` answers from the documents, sentence by sentence, each with a
citation to page and boxes, or refuses. ``<name>-lm`` is the tuned decoder through the engine.
`create_app` puts given parts together into a Starlette app; `serve` opens a workspace and serves it
on a port until stopped. Every field of a request is honoured or refused by name (`fields`), errors
have OpenAI's bodies (`errors`), a client that leaves stops its work (`stream`). The pages need no
network and no JavaScript (`pages`, `library`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldsmith import front_door

if TYPE_CHECKING:
    from goldsmith.server.app import create_app
    from goldsmith.server.library import Library
    from goldsmith.server.listen import serve

__all__ = ["Library", "create_app", "serve"]

_PLACES = {
    "app": ("create_app",),
    "library": ("Library",),
    "listen": ("serve",),
}
__getattr__ = front_door(__name__, _PLACES)
