"""Tells how a run gets on: cases done, rate, time left; one line every ten seconds, and one at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from inspect_ai.solver import TaskState

log = logging.getLogger(__name__)
_EVERY = 10.0  # seconds between two lines


class _Count:
    """What is being counted."""

    def __init__(self, name: str, done: int, total: int) -> None:
        self.name, self.done, self.total = name, done, total
        self.finished = self.pending = 0
        self.began = self.told = time.monotonic()

    def add(self, pending: bool) -> None:
        self.finished += 1
        self.pending += pending
        if time.monotonic() - self.told > _EVERY or self.done + self.finished == self.total:
            self.told = time.monotonic()
            pace = (self.told - self.began) / self.finished
            left = self.total - self.done - self.finished
            log.info(
                "%s: %d/%d, %.2f cases/s, %.0f s left, %d pending",
                self.name, self.done + self.finished, self.total, 1 / max(pace, 1e-9), pace * left, self.pending,
            )  # fmt: skip


_counting: list[_Count] = []


@contextmanager
def progress(name: str, done: int, total: int) -> Iterator[None]:
    """Tells of the run within. done: cases that an earlier run finished."""
    _counting.append(_Count(name, done, total))
    try:
        yield
    finally:
        _counting.pop()


async def count(state: TaskState) -> None:
    """A case is done, or is left pending without an answer; what a task does last with each. Silent outside a run."""
    if _counting:
        _counting[-1].add(state.output.empty)
