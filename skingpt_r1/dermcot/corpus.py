"""Narratives to learn from, drafted afresh at each reading: the `Lessons` of the language phases.

A case is told differently each time (which claims, in which order and words, with or without its history), so that the
writer learns what the picture shows and not one text by heart.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence

from skingpt_r1.dermcot.draft import ScoredClaim, draft
from skingpt_r1.dermcot.evidence import PRIVATE, told
from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.knowledge.diagnoses import category_of
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Case, History, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES

COLOURS = 3  # soft words that name a colour
NO_MORE = "none"  # what they say where the lesion has fewer


class Corpus:
    """Lessons of cases from their evidence. confusion: "set/label" -> mean probability of each label there."""

    def __init__(
        self,
        cases: Sequence[Case],
        evidence: Mapping[str, Sequence[ScoredClaim]],
        confusion: Mapping[str, Mapping[str, float]],
    ) -> None:
        self.cases = cases
        self.evidence = [[s for s in evidence[key(c)] if _learnable(s)] for c in cases]
        self.confusion = confusion

    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        """A fresh narrative of the case, and the history that its prompt gives."""
        case = self.cases[row]
        given = _some(case.history, rng) if history else History()
        claims = [*self.evidence[row], *told(given)]
        return Lesson(
            given,
            render(draft(claims, diagnosis_of(case), self._rivals(case, rng), rng), rng.randrange(10**6)),
        )

    def words(self, row: int) -> Sequence[str | None]:
        """What the soft words should say (`SOFT_WORDS`), None where the evidence does not tell."""
        return soft_words(self.evidence[row], self.cases[row])

    def _rivals(self, case: Case, rng: random.Random) -> list[str]:
        """Other diagnoses of the set, likeliest confusions first, with chance in the order."""
        labels = label_set(SOURCES[case.dataset].label_set)
        share = self.confusion.get(f"{labels.name}/{case.label}", {})
        others = [label for label in labels.labels if label != case.label]
        others.sort(key=lambda label: -(share.get(label, 0.0) + 0.02) * rng.uniform(0.3, 1.0))
        return [labels.labels[label] for label in others]


def soft_words(claims: Sequence[ScoredClaim], case: Case) -> Sequence[str | None]:
    """What the soft words of a case should say (`SOFT_WORDS`), strongest claim first; None where no claim tells."""
    best: dict[str, list[str]] = {}
    for claim, _ in claims:
        if claim.polarity:
            best.setdefault(claim.concept, []).append(vocabulary.bare(vocabulary.phrases(claim.key)[0]))
    diagnosis = diagnosis_of(case)
    one = {concept: phrases[0] for concept, phrases in best.items()}
    colours = [*best.get("colour", []), *[NO_MORE] * COLOURS][:COLOURS] if best.get("colour") else [None] * COLOURS
    shape = [one.get(concept) for concept in ("modality", "size", "symmetry", "border", "edge")]
    return (*shape, *colours, one.get("variety"), category_of(diagnosis), diagnosis)


def diagnosis_of(case: Case) -> str:
    """The preferred name. Raises SkinGPTError where the case has none."""
    if case.diagnosis is None:
        raise SkinGPTError(f"{key(case)}: no diagnosis, so no narrative can be written from it.")
    return case.diagnosis


def _learnable(scored: ScoredClaim) -> bool:
    """Dermoscopic structures are left out: at 260 pixels the expert heads read them hardly better than chance
    (cross-validated AUC 0.47 to 0.72), so that a writer taught to name them would be inventing them.
    """
    return scored.claim.concept != "structure"


def _some(history: History, rng: random.Random) -> History:
    """The recorded history without what nobody should be judged by, and with a field or two forgotten."""
    forgotten = {f.name: None for f in dataclasses.fields(history) if f.name in PRIVATE or rng.random() < 0.25}
    return dataclasses.replace(history, **forgotten)
