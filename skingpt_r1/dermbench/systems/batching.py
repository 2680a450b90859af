"""Answers questions that arrive at the same time together: sixteen take our model hardly longer than four.

Whoever holds the lock takes all that waits (of one label set) and answers for everybody; the others find their answer
when their turn comes. So nobody depends on a task that might be cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import anyio
import anyio.to_thread

from skingpt_r1.dermbench.systems.asking import Answering, Question, Told, candidates
from skingpt_r1.records import SkinGPTError

MOST: Final = 16
_LINGER: Final = 0.2  # seconds in which others may join a batch that is not full


@dataclass(eq=False)
class _Waiting:
    """A question and, once it has one, its answer or why there is none."""

    question: Question
    outcome: Told | SkinGPTError | None = None


class Batcher:
    """One an answering system; used from one event loop at a time."""

    def __init__(self, system: Answering) -> None:
        self.system = system
        self.waiting: list[_Waiting] = []
        self.sizes: list[int] = []  # of the batches so far
        self._lock: anyio.Lock | None = None

    async def ask(self, question: Question) -> Told:
        """The answer. Raises SkinGPTError, this question's own."""
        mine = _Waiting(question)
        self.waiting.append(mine)
        self._lock = self._lock or anyio.Lock()
        try:
            async with self._lock:
                if mine.outcome is None:
                    if len(self.waiting) < MOST:
                        await anyio.sleep(_LINGER)
                    await anyio.to_thread.run_sync(self._answer, self._together(mine))
        finally:
            if mine in self.waiting:
                self.waiting.remove(mine)
        if isinstance(mine.outcome, Told):
            return mine.outcome
        raise mine.outcome or SkinGPTError("the question was given up.")

    def _together(self, first: _Waiting) -> list[_Waiting]:
        """What can be answered in one go, the first of all among it."""

        def kind(w: _Waiting) -> tuple[object, ...]:
            return (w.question.asked.labels, w.question.temperature, w.question.seed)

        alike = [w for w in self.waiting if w is not first and kind(w) == kind(first)]
        batch = [first, *alike][:MOST]
        self.waiting = [w for w in self.waiting if w not in batch]
        return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        """Fills in the outcomes; a question that spoils its batch costs its own answer only."""
        try:
            labels = candidates(batch[0].question.asked.labels)
            told = self.system.answer([w.question for w in batch], labels)
        except SkinGPTError as error:
            if len(batch) == 1:
                batch[0].outcome = error
                return
            for each in batch:
                self._answer([each])
            return
        self.sizes.append(len(batch))
        for each, answer in zip(batch, told, strict=True):
            each.outcome = answer
