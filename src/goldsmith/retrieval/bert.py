"""The forward pass of a BERT sentence encoder in plain torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def load_bert(folder: Path, longest: int) -> tuple[Callable[[Sequence[Sequence[int]]], Any], Any]:
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text())
    w = {k.removeprefix("bert."): v for k, v in load_file(folder / "model.safetensors").items()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    dtype = torch.bfloat16 if torch.backends.mkldnn.is_available() else torch.float32
    import os

    if os.environ.get("BERT_F32"):
        dtype = torch.float32
    lin = {k: v.to(dtype) for k, v in w.items()}

    def linear(x: Any, name: str) -> Any:
        return F.linear(x.to(dtype), lin[name + ".weight"], lin[name + ".bias"])

    def norm(x: Any, name: str) -> Any:
        return F.layer_norm(x.float(), (x.shape[-1],), w[name + ".weight"], w[name + ".bias"], eps)

    @torch.inference_mode()
    def encode(batch: Sequence[Sequence[int]]) -> Any:
        size = max(len(ids) for ids in batch)
        tokens = torch.zeros(len(batch), size, dtype=torch.long)
        mask = torch.zeros(len(batch), size, dtype=torch.bool)
        for row, ids in enumerate(batch):
            tokens[row, : len(ids)] = torch.tensor(ids)
            mask[row, : len(ids)] = True
        e = "embeddings."
        x = (
            w[e + "word_embeddings.weight"][tokens]
            + w[e + "position_embeddings.weight"][:size]
            + w[e + "token_type_embeddings.weight"][0]
        )
        x = norm(x, e + "LayerNorm")
        bias = torch.where(mask, 0.0, -1e9)[:, None, None, :].to(dtype)
        for i in range(config["num_hidden_layers"]):
            p = f"encoder.layer.{i}."
            q, k, v = (
                linear(x, f"{p}attention.self.{n}").unflatten(-1, (heads, -1)).transpose(1, 2)
                for n in ("query", "key", "value")
            )
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2)
            x = norm(
                x + linear(a, p + "attention.output.dense").float(),
                p + "attention.output.LayerNorm",
            )
            h = linear(F.gelu(linear(x, p + "intermediate.dense")), p + "output.dense")
            x = norm(x + h.float(), p + "output.LayerNorm")
        m = mask[..., None].float()
        pooled = (x * m).sum(1) / m.sum(1)
        return F.normalize(pooled, dim=-1).numpy()

    return encode, tokenizer
