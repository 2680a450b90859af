"""A question as our own systems read it: the message and nothing beside it, and what they say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from skingpt_r1.dermbench.protocol import FINAL, Asked, asked
from skingpt_r1.dermbench.systems.pictures import photo_of
from skingpt_r1.images.reading import Photo
from skingpt_r1.knowledge.diagnoses import preferred
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet, categories
from skingpt_r1.records import CaseError, SkinGPTError


@dataclass(frozen=True, slots=True)
class Question:
    """photo: what is shown. asked: candidate labels and history, as the prompt tells them.

    temperature: 0 is greedy. seed: of sampling.
    """

    photo: Photo
    asked: Asked
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A narrative. label: the candidate it chooses, None where the question is open.

    label_probability: by diagnosis, sums to 1; empty and None where a system has no such numbers. reading: what else
    our own model says of the case, so that nothing is read again to measure trust.
    """

    narrative: str
    label: str | None = None
    label_probability: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    abstained: bool | None = None
    seconds: float | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def completion(self) -> str:
        """The text as a system of others would write it."""
        return self.narrative if self.label is None else f"{self.narrative}\n{FINAL} {self.label}"

    def metadata(self) -> dict[str, Any]:
        """The numbers beside the text, those that there are."""
        told = {
            "label_probability": dict(self.label_probability) or None,
            "confidence": self.confidence,
            "abstained": self.abstained,
            "seconds": self.seconds,
            "reading": dict(self.reading) or None,
        }
        return {name: value for name, value in told.items() if value is not None}


class Answering(Protocol):
    """Answers questions of one label set together."""

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        """One for each, in order."""
        ...


def question_of(prompt: str, image: str | None, temperature: float | None, seed: int | None) -> Question:
    """Raises CaseError where there is no picture."""
    if image is None:
        raise CaseError("the message shows no picture; put one into it.")
    return Question(photo_of(image), asked(prompt), temperature or 0.0, seed or 0)


def candidates(labels: Sequence[str] | None) -> LabelSet | None:
    """The label set behind candidate labels, None for an open question.

    A built-in one where the labels are its own; else each label means what the knowledge table says, and those it
    lacks are left out: our systems cannot say them. Raises SkinGPTError where none is left.
    """
    if labels is None:
        return None
    for known in (*BUILT_IN.values(), categories()):
        if set(known.labels) == set(labels):
            return known
    meanings = {label: preferred(label) or preferred(label.replace("_", " ")) for label in labels}
    usable = {label: name for label, name in meanings.items() if name is not None}
    if not usable:
        raise SkinGPTError(f"candidate labels {', '.join(labels)[:120]}: the knowledge table has none of them.")
    return LabelSet("asked", usable)
