"""What is judged and what comes of it: the interface between the evaluator and all who ask it.

Whoever asks goes through `judged`: a picture or a text that cannot be judged costs its own case and no other, and is
told as a CaseError in the place of a judgement, never as a score.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from skingpt_r1.dermeval.critique import Remark
from skingpt_r1.dermeval.judgeable import check_picture, check_text
from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST
from skingpt_r1.records import Assessment, CaseError, History


@dataclass(frozen=True, slots=True)
class Submission:
    """One narrative to judge. image: None to be judged blind, for experiments only."""

    id: str
    image: Path | None
    text: str
    history: History = field(default_factory=History)


@dataclass(frozen=True, slots=True)
class Judgement:
    """intervals: (low, high) of each score in the rubric's order, 90 % conformal; empty where none were fitted.

    evidence: what the picture said of each claim, a line each.
    """

    assessment: Assessment
    remarks: tuple[Remark, ...] = ()
    intervals: tuple[tuple[float, float], ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def scores(self) -> dict[str, float]:
        """The six, by dimension."""
        return {key: getattr(self.assessment, key) for key in DIMENSIONS}

    @property
    def mean(self) -> float:
        """Of the six."""
        return sum(self.scores.values()) / len(DIMENSIONS)


class Judge(Protocol):
    """Judges narratives by their pictures. name: changes whenever the scores do, so that no run mixes two judges."""

    @property
    def name(self) -> str:
        """Kind and version."""
        ...

    def judge(self, submissions: Sequence[Submission]) -> list[Judgement]:
        """One for each, in order. May raise CaseError for a picture."""
        ...


def judged(judge: Judge, submissions: Sequence[Submission]) -> list[Judgement | CaseError]:
    """A judgement of each, or why there is none."""
    found: dict[int, Judgement | CaseError] = {}
    for place, submission in enumerate(submissions):
        try:
            check_text(submission.text)
            if submission.image is not None:
                check_picture(submission.image)
        except CaseError as error:
            found[place] = error
    left = [place for place in range(len(submissions)) if place not in found]
    found.update(zip(left, _together(judge, [submissions[place] for place in left]), strict=True))
    return [found[place] for place in range(len(submissions))]


def _together(judge: Judge, batch: Sequence[Submission]) -> list[Judgement | CaseError]:
    """The whole batch; one by one where a picture spoils it."""
    if not batch:
        return []
    try:
        return [_sound(judgement) for judgement in judge.judge(batch)]
    except CaseError as error:
        if len(batch) == 1:
            return [error]
        return [told for submission in batch for told in _together(judge, [submission])]


def _sound(judgement: Judgement) -> Judgement | CaseError:
    wrong = [key for key, value in judgement.scores.items() if not LOWEST <= value <= HIGHEST or math.isnan(value)]
    return CaseError(f"cannot judge: the evaluator gave no score for {wrong[0]}.") if wrong else judgement


_LOADING: Final = threading.Lock()


@functools.cache
def _loaded(folder: Path | None, backbone: str | None, critiques: bool) -> Judge:
    from skingpt_r1.dermeval.evaluator import Evaluator
    from skingpt_r1.models.diagnose import ADAPTERS

    return Evaluator.load(ADAPTERS if folder is None else folder, backbone=backbone, critiques=critiques)


def load_judge(folder: Path | None = None, backbone: str | None = None, critiques: bool = True) -> Judge:
    """The evaluator of a folder (None: the shipped one), loaded once a process. backbone: where its own is now.

    critiques: False for one that gives scores alone.

    Another process is sent this function's name, not the weights. Raises SkinGPTError where there is none.
    """
    with _LOADING:
        return _loaded(folder, backbone, critiques)
