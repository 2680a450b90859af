"""A judge for tests: deterministic, knows nothing, fails for the pictures that it is told to."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from skingpt_r1.dermeval.critique import Fault, Remark, assessment
from skingpt_r1.dermeval.judging import Judgement, Submission
from skingpt_r1.records import CaseError

TEXT = (
    "[observation] Dermoscopic image. It shows an asymmetric shape, an irregular border and dark brown areas. "
    "[synthesis] What speaks for melanoma is stronger than what speaks against it."
)


class FakeJudge:
    """Scores fall with the length of the text; spoils: names of pictures that raise; dies: after so many cases."""

    name = "fake 1"

    def __init__(self, *spoils: str, seconds: float = 0.0, dies: int = 0) -> None:
        self.spoils, self.seconds, self.dies = spoils, seconds, dies
        self.batches: list[tuple[str, ...]] = []
        self.histories: list[object] = []

    def judge(self, submissions: Sequence[Submission]) -> list[Judgement]:
        self.batches.append(tuple(s.id for s in submissions))
        self.histories += [s.history for s in submissions]
        for submission in submissions:
            if submission.image is not None and submission.image.name in self.spoils:
                raise CaseError(f"{submission.image.name}: the evaluator cannot look at it.")
            time.sleep(self.seconds)
            self.dies -= 1
            if self.dies == 0:
                os.kill(os.getpid(), 9)
        return [self._judgement(submission) for submission in submissions]

    def _judgement(self, submission: Submission) -> Judgement:
        value = 5 - len(submission.text) % 40 / 10
        remarks = (Remark("irregular border", Fault.UNSEEN),) if value < 4 else ()
        scores = (value, 5.0, 4.0, 3.0, 2.0, 1.0)
        intervals = tuple((max(0.0, s - 0.5), min(5.0, s + 0.5)) for s in scores)
        return Judgement(assessment(remarks, scores), remarks, intervals, ("irregular border: support 0.21",))


def submission(image: Path | None = None, text: str = TEXT, name: str = "a") -> Submission:
    return Submission(name, image, text)
