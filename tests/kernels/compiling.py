"""Compile kernels for sm_90 without a GPU, with the very arguments that their wrappers launch with.

`launches` puts a recorder in the place of every kernel of a module, so that a wrapper can be called
on tensors of the real shapes that own no memory; `compiled` takes what was recorded through Triton
to PTX and the assembler inside Triton's wheel, and reads from its report what a program needs.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction, mangle_type

ASSEMBLER = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
OPTIONS = ("num_warps", "num_stages")


@dataclass(frozen=True)
class Launch:
    kernel: JITFunction
    arguments: dict[str, object]
    options: dict[str, int]


@dataclass(frozen=True)
class Cost:
    """What a program takes: registers a thread, bytes spilled by a thread, bytes shared."""

    registers: int
    spilled: int
    shared: int
    wgmma: int


@contextmanager
def launches(*modules):
    """Give a list that fills with the launches of these modules' kernels; nothing is run."""
    seen: list[Launch] = []
    kernels = [
        (module, name, found)
        for module in modules
        for name, found in vars(module).items()
        if isinstance(found, JITFunction)
    ]
    for module, name, kernel in kernels:
        setattr(module, name, _Recorder(kernel, seen))
    try:
        yield seen
    finally:
        for module, name, kernel in kernels:
            setattr(module, name, kernel)


class _Recorder:
    def __init__(self, kernel, seen):
        self.kernel, self.seen = kernel, seen

    def __getitem__(self, grid):
        def launch(*places, **words):
            options = {name: words.pop(name) for name in OPTIONS if name in words}
            names = [parameter.name for parameter in self.kernel.params]
            arguments = dict(zip(names, places, strict=False)) | words
            assert set(arguments) == set(names)
            self.seen.append(Launch(self.kernel, arguments, options))

        return launch


def compiled(launch: Launch, capability: int = 90) -> Cost:
    target = GPUTarget("cuda", capability, 32)
    constants, signature, attributes = {}, {}, {}
    for parameter in launch.kernel.params:
        value = launch.arguments[parameter.name]
        if parameter.is_constexpr or value is None or (type(value) is int and value == 1):
            constants[parameter.name] = value
            signature[parameter.name] = "constexpr"
            continue
        signature[parameter.name] = mangle_type(value)
        # Memory comes aligned; what the launcher sees of a number, we see too.
        if isinstance(value, torch.Tensor) or (type(value) is int and value % 16 == 0):
            attributes[(parameter.num,)] = [["tt.divisibility", 16]]
    source = ASTSource(launch.kernel, signature, constants, attributes)
    options = CUDABackend(target).parse_options(dict(launch.options)).__dict__
    made = triton.compile(source, target=target, options=options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.ptx")
        path.write_text(made.asm["ptx"])
        command = [
            ASSEMBLER,
            "-v",
            f"-arch=sm_{capability}{'a' if capability >= 90 else ''}",
            path,
            "-o",
            Path(folder, "kernel.cubin"),
        ]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    registers = int(re.search(r"Used (\d+) registers", report)[1])
    spilled = sum(int(n) for n in re.findall(r"(\d+) bytes spill stores", report))
    return Cost(registers, spilled, made.metadata.shared, made.asm["ptx"].count("wgmma.mma_async"))
