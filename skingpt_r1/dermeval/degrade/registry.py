"""The list of damages: each a small function with a name, what it must lower, and what it must leave alone.

Severity -> score is a choice of ours, written beside each damage and read off the rubric's anchors: nobody has scored
these texts. Where people have (the certification database), their scores take its place in training.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.narrative.vocabulary import Key

FAMILIES: Final = ("naming", "picture", "finding", "history", "structure", "wording", "safety", "leak")
HELD_OUT_FAMILY: Final = "wording"
"""Never trained on: vagueness and repetition spoil how a text is told and not what, and models write them unasked.
An evaluator that marks them down all the same has learnt what a good text is, not a list of our damages."""
PICTURE, TEXT = "picture", "text"


@dataclass(frozen=True, slots=True)
class Note:
    """A remark whose words are looked up when the text is final.

    about: a claim, a diagnosis (preferred name) or words as they stand. missing: `about` names what is not there.
    """

    fault: Fault
    about: Key | str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Damaged:
    """The subject after a damage, what a critic would note, and what this very text loses beyond its kind."""

    subject: Subject
    notes: tuple[Note, ...]
    also: Mapping[str, int] = field(default_factory=dict)


Worker = Callable[[Subject, int, random.Random, Pool], Damaged | None]


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind. sees: "picture" where only the picture or the given history shows it, else "text".

    severities: of 1 slight, 2 moderate, 3 strong. lowers: per dimension the score at each of `severities`, a choice.
    leaves: dimensions that it must not move; the others may, by what this very text loses (`Damaged.also`). by_words:
    it edits words, also in our own texts, and so comes after the damages that alter what is told.
    """

    name: str
    family: str
    sees: str
    severities: tuple[int, ...]
    lowers: Mapping[str, tuple[int, ...]]
    leaves: tuple[str, ...]
    by_words: bool
    says: str
    work: Worker

    @property
    def may_move(self) -> tuple[str, ...]:
        """The dimensions that it neither lowers by itself nor must leave."""
        return tuple(d for d in DIMENSIONS if d not in self.lowers and d not in self.leaves)

    def target(self, severity: int) -> dict[str, int]:
        """What it leaves of each dimension that it lowers."""
        at = self.severities.index(severity)
        return {dimension: scores[at] for dimension, scores in self.lowers.items()}


DAMAGES: Final[dict[str, Damage]] = {}


def damage(
    name: str,
    *,
    family: str,
    sees: str,
    lowers: Mapping[str, tuple[int, ...]],
    severities: tuple[int, ...] = (1, 2, 3),
    may_move: tuple[str, ...] = (),
    by_words: bool = False,
) -> Callable[[Worker], Worker]:
    """Register a function; its docstring is the sentence that the documentation prints.

    What is neither lowered nor in `may_move` must stay. Raises ValueError where the declaration does not add up.
    """
    if family not in FAMILIES or sees not in (PICTURE, TEXT) or name in DAMAGES:
        raise ValueError(f"{name}: family {family!r}, sees {sees!r}, or a name that is taken")
    if unknown := {*lowers, *may_move} - set(DIMENSIONS):
        raise ValueError(f"{name}: {unknown} are no dimensions")
    if any(len(scores) != len(severities) for scores in lowers.values()):
        raise ValueError(f"{name}: each dimension needs a score for each of {severities}")
    leaves = tuple(d for d in DIMENSIONS if d not in lowers and d not in may_move)

    def register(work: Worker) -> Worker:
        says = " ".join((work.__doc__ or "").split())
        DAMAGES[name] = Damage(name, family, sees, severities, dict(lowers), leaves, by_words, says, work)
        return work

    return register
