"""Reference narratives from what experts recorded, and from nothing that a model says.

A reference tells how the picture was taken, what is measured inside an expert's mask, the findings that an expert
named, the recorded history, and argues with counted likelihood ratios to the expert's label. A finding that nobody
recorded is left out. No segmenter, concept head, classifier or writer is asked; the rivals of a differential are those
that the knowledge table lists.

What bites: the confidence is the label's, not the findings': a reference is never unsure of what an expert called it,
and says so ("moderate") even where nothing in it decides. Its advice is the diagnosis' usual one, raised by red flags.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.dermcot.evidence import claims_of, observed, tellable, told
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.knowledge.diagnoses import get, urgency_of
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.arguing import argued, arranged
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Case, CaseError, Claim, History, Narrative

_RIVALS: Final = 3  # of the knowledge table's list, in its order
_SEVERAL: Final = ("colour", "structure")  # kinds of which one lesion may have more than one


@dataclass(frozen=True, slots=True)
class Reference:
    """text: the narrative. made: what it was made from, in words of the data card."""

    text: str
    made: tuple[str, ...]


def reference_of(case: Case, history: History | None = None) -> Reference:
    """The reference of a labelled case, told this history. The same case gives the same text.

    Raises CaseError where the case has no diagnosis of the knowledge table.
    """
    if case.diagnosis is None:
        raise CaseError(f"{case.dataset}/{case.id}: the label {case.label!r} is no diagnosis of the knowledge table.")
    seen = observed(case, _nobody) if case.mask is not None else claims_of(case, None)
    recorded = told(tellable(history)) if history is not None else []
    claims = arranged(_consistent([*seen, *recorded]))
    differential = [case.diagnosis, *get(case.diagnosis).confused_with[:_RIVALS]]
    narrative = _certain(argued(claims, differential, random.Random(0)))
    text = render(narrative)
    if parse(text) != narrative:
        raise ValueError(f"{case.dataset}/{case.id}: the reference does not read back as it was meant: {text!r}")
    return Reference(text, _made(case, claims, narrative))


def _nobody(_: Pixels) -> NDArray[np.float32]:
    """Where the segmenter would be: a case with an expert's mask never asks for one."""
    raise AssertionError("a reference must not ask a segmenter")


def _consistent(scored: list[ScoredClaim]) -> list[Claim]:
    """Every claim that has words, strongest first where two exclude each other."""
    taken: dict[vocabulary.Key, Claim] = {}
    single: set[str] = set()
    for claim, _ in sorted(scored, key=lambda s: -s.support):
        if not vocabulary.is_known(claim.key) or vocabulary.opposite(claim.key) in taken:
            continue
        alone = claim.concept not in _SEVERAL and claim.polarity
        if alone and claim.concept in single:
            continue
        if alone:
            single.add(claim.concept)
        taken.setdefault(claim.key, Claim(*claim.key))
    return list(taken.values())


def _certain(narrative: Narrative) -> Narrative:
    """The same argument, with the certainty of the label and the urgency that follows from it."""
    findings = {(c.concept, c.value) for c in narrative.claims if c.polarity}
    rivals = [h.diagnosis for h in narrative.hypotheses[1:]]
    return dataclasses.replace(
        narrative,
        confidence="high" if narrative.confidence == "high" else "moderate",
        urgency=urgency_of(narrative.diagnosis or "", findings, rivals),
    )


def _made(case: Case, claims: list[Claim], narrative: Narrative) -> tuple[str, ...]:
    concepts = {claim.concept for claim in claims}
    argues = (
        narrative.deciding or narrative.doubts or any(h.speaks_for or h.speaks_against for h in narrative.hypotheses)
    )
    parts = {
        "label": True,
        "mask": case.mask is not None and bool(concepts & {*vocabulary.SHAPE, "colour", "variety"}),
        "concepts": "structure" in concepts,
        "history": bool(concepts & set(vocabulary.HISTORY_CONCEPTS)),
        "likelihood ratios": bool(argues),
    }
    return tuple(name for name, used in parts.items() if used)
