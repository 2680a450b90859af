"""Lessons without findings keep the picture's kind and the names, and nothing that was seen."""

from __future__ import annotations

import random
from collections.abc import Sequence

from skingpt_r1.distill.lessons import Lesson, Unargued
from skingpt_r1.models.embedded import SOFT_WORDS
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import History
from tests.narrative.samples import TEXT


class Taught:
    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        return Lesson(History(age=63), TEXT)

    def words(self, row: int) -> Sequence[str | None]:
        return SOFT_WORDS


def test_findings_go_and_names_stay() -> None:
    lesson = Unargued(Taught()).narrative(0, random.Random(0), True)
    told, whole = parse(lesson.text), parse(TEXT)
    assert told.problems == ()
    assert [c.key for c in told.claims] == [("modality", "dermoscopy", True)]
    assert [h.diagnosis for h in told.hypotheses] == [h.diagnosis for h in whole.hypotheses]
    assert not any(h.speaks_for or h.speaks_against for h in told.hypotheses)
    same = ("category", "rival", "diagnosis", "confidence", "urgency")
    assert [getattr(told, name) for name in same] == [getattr(whole, name) for name in same]
    assert lesson.history == History(age=63)


def test_soft_words_for_findings_are_not_taught() -> None:
    words = Unargued(Taught()).words(0)
    assert {w for w in words if w} == {"modality", "category", "diagnosis"}
    assert len(words) == len(SOFT_WORDS)
