"""What the language phases are taught: a text for a case, and the words that name it."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from skingpt_r1.models.embedded import SOFT_WORDS
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import render
from skingpt_r1.narrative.scan import claims_in
from skingpt_r1.records import History, Hypothesis


@dataclass(frozen=True, slots=True)
class Lesson:
    """One narrative to learn. history: what the prompt gives, empty where it was withheld."""

    history: History
    text: str


_DECISIONS = re.compile(r"\[category\] (.+?)(?=: | given |\.\n)|\[differential\] ([^:\n]+):|<answer>([^|\n]+) \|")


def decisions(text: str) -> list[tuple[int, int]]:
    """Where a narrative names its category, its first hypothesis and its diagnosis: [start, end) of each."""
    return [match.span(match.lastindex or 0) for match in _DECISIONS.finditer(text)]


def findings(text: str) -> list[tuple[int, int]]:
    """Where the observation of a narrative says what is seen or told: [start, end) of each claim."""
    start, end = text.find("[observation]"), text.find("\n[category]")
    return [(start + m.start, start + m.end) for m in claims_in(text[start:end])]


class Lessons(Protocol):
    """Narratives of the rows of a LabelledMaps. The same generator state gives the same lesson."""

    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        """A narrative of a row, with or without its history."""
        ...

    def words(self, row: int) -> Sequence[str | None]:
        """What each soft word of a row should say; None where nothing is known."""
        ...


class Unargued:
    """Lessons that name category, differential and diagnosis but no finding, for measuring what findings are good for.

    The kind of picture stays, because a narrative makes one claim at least; soft words for findings are not taught.
    """

    def __init__(self, lessons: Lessons) -> None:
        self.lessons = lessons

    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        """The lesson with every pointer to a finding gone. Raises ValueError where its text cannot be read."""
        lesson = self.lessons.narrative(row, rng, history)
        told = parse(lesson.text)
        bare = dataclasses.replace(
            told,
            claims=tuple(c for c in told.claims if c.concept == "modality"),
            category_claims=(),
            hypotheses=tuple(Hypothesis(h.diagnosis) for h in told.hypotheses),
            deciding=(),
            doubts=(),
        )
        return Lesson(lesson.history, render(bare, rng.randrange(2**32)))

    def words(self, row: int) -> Sequence[str | None]:
        """Those for the kind of picture, category and diagnosis."""
        kept = {"modality", "category", "diagnosis"}
        return [w if slot in kept else None for slot, w in zip(SOFT_WORDS, self.lessons.words(row), strict=True)]
