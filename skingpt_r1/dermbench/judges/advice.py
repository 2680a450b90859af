"""How soon a text sends its reader to a doctor, read out of its words whatever its form.

Patterns of general English, read by sentence near the end of the text or in the answer's last cell. The mildest and
most dangerous reading wins ("no visit is needed unless ..."); else the most pressing one does. A choice, not a fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from skingpt_r1.dermeval.degrade.words import Span, advice_sentences, sentences
from skingpt_r1.knowledge.diagnoses import BY_URGENCY
from skingpt_r1.records import Narrative, Urgency

TOO_LATE: Final = -1
"""Below watching: years, or not before harm is done."""
_NEVER: Final = re.compile(
    r"\bno (?:doctor|visit|appointment|examination|biopsy)\b[^.]{0,30}\b(?:needed|needs|necessary|required)\b"
    r"(?! now)|\bwait until\b|\bnothing to worry\b|\bneed not concern\b|\bignore it\b|\brest assured\b"
    r"|\bwaste of time\b|\bharmless and can simply be watched\b|\bis unnecessary\b",
    re.IGNORECASE,
)
_YEARS_LATE: Final = re.compile(
    r"\bonly if\b[^.]{0,60}\byears?\b|\b(?:two|three|five|ten|few|several|\d+)\b[^.]{0,15}\byears\b(?! old| of age)",
    re.IGNORECASE,
)
"""Read in the advice alone: elsewhere years are an age, or how long it has been there."""
_DENIED: Final = re.compile(
    r"\b(?:not|no|non|without|never|isn['’]t|doesn['’]t)\b[\s-]+(?:(?!(?:delay|wait|postpone)\b)\w+[\s-]+){0,4}$",
    re.IGNORECASE,
)
_HELD_BACK: Final = re.compile(r"\b(?:do not|don['’]t|never|not to|rather than)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)
_WHEN: Final = (
    (
        Urgency.URGENT,
        r"\burgent\w*\b|\bimmediate\w*\b|\bas soon as possible\b|\bemergenc\w+\b|\bwithout delay\b|\bright away\b"
        r"|\bwithin (?:the next )?(?:two|2|one|1|a|1-2|one to two) weeks?\b|\bwithin (?:\w+ ){0,2}days\b|\btoday\b",
    ),
    (Urgency.SOON, r"\bsoon\b|\bprompt\w*\b|\bweeks\b|\bearly (?:appointment|review|referral)\b|\btimely\b"),
    (
        Urgency.ROUTINE,
        r"\broutine\w*\b|\bnext (?:\w+ )?(?:visit|check-?up|appointment|opportunity)\b|\bmonths?\b"
        r"|\bregular (?:check\w*|follow-?ups?)\b",
    ),
    (
        Urgency.SELF_WATCH,
        r"\bwatch\w*\b|\bif it changes\b|\bmonitor\w*\b|\bkeep an eye\b|\bany change\b|\b(?:next|a|one) year\b",
    ),
)
_PATTERNS: Final = tuple((urgency, re.compile(pattern, re.IGNORECASE)) for urgency, pattern in _WHEN)


@dataclass(frozen=True, slots=True)
class Advice:
    """given: something is to be done next. level: place in BY_URGENCY, TOO_LATE, or None where no time is named."""

    given: bool
    level: int | None


def read_advice(text: str, narrative: Narrative) -> Advice:
    """The advice of a text that parses into this narrative."""
    spans = advice_sentences(text)
    told = [text[s.start : s.end] for s in spans] or [text[s.start : s.end] for s in _last(text)]
    given = bool(spans) or narrative.urgency is not None
    held = [(part, m) for part in _all(text) for m in _NEVER.finditer(part)]
    held += [(part, m) for part in told for m in _YEARS_LATE.finditer(part)]
    if any(not _HELD_BACK.search(part[: m.start()]) for part, m in held):
        return Advice(True, TOO_LATE)
    levels = [BY_URGENCY.index(narrative.urgency)] if narrative.urgency is not None else []
    levels += [
        BY_URGENCY.index(urgency)
        for urgency, pattern in _PATTERNS
        if any(not _DENIED.search(part[: m.start()]) for part in told for m in pattern.finditer(part))
    ]
    return Advice(given or bool(levels), max(levels, default=None))


def _last(text: str) -> list[Span]:
    return sentences(text)[-2:]


def _all(text: str) -> list[str]:
    return [text[s.start : s.end] for s in sentences(text)]
