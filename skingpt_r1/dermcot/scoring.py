"""What decides whether a narrative is kept: one interface, a score that needs no evaluator, and DermEval's.

What bites: the two are not on one scale. A narrative without a finding of the lint has 5, whatever its picture shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from skingpt_r1.dermeval.judging import Judge, Submission, judged
from skingpt_r1.narrative.lint import Severity
from skingpt_r1.records import Case, CaseError

_COSTS: Final = {Severity.ERROR: 2.0, Severity.WARNING: 0.5, Severity.NOTE: 0.1}


@dataclass(frozen=True, slots=True)
class Told:
    """A narrative to score. case: its history is what the narrative was told. rules: of the lint that it breaks."""

    case: Case
    text: str
    rules: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """scorer: who gave it. value: 0 (unusable) .. 5. reason: one line, empty where there is nothing to say."""

    scorer: str
    value: float
    reason: str = ""


class ScorerName(StrEnum):
    """Who scores, for the command line."""

    LINT = "lint"
    DERMEVAL = "dermeval"


class Scorer(Protocol):
    """Judges narratives. name: of who scores, as the run's settings keep it."""

    @property
    def name(self) -> str:
        """See the class."""
        ...

    def score(self, texts: Sequence[Told]) -> list[Score | CaseError]:
        """One for each, in order; an error in its place where nobody can judge it."""
        ...


class LintScorer:
    """5, less 2 an error, 0.5 a warning and 0.1 a note, each rule counted once. It reads no picture."""

    name = "lint"

    def score(self, texts: Sequence[Told]) -> list[Score | CaseError]:
        """See the class."""
        return [Score(self.name, lint_score(told.rules), ", ".join(sorted(told.rules))) for told in texts]


def lint_score(rules: Mapping[str, Severity]) -> float:
    """0..5 for the broken rules of one text."""
    counts = Counter(rules.values())
    return round(max(0.0, 5.0 - sum(_COSTS[severity] * n for severity, n in counts.items())), 2)


@dataclass(frozen=True, slots=True)
class DermEvalScorer:
    """The mean of DermEval's six scores, with its critique where it writes one.

    load: gives the judge, the same at every call; a function by name, which another process can be sent.
    """

    load: Callable[[], Judge]

    @property
    def name(self) -> str:
        """The judge's, so that a corpus is never scored by two versions."""
        return self.load().name

    def score(self, texts: Sequence[Told]) -> list[Score | CaseError]:
        """See the class."""
        asked = [Submission(told.case.id, Path(told.case.image), told.text, told.case.history) for told in texts]
        return [
            told if isinstance(told, CaseError) else Score(self.name, round(told.mean, 2), told.assessment.critique)
            for told in judged(self.load(), asked)
        ]
