"""Two answers to one case: do they agree, and on which text?

A third person is asked where scores differ by more than a point, final diagnoses differ, one rejects, or the edited
texts say different things; a certified text has never been disputed by either rater. Wording alone is no dispute: the
edited text stands, the first rater's if both edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skingpt_r1.dermeval.rubric import rubric
from skingpt_r1.narrative.parse import parse
from skingpt_r1.serve.certify.edits import cleaned
from skingpt_r1.serve.certify.tables import State, Verdict

APART: Final = 1.0  # points; more is a dispute
LEAST: Final = 3.0  # a text that is accepted as it is has no dimension below


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one rater says. text: the wording he would certify, None if he rejects."""

    verdict: Verdict
    text: str | None
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Decision:
    """author: the slot whose text stands, None for the draft. reasons: of a dispute, a sentence each."""

    state: State
    text: str | None = None
    author: int | None = None
    reasons: tuple[str, ...] = ()


def decide(draft: str, first: Opinion, second: Opinion) -> Decision:
    """What two raters who did not know of each other have decided."""
    if reasons := tuple(_disputes(first, second)):
        return Decision(State.DISPUTED, reasons=reasons)
    if first.text is None or second.text is None:
        return Decision(State.REJECTED)
    author = next((slot for slot, o in enumerate((first, second)) if o.verdict is Verdict.EDIT), None)
    return Decision(State.CERTIFIED, (draft, first.text, second.text)[0 if author is None else author + 1], author)


def _disputes(first: Opinion, second: Opinion) -> list[str]:
    reasons = [
        f"{d.name}: {first.scores[d.key]:g} and {second.scores[d.key]:g}."
        for d in rubric().dimensions
        if abs(first.scores[d.key] - second.scores[d.key]) > APART
    ]
    if (first.text is None) != (second.text is None):
        return ["One rejects the narrative, the other does not.", *reasons]
    if first.text is None or second.text is None:
        return reasons
    one, other = parse(first.text).diagnosis, parse(second.text).diagnosis
    if one != other:
        return [f"Final diagnosis: {one} and {other}.", *reasons]
    if cleaned(first.text) != cleaned(second.text) and _content(first.text) != _content(second.text):
        return ["The texts say different things.", *reasons]
    return reasons


def _content(text: str) -> tuple[Any, ...]:
    """What a text says, whatever the order in which it says it."""
    told = parse(text)

    def keys(positions: tuple[int, ...]) -> frozenset[Any]:
        return frozenset(told.claims[i].key for i in positions)

    sides = frozenset((h.diagnosis, keys(h.speaks_for), keys(h.speaks_against)) for h in told.hypotheses)
    claims = frozenset(claim.key for claim in told.claims)
    return (claims, told.category, sides, told.diagnosis, told.confidence, told.urgency)
