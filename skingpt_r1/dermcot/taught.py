"""Narratives to learn from as they stand in a built corpus: the `Lessons` of `skingpt train distill --corpus`.

A case is told once, with its history or without. What bites: the prompt gives the history that the text was written
with, and no more, so that the writer learns to repeat and not to invent.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skingpt_r1.dermcot.corpus import soft_words
from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.records import Case, Claim, History, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.streams import case_of, picture_of


@dataclass(frozen=True, slots=True)
class Telling:
    """One kept entry: its lesson, and what was described before the label was known."""

    lesson: Lesson
    described: tuple[ScoredClaim, ...]


class Written:
    """Lessons of cases as they were told, by "dataset/id"."""

    def __init__(self, cases: Sequence[Case], tellings: Mapping[str, Telling]) -> None:
        self.cases = cases
        self.tellings = [tellings[key(case)] for case in cases]

    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        """The case's lesson; whether it has a history was settled when the corpus was built."""
        return self.tellings[row].lesson

    def words(self, row: int) -> Sequence[str | None]:
        """What the soft words should say (`SOFT_WORDS`), None where the description does not tell."""
        return soft_words(self.tellings[row].described, self.cases[row])


def read_corpus(folder: Path) -> tuple[list[Case], dict[str, Telling]]:
    """The cases of a built corpus in its order, and how each was told.

    Raises SkinGPTError, naming file and line, on what is no finished corpus.
    """
    path = folder / "corpus.jsonl"
    if not path.is_file():
        raise SkinGPTError(f"{path}: no finished corpus; run skingpt dermcot build --out {folder} first.")
    cases: dict[str, Case] = {}
    tellings: dict[str, Telling] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                told = json.loads(line)
                case = case_of(told["case"])
                tellings[key(case)] = _telling(told)
            except (ValueError, KeyError, TypeError) as error:
                raise SkinGPTError(f"{path}:{number}: not an entry of a corpus ({error}); build it again.") from error
            cases[key(case)] = dataclasses.replace(case, image=str(picture_of(folder, case.image)))
    if not cases:
        raise SkinGPTError(f"{path}: is empty; skingpt dermcot build kept no case.")
    return list(cases.values()), tellings


def _telling(told: dict[str, Any]) -> Telling:
    described = tuple(ScoredClaim(Claim(c, v, p), s) for c, v, p, s in told["described"])
    return Telling(Lesson(History(**told["history"]), told["text"]), described)
