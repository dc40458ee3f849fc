"""Where kernels run: on a CUDA device where Triton is installed, and nowhere else.

Under ``TRITON_INTERPRET=1`` they run on the processor as well, slowly, so that their numbers can be
checked without a GPU. Triton reads that word when it is imported; so do we.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

from torch import Tensor

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def kernels_run(tensor: Tensor) -> bool:
    """Whether work on this tensor is done by our kernels; otherwise by their plain twins."""
    return (tensor.is_cuda or INTERPRETED) and _installed()


@cache
def _installed() -> bool:
    return find_spec("triton") is not None
