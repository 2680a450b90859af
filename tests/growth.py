"""How the time of a call grows with its text: tells linear code from code that a long text stalls."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def growth(call: Callable[[str], object], piece: str, small: int, large: int) -> float:
    """Time on `large` characters of the repeated piece, in times of that on `small` ones.

    Processor time, the best of three, without the garbage collector: it walks the whole test process's heap
    whenever it runs, and a busy machine slows a single try. Times under 20 ms are taken for 20 ms.
    """

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        call(text)
        return time.process_time() - start

    collecting = gc.isenabled()
    gc.disable()
    try:
        best = [min(seconds(size) for _ in range(3)) for size in (small, large)]
    finally:
        if collecting:
            gc.enable()
    return best[1] / max(best[0], 0.02)
