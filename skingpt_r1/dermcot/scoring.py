"""What decides whether a narrative is kept: one interface, and the score that needs no evaluator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from skingpt_r1.dermcot.lint import Finding, Severity
from skingpt_r1.records import Case

_COSTS: Final = {Severity.ERROR: 2.0, Severity.WARNING: 0.5, Severity.NOTE: 0.1}


@dataclass(frozen=True, slots=True)
class Score:
    """scorer: who gave it. value: 0 (unusable) .. 5. reason: one line, empty where there is nothing to say."""

    scorer: str
    value: float
    reason: str = ""


class Scorer(Protocol):
    """Judges one narrative of one case."""

    name: str

    def score(self, case: Case, text: str, findings: Sequence[Finding]) -> Score:
        """0..5; never raises for what the text holds."""
        ...


class LintScorer:
    """5, less 2 an error, 0.5 a warning and 0.1 a note, each rule counted once. It reads no picture."""

    name = "lint"

    def score(self, case: Case, text: str, findings: Sequence[Finding]) -> Score:
        """See the class."""
        rules = {finding.rule: finding.severity for finding in findings}
        counts = Counter(rules.values())
        value = max(0.0, 5.0 - sum(_COSTS[severity] * n for severity, n in counts.items()))
        return Score(self.name, round(value, 2), ", ".join(sorted(rules)))
