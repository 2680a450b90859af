"""Answers questions that arrive at the same time together: sixteen take our model hardly longer than four.

Batches are answered side by side, one for each core. Whoever gets a free place takes all that waits (of one label set)
and answers for everybody; the others are told when their answer is there. So nobody depends on a task that might be
cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import anyio
import anyio.to_thread

from skingpt_r1.dermbench.systems.asking import Answering, Question, Told, candidates
from skingpt_r1.models.threads import CORES
from skingpt_r1.records import SkinGPTError

MOST: Final = 16
_LINGER: Final = 0.2  # seconds in which others may join a batch that is not full
AT_ONCE: Final = min(CORES, 4)  # batches side by side; each needs some 500 MB


@dataclass(eq=False)
class _Waiting:
    """A question and, once it has one, its answer or why there is none."""

    question: Question
    outcome: Told | SkinGPTError | None = None
    done: anyio.Event = field(default_factory=anyio.Event)


class Batcher:
    """One an answering system; used from one event loop at a time. at_once: batches side by side."""

    def __init__(self, system: Answering, at_once: int = AT_ONCE) -> None:
        self.system, self.at_once = system, at_once
        self.waiting: list[_Waiting] = []
        self.sizes: list[int] = []  # of the batches so far
        self._free: anyio.Semaphore | None = None

    async def ask(self, question: Question) -> Told:
        """The answer. Raises SkinGPTError, this question's own."""
        mine = _Waiting(question)
        self.waiting.append(mine)
        self._free = self._free or anyio.Semaphore(self.at_once)
        try:
            async with self._free:
                if mine in self.waiting and len(self.waiting) < MOST:
                    await anyio.sleep(_LINGER)
                if mine in self.waiting:
                    await self._answered(self._together(mine))
            await mine.done.wait()
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

    async def _answered(self, batch: list[_Waiting]) -> None:
        try:
            await anyio.to_thread.run_sync(self._answer, batch)
        finally:
            for each in batch:
                each.done.set()

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
