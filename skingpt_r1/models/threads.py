"""How threads share the cores: several pieces of work side by side, one thread each, beat one piece on all cores.

A matrix of sixteen rows is too small to be shared out, and a sum of floats depends on how many threads share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

CORES: Final = torch.get_num_threads()  # that torch would use by itself; OMP_NUM_THREADS limits them


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Every thread that begins to calculate in here has one core; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side() -> int:
    """How many pieces of work the cores take at once, as many threads each as torch would now use."""
    return max(1, CORES // torch.get_num_threads())
