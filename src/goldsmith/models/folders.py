"""Public model folders in and out: weights streamed tensor by tensor, never held twice.

Reading places each public tensor (split where a family keeps several in one) into a model without
storage; writing gathers one shard at a time. Only safetensors are read: no code and no pickle of
others runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from goldsmith.errors import MissingExtraError, ModelError
from goldsmith.models.decoder import Decoder
from goldsmith.models.families import FAMILIES, Weight, check_traits, places
from goldsmith.models.public_config import public_config, read_config, read_json
from goldsmith.pipeline.artifact import write_atomically

Model = TypeVar("Model", bound=nn.Module)
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
SHARD_BYTES = 5 * 2**30
"""Bytes of weights in one file at the most (one tensor may be larger)."""


def load_model(
    source: str | Path, dtype: torch.dtype = torch.float32, revision: str | None = None
) -> Decoder:
    """Read a model from a local folder or, where there is none of that name, from the hub.

    Its weights do not ask for gradients: it is ready to serve, and adapters bring their own.

    Raises ModelError naming the file, tensor or key: an unknown architecture, a missing shard or
    tensor, a wrong shape, a value that is not finite. ``revision`` is the hub's.
    """
    folder = local_folder(source, revision)
    config = read_config(folder)
    model = Decoder(config, seed=None)
    family = FAMILIES[config.family]
    head = ("lm_head.weight",) if config.tied else ()
    return fill(
        model,
        folder,
        places(config, frozenset(model.state_dict())),
        dtype,
        lambda name: name.endswith(("rotary_emb.inv_freq", *family.ignored)) or name in head,
        family.prefix,
    )


def fill(
    model: Model,
    folder: Path,
    every: Iterable[Weight],
    dtype: torch.dtype,
    ignored: Callable[[str], bool],
    prefix: str = "",
) -> Model:
    """Give a model without storage the tensors of a folder; ``every`` says where they belong.

    A public name may lack the ``prefix``. A tensor without a place is left aside where ``ignored``
    says so. Raises ModelError naming file and tensor, as `load_model`.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    expected = {place.public: place for place in every}
    found: dict[str, Tensor] = {}
    for file, name, tensor in read_tensors(folder):
        place = expected.get(name) or expected.get(prefix + name)
        if place is None:
            if ignored(name):
                continue
            raise ModelError(
                f"{file}: tensor '{name}' has no place in the model that config.json describes; "
                "the folder holds another architecture, or adapter weights: merge them first"
            )
        whole = _stacked_shape(place, shapes)
        if tuple(tensor.shape) != whole:
            raise ModelError(
                f"{file}: tensor '{name}' has shape {tuple(tensor.shape)}, config.json says "
                f"{whole}; take weights and config from the same model"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{file}: tensor '{name}' holds NaN or infinity; copy the file again from its "
                "source, or go back to an earlier checkpoint"
            )
        tensor = tensor.to(dtype)
        if place.transposed:
            tensor = tensor.T
        parts = torch.split(tensor, [shapes[ours][0] for ours in place.ours])
        single = len(parts) == 1 and not place.transposed
        found.update(zip(place.ours, parts if single else map(_own, parts), strict=True))
    for public, place in expected.items():
        if any(ours not in found for ours in place.ours):
            raise ModelError(f"{folder}: tensor '{public}' is missing; copy the model again")
    model.load_state_dict(found, assign=True)
    return model.requires_grad_(False)


def save_model(model: Decoder, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Write config.json and the weights as transformers reads them, in the model's dtype.

    Raises ModelError, before anything is written, where the config does not go with its family.
    """
    check_traits(model.config)
    every = places(model.config, frozenset(model.state_dict()))
    write_folder(model, folder, every, public_config(model.config), shard_bytes)


def write_folder(
    model: nn.Module,
    folder: Path,
    every: Iterable[Weight],
    public: Mapping[str, Any],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write a model's tensors under their public names, and ``public`` as its config.json.

    The dtype of its weights is said there in the words of both generations of readers.
    """
    weights = model.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    shards = _shards(every, weights, shard_bytes)
    files: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        name = (
            WEIGHTS if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        )
        tensors = {place.public: _public_tensor(place, weights) for place in shard}
        save_file(tensors, folder / name, metadata={"format": "pt"})
        files |= dict.fromkeys(tensors, name)
    if len(shards) > 1:
        size = sum(tensor.nbytes for tensor in weights.values())
        index = {"metadata": {"total_size": size}, "weight_map": files}
        write_atomically(folder / WEIGHTS_INDEX, json.dumps(index, indent=2, sort_keys=True) + "\n")
    name = str(next(model.parameters()).dtype).removeprefix("torch.")
    public = {**public, "dtype": name, "torch_dtype": name}
    write_atomically(folder / "config.json", json.dumps(public, indent=2, sort_keys=True) + "\n")


def local_folder(source: str | Path, revision: str | None = None) -> Path:
    """Return ``source`` where it is a folder, else the hub's snapshot of that name."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    name = str(source)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"{source}: no such folder, and not a hub name like 'owner/name'")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError(f"reading '{name}' from the hub", "hub") from error
    try:
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=["*.json", "*.safetensors", "*.txt"]
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"'{name}' is neither a local folder nor reachable on the hub ({cause}); "
            "check the name and the network, or give a local folder"
        ) from error


def read_tensors(folder: Path) -> Iterator[tuple[Path, str, Tensor]]:
    """Yield every tensor of the folder, shard by shard, in name order.

    Raises ModelError naming a shard that is missing or broken.
    """
    index = folder / WEIGHTS_INDEX
    if index.is_file():
        weight_map = read_json(index).get("weight_map", {})
        shards = [folder / Path(str(name)).name for name in sorted(set(weight_map.values()))]
    else:
        shards = [folder / WEIGHTS]
    for shard in shards:
        if not shard.is_file():
            raise ModelError(f"{shard}: weight file is missing; copy the model again")
        try:
            with safe_open(shard, framework="pt") as file:
                for name in sorted(file.keys()):
                    yield shard, name, file.get_tensor(name)
        except SafetensorError as error:
            raise ModelError(
                f"{shard}: is not a whole safetensors file ({error}); copy the model again"
            ) from error


def _stacked_shape(place: Weight, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    first, *rest = shapes[place.ours[0]]
    whole = (first + sum(shapes[name][0] for name in place.ours[1:]), *rest)
    return whole[::-1] if place.transposed else whole


def _own(part: Tensor) -> Tensor:
    """A part of a larger tensor with memory of its own, so that the whole can go."""
    return part.clone(memory_format=torch.contiguous_format)


def _public_tensor(place: Weight, weights: Mapping[str, Tensor]) -> Tensor:
    parts = [weights[name].detach() for name in place.ours]
    whole = parts[0] if len(parts) == 1 else torch.cat(parts)
    return (whole.T if place.transposed else whole).contiguous()


def _shards(
    every: Iterable[Weight], weights: Mapping[str, Tensor], shard_bytes: int
) -> list[list[Weight]]:
    shards: list[list[Weight]] = [[]]
    held = 0
    for place in every:
        size = sum(weights[name].nbytes for name in place.ours)
        if held and held + size > shard_bytes:
            shards.append([])
            held = 0
        shards[-1].append(place)
        held += size
    return shards
