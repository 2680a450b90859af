"""What the language phases are taught: a text for a case, and the words that name it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from skingpt_r1.narrative.scan import claims_in
from skingpt_r1.records import History


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
