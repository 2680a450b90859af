"""A judge's answer, read strictly: six numbers in 0..5 and a critique, or why it is no answer.

Nothing is repaired. An answer that has five scores, a seventh, a score of 7 or of "good", or words around its JSON, is
nonsense; one fence of backticks around the whole is not held against it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST

LONGEST_CRITIQUE: Final = 4_000  # characters that are kept
_FENCED: Final = re.compile(r"```(?:json)?\s*\n(?P<body>.*?)\n?\s*```", re.DOTALL | re.IGNORECASE)
_REFUSING: Final = re.compile(
    r"\b(?:sorry|apologi[sz]e|(?:can ?not|can['’]t|unable to|won['’]t|not able to)\b.{0,60}\b(?:help|assist|provide|"
    r"grade|evaluate|comply|continue|do (?:that|this)))",
    re.IGNORECASE,
)
_OPENING: Final = 300  # characters in which a refusal says so


class Fault(StrEnum):
    """Why there is no score."""

    NONSENSE = "nonsense"
    REFUSAL = "refusal"
    TIMEOUT = "timeout"
    RATE_LIMIT = "rate limit"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Graded:
    """scores: by dimension, in the rubric's order, 0..5."""

    scores: dict[str, float]
    critique: str


@dataclass(frozen=True, slots=True)
class Ungraded:
    """detail: one sentence, which may quote the judge."""

    fault: Fault
    detail: str


def read_answer(text: str) -> Graded | Ungraded:
    """The grades of the whole text."""
    body = text.strip()
    if fenced := _FENCED.fullmatch(body):
        body = fenced["body"]
    try:
        return _graded(json.loads(body, object_pairs_hook=_once, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        if "{" not in body and _REFUSING.search(body[:_OPENING]):
            return Ungraded(Fault.REFUSAL, f"the judge refused: {_quoted(body)}")
        reason = str(error) if isinstance(error, _Unreadable) else "it is not one JSON object"
        return Ungraded(Fault.NONSENSE, f"the judge's answer cannot be read, {reason}: {_quoted(body)}")


class _Unreadable(ValueError):
    """JSON, and no grades."""


def _graded(told: Any) -> Graded:
    if not isinstance(told, dict) or set(told) != {"critique", "scores"}:
        raise _Unreadable("it is no object of critique and scores")
    critique, scores = told["critique"], told["scores"]
    if not isinstance(critique, str) or not critique.strip():
        raise _Unreadable("its critique is no text")
    if not isinstance(scores, dict) or set(scores) != set(DIMENSIONS):
        raise _Unreadable("its scores are not the six dimensions")
    for name, value in scores.items():
        number = not isinstance(value, bool) and isinstance(value, int | float)
        if not number or not LOWEST <= value <= HIGHEST:  # a nan is in no range
            raise _Unreadable(f"{name} is {str(value)[:20]!r}, no number from 0 to 5")
    return Graded({key: float(scores[key]) for key in DIMENSIONS}, critique.strip()[:LONGEST_CRITIQUE])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unreadable("a key stands twice")
    return found


def _no_number(name: str) -> float:
    raise _Unreadable(f"{name} is no number")


def _quoted(text: str) -> str:
    return repr(" ".join(text.split())[:120])
