"""Where training runs: on the first CUDA device if there is one, else on the processor.

Nothing chooses between kernels and their twins here: `kernels.kernels_run` does, tensor by tensor.
To keep a GPU out of it, hide it (``CUDA_VISIBLE_DEVICES=``).
"""

from __future__ import annotations

from collections.abc import Mapping

import psutil
import torch
from torch import Tensor, nn

PROCESSOR = torch.device("cpu")


def training_device() -> torch.device:
    """Return the device that jobs of training take."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else PROCESSOR


def device_of(model: nn.Module) -> torch.device:
    """Return the device that a model's parameters are on."""
    return next(model.parameters()).device


def device_name(device: torch.device) -> str:
    """Return what a checkpoint's key says: learned bytes depend on the kind of device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def placed(tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Return the tensors on a device; those that are there already are not copied."""
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def held_bytes(device: torch.device) -> int:
    """Return the memory this process holds now: of the device, or resident."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    return int(psutil.Process().memory_info().rss)


def wait_for(device: torch.device) -> None:
    """Return when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
