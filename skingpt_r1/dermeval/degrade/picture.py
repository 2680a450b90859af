"""Another picture under the same text: the damage that a reader of the text alone cannot see."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.arguing import contradicts
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, table
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key

SURE: Final = 0.7  # support from which on a description contradicts a text
_SEEN: Final = (*vocabulary.SHAPE, *vocabulary.INSIDE)
_MOST_NAMED: Final = 3


@damage("swapped picture, same diagnosis", family="picture", sees=PICTURE,
        lowers={"description_precision": (4, 3, 1), "medical_groundedness": (4, 3, 2), "accuracy": (5, 4, 3)},
        may_move=("clinical_coverage",))  # fmt: skip
def same(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The picture of another patient with this diagnosis; 1, 2, or at least 3 findings of the text are not in it."""
    for donor in pool.donors(subject, same_diagnosis=True, rng=rng):
        against = contradicted(subject, donor)
        if len(against) == severity or len(against) > severity == 3:
            return _swapped(subject, donor, [Note(Fault.UNSEEN, key) for key in against[:_MOST_NAMED]])
    return None


@damage("swapped picture, other diagnosis", family="picture", sees=PICTURE, severities=(2, 3),
        lowers={"description_precision": (3, 1), "medical_groundedness": (3, 2), "accuracy": (2, 1)},
        may_move=("clinical_coverage", "safety"))  # fmt: skip
def other(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The picture of a patient with another diagnosis; 1 or 2, or at least 3 findings of the text are not in it."""
    low, high = (1, 2) if severity == 2 else (3, 99)
    for donor in pool.donors(subject, same_diagnosis=False, rng=rng):
        against = contradicted(subject, donor)
        if low <= len(against) <= high and subject.diagnosis:
            named = subject.told.diagnosis if subject.told and subject.told.diagnosis else subject.diagnosis
            notes = [Note(Fault.UNSEEN, key) for key in against[:_MOST_NAMED]]
            missed = _told_too_late(subject, donor.diagnosis)
            return _swapped(subject, donor, [*notes, Note(Fault.MISNAMED, named)], {"safety": 2} if missed else {})
    return None


def contradicted(subject: Subject, donor: Subject) -> list[Key]:
    """The findings of the text that cannot be in the donor's picture, as surely as it was described."""
    if subject.told is None:
        return []
    known = {c.key for c in donor.described if (c.support or 0) >= SURE}
    return [c.key for c in subject.told.claims if c.concept in _SEEN and contradicts(c.key, known)]


def _told_too_late(subject: Subject, diagnosis: str | None) -> bool:
    """Whether the text's urgency is milder than what the picture now calls for."""
    if subject.told is None or subject.told.urgency is None or diagnosis not in table():
        return False
    return BY_URGENCY.index(subject.told.urgency) < BY_URGENCY.index(table()[diagnosis].urgency)


def _swapped(subject: Subject, donor: Subject, notes: list[Note], also: Mapping[str, int] | None = None) -> Damaged:
    """History stays: it was told with the text, and a swapped one would give the damage away."""
    return Damaged(dataclasses.replace(subject, image=donor.image, described=donor.described), tuple(notes), also or {})
