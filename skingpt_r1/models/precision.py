"""Which number format this machine computes in, and which the files are kept in.

bfloat16 is only fast where the processor has matrix instructions for it (AMX, or avx512_bf16); on
an AVX2 machine it is 75 times slower than float32, so it is never the default there.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch

STORED_ADAPTER = torch.bfloat16
STORED_BACKBONE = torch.float16  # de-quantised 4-bit weights: rounding is far below the quantisation step
CACHED_FEATURES = torch.bfloat16

_MALLOC = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0)}


def processor_flags() -> frozenset[str]:
    """Feature flags of this processor; empty where the system does not list them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return frozenset()
    lines = (line for line in cpuinfo.read_text().splitlines() if line.startswith(("flags", "Features")))
    return frozenset(next(lines, ":").partition(":")[2].split())


def compute_dtype(device: str = "cpu") -> torch.dtype:
    """bfloat16 on a GPU that has it and on processors with AMX, else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if "amx_bf16" in processor_flags() else torch.float32


def quick_products(device: str = "cpu", flags: frozenset[str] | None = None) -> torch.autocast:
    """A context in which large products of a training step run in bfloat16, where this machine is quicker so.

    Measured on two cores with avx512_bf16: a step of the evaluator takes 0.63 of its time in float32, and its loss
    differs in the third digit. Elsewhere the context does nothing. flags: the processor's, to be asked for another.
    """
    if device != "cpu":
        return torch.autocast(device, torch.bfloat16, enabled=compute_dtype(device) == torch.bfloat16)
    quick = {"avx512_bf16", "amx_bf16"} & (processor_flags() if flags is None else flags)
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(quick))


def keep_freed_memory() -> None:
    """Ask glibc to reuse freed buffers instead of returning them to the system.

    Training allocates the same large tensors at every step; handing each back costs a page fault a
    4 KiB page, measured at a third of a training step on two cores.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # musl has neither
        return
    for option, value in _MALLOC.values():
        mallopt(option, value)
