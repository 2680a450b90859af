"""Scorer of candidate-label sets: one exact label, "C" or "I"; a system that gave nothing is unscored, not wrong.

Text without a label that was offered is an answer, and a wrong one; `reason` then says invalid_response_format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState

from skingpt_r1.dermbench.protocol import answered
from skingpt_r1.knowledge.labelsets import LabelSet, match

_REFUSED: Final = "content_filter"
_SUM: Final = 0.02  # how far from 1 probabilities may add up


@scorer(metrics=[accuracy(), stderr(cluster="group")])
def labelled() -> Scorer:
    """Whether the label on the last line is the sample's. Accuracy is of those that were answered."""

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        if not text.strip():
            refused = state.output.stop_reason == _REFUSED
            return Score.unscored(
                reason="refusal" if refused else "no_response",
                answer="",
                explanation=state.output.error or f"the system gave no text (stop reason: {state.output.stop_reason}).",
            )
        said = answered(text, state.metadata["labels"])
        if said is None:
            why = f"no line names one candidate label; the text ends: {text.strip()[-200:]}"
            return Score(value=INCORRECT, answer="", explanation=why, reason="invalid_response_format")
        return Score(value=CORRECT if said == target.text else INCORRECT, answer=said)

    return score


def by_label(told: Mapping[str, Any] | None, labels: Mapping[str, str | None]) -> dict[str, float] | None:
    """Probability of every candidate label from a system's own of diagnoses; None where it gave none that is whole.

    Several diagnoses may be one label's. Nothing is filled in: what does not add up to 1 is no probability.
    """
    given = (told or {}).get("label_probability")
    if not isinstance(given, Mapping):
        return None
    known = LabelSet("candidates", {label: name for label, name in labels.items() if name is not None})
    shares = dict.fromkeys(labels, 0.0)
    for diagnosis, share in given.items():
        label = diagnosis if diagnosis in labels else match(known, str(diagnosis))
        if label is None or isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            return None
        shares[label] += share
    total = sum(shares.values())
    return {label: share / total for label, share in shares.items()} if abs(total - 1) <= _SUM else None


def confidence_of(told: Mapping[str, Any] | None) -> float | None:
    """How sure a system says it is, 0..1; None where it does not."""
    given = (told or {}).get("confidence")
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if 0 <= given <= 1 else None  # nan is not
