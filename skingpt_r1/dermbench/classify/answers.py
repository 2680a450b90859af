"""What one system answered on one set: the figures are made from this, wherever it comes from (a log, a baseline)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import CaseError
from skingpt_r1.sources.streams import write_text

KIND: Final = "skingpt-r1 answers, classification"


class State(StrEnum):
    """What became of a case."""

    ANSWERED = "answered"
    UNREADABLE = "unreadable"  # text without one of the labels: an answer, and a wrong one
    FAILED = "failed"  # nothing came from the system
    PENDING = "pending"  # not asked yet, or not judged yet


@dataclass(frozen=True, slots=True)
class Answer:
    """One case. truth: its label, None where only its number is known (pending). said: None without an answer.

    right: by the scorer. group: patient or lesion. probability: of every candidate label, None where the system tells
    none. confidence: 0..1. described: skin_type, age, sex, site, modality as recorded. reason: why nothing was said.
    """

    case: str
    state: State
    truth: str | None
    said: str | None
    right: bool
    group: str
    probability: Mapping[str, float] | None = None
    confidence: float | None = None
    described: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """labels: candidates -> diagnosis. open_ended: no candidates were offered. baseline: no system, a yardstick."""

    system: str
    source: str
    split: str
    labels: Mapping[str, str | None]
    answers: tuple[Answer, ...]
    open_ended: bool = False
    baseline: bool = False
    notes: tuple[str, ...] = ()

    def of(self, *states: State) -> list[Answer]:
        """Answers in one of the states."""
        return [answer for answer in self.answers if answer.state in states]


def write_run(path: Path, run: Run) -> None:
    """One JSON file, replaced as a whole."""
    write_text(path, json.dumps({"kind": KIND, **asdict(run)}, ensure_ascii=False) + "\n")


def read_run(path: Path) -> Run:
    """What `write_run` wrote. Raises CaseError where it is something else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.pop("kind") != KIND:
            raise ValueError("of another kind")
        answers = tuple(Answer(**a | {"state": State(a["state"])}) for a in told.pop("answers"))
        return Run(**told | {"answers": answers, "notes": tuple(told["notes"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CaseError(f"{path}: holds no answers of a classification run ({error}).") from error
