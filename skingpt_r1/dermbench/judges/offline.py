"""A judge that needs no API and no picture: rules compare what the candidate tells with what the reference tells.

    Task(dataset=..., solver=..., scorer=offline_judge())

Deterministic and fast. It rewards agreement with the one reference in content and not in words, and cannot know a right
finding that the reference does not mention. The critique gives every dimension its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import anyio
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from skingpt_r1.dermbench.judges.reference import reference_of
from skingpt_r1.dermbench.judges.rules import points
from skingpt_r1.dermbench.judges.told import told
from skingpt_r1.dermeval.judgeable import check_text
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS, rubric
from skingpt_r1.dermeval.submissions import history_of
from skingpt_r1.records import CaseError, History

NAME: Final = "offline_judge"
VERSION: Final = 2
"""Changes whenever a rule does."""


@dataclass(frozen=True, slots=True)
class Compared:
    """scores: by dimension, 0..5, one decimal. reasons: by dimension, a sentence each."""

    scores: dict[str, float]
    reasons: dict[str, str]

    @property
    def mean(self) -> float:
        """Of the six."""
        return sum(self.scores.values()) / len(self.scores)

    @property
    def critique(self) -> str:
        """One line a dimension."""
        names = {d.key: d.name for d in rubric().dimensions}
        return "\n".join(f"{names[key]} {self.scores[key]:g}: {reason}." for key, reason in self.reasons.items())


def compared(candidate: str, reference: str, history: History | None = None) -> Compared:
    """The candidate judged by the reference. history: what its writer was told, None where unknown.

    Raises CaseError, one sentence, where the candidate is no text that can be read (empty, in another language).
    """
    check_text(candidate)
    found = points(told(candidate, history), told(reference, history))
    return Compared(
        {k: p.score for k, p in found.items()}, {k: "; ".join(p.why) or "nothing lost" for k, p in found.items()}
    )


@scorer(metrics={key: [mean(), stderr()] for key in (*DIMENSIONS, MEAN)}, name=NAME)
def offline_judge() -> Scorer:
    """Scores of 0 to 5 against `metadata["reference"]`, or the target where there is none."""

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        about = {"judge": NAME, "version": VERSION}
        try:
            reference, given = reference_of(state, target), state.metadata.get("history")
            history = history_of(given) if given is not None else None
            found = await anyio.to_thread.run_sync(compared, text, reference, history)
        except CaseError as error:
            reason = "scoring_failed" if text.strip() else "no_response"
            return Score.unscored(reason=reason, answer=text, explanation=str(error), metadata=about)
        value = {**found.scores, MEAN: found.mean}
        return Score(value=value, answer=text, explanation=found.critique, metadata=about)

    return score
