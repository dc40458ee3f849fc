"""POST /v1/embeddings: unit vectors of the index's embedder, as numbers or as base64 float32."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from goldsmith.server.body import read_json
from goldsmith.server.errors import bad_field
from goldsmith.server.fields import EmbeddingBody, parse_embedding
from goldsmith.server.service import Service, service_of
from goldsmith.server.stream import while_connected


async def embeddings(request: Request) -> Response:
    body = parse_embedding(await read_json(request))
    service = service_of(request)
    service.require_model(body.model)
    if body.model != service.grounded:
        raise bad_field("model", f"embeddings come from '{service.grounded}'", "unsupported_value")
    return await while_connected(request, lambda: _embed(service, body))


async def _embed(service: Service, body: EmbeddingBody) -> Response:
    vectors = np.asarray(await service.embed(body.texts), dtype="<f4")
    if body.dimensions not in (None, vectors.shape[1]):
        raise bad_field("dimensions", f"the vectors have {vectors.shape[1]}", "unsupported_value")
    tokens = sum(service.count_tokens(text) for text in body.texts)
    return JSONResponse(
        {
            "object": "list",
            "model": body.model,
            "data": [
                {"object": "embedding", "index": index, "embedding": _written(vector, body)}
                for index, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _written(vector: Any, body: EmbeddingBody) -> str | list[float]:
    if body.base64:
        return base64.b64encode(vector.tobytes()).decode("ascii")
    values: list[float] = vector.tolist()
    return values
