"""Narratives to learn from as they stand in a built corpus: the `Lessons` of `skingpt train distill --corpus`.

A case may be told several times, with its history and without; a lesson is one of its tellings. What bites: the prompt
gives the history that the telling was written with, and no more, so that the writer learns to repeat and not to invent.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skingpt_r1.dermcot.corpus import soft_words
from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.records import Case, Claim, History, Modality, SkinGPTError
from skingpt_r1.sources.clustering import key


@dataclass(frozen=True, slots=True)
class Taught:
    """One kept entry: its lesson, and what was described before the label was known."""

    lesson: Lesson
    described: tuple[ScoredClaim, ...]


class Written:
    """Lessons of cases from their tellings, by "dataset/id"."""

    def __init__(self, cases: Sequence[Case], tellings: Mapping[str, Sequence[Taught]]) -> None:
        self.cases = cases
        self.tellings = [tellings[key(case)] for case in cases]

    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        """One telling of the case; one with a history if that is wanted, as far as there is one."""
        told = [t.lesson for t in self.tellings[row]]
        return rng.choice([lesson for lesson in told if bool(lesson.history.known()) == history] or told)

    def words(self, row: int) -> Sequence[str | None]:
        """What the soft words should say (`SOFT_WORDS`), None where the description does not tell."""
        return soft_words(self.tellings[row][0].described, self.cases[row])


def read_corpus(folder: Path) -> tuple[list[Case], dict[str, list[Taught]]]:
    """The cases of a built corpus, each once and in its order, and their tellings.

    Raises SkinGPTError, naming file and line, on what is no finished corpus.
    """
    path = folder / "corpus.jsonl"
    if not path.is_file():
        raise SkinGPTError(f"{path}: no finished corpus; run skingpt dermcot build --out {folder} first.")
    cases: dict[str, Case] = {}
    tellings: dict[str, list[Taught]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                case, taught = _entry(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise SkinGPTError(f"{path}:{number}: not an entry of a corpus ({error}); build it again.") from error
            cases.setdefault(key(case), case)
            tellings.setdefault(key(case), []).append(taught)
    if not cases:
        raise SkinGPTError(f"{path}: is empty; skingpt dermcot build kept no case.")
    return list(cases.values()), tellings


def _entry(told: dict[str, Any]) -> tuple[Case, Taught]:
    fields = told["case"]
    case = Case(
        id=str(fields["id"]),
        image=fields["image"],
        modality=Modality(fields["modality"]),
        dataset=fields["dataset"],
        label=fields["label"],
        diagnosis=fields["diagnosis"],
        split=fields["split"],
    )
    described = tuple(ScoredClaim(Claim(c, v, p), s) for c, v, p, s in told["described"])
    return case, Taught(Lesson(History(**told["history"]), told["text"]), described)
