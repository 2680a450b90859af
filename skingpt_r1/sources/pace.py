"""Tells how long work that is done line by line takes: a line every ten seconds, and one at its end."""

from __future__ import annotations

import logging
import time
from typing import Final

_EVERY: Final = 10.0  # seconds between two lines


class Pace:
    """log: who tells. total: how many there are. done: those that an earlier run finished. unit: what is counted."""

    def __init__(self, log: logging.Logger, total: int, done: int = 0, unit: str = "cases") -> None:
        self.log, self.total, self.done, self.unit = log, total, done, unit
        self.began = self.told = time.monotonic()

    def tell(self, n: int) -> None:
        """n: how many are done by now, an earlier run's included."""
        if time.monotonic() - self.told > _EVERY or n == self.total:
            self.told = time.monotonic()
            pace = (self.told - self.began) / (n - self.done)
            left = pace * (self.total - n)
            self.log.info("%d/%d, %.1f %s/s, %.0f s left", n, self.total, 1 / pace, self.unit, left)
