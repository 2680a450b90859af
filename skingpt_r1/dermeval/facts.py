"""What rules and knowledge say of a narrative, in lines that the evaluator reads before it.

Unlike `evidence`, which asks the picture and the history, this asks only what is known beforehand: the rules of lint,
and the measured likelihood ratios and the table of diagnoses. A small language model cannot know either by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skingpt_r1.knowledge.diagnoses import Diagnosis, table
from skingpt_r1.narrative.arguing import weighing
from skingpt_r1.narrative.lint import Given, lint
from skingpt_r1.narrative.verify import said
from skingpt_r1.records import History, Narrative

_MOST: Final = 4  # rules, or hypotheses, that are told
_LONGEST: Final = 40  # characters of what a rule found


def rule_lines(text: str, history: History) -> tuple[str, ...]:
    """Which rules of lint the text breaks, each once, with its words where it has any."""
    found: dict[str, str] = {}
    for finding in lint(text, Given(history=history)):
        words = " ".join(finding.found.split())[:_LONGEST]
        name = finding.rule.replace("-", " ")
        found.setdefault(name, f'{name} "{words}"' if words else name)
    return (f"Rules: {', '.join(list(found.values())[:_MOST]) or 'none broken'}.",)


def known_lines(narrative: Narrative) -> tuple[str, ...]:
    """How grave the named diagnosis is, what was weighed against it, and which of its findings speak for it."""
    row = table().get(narrative.diagnosis or "")
    if row is None:
        return ()
    rivals = rivals_of(narrative, row)
    far = far_from(row, rivals)
    lines = [f"Known: {row.malignant}, {row.urgency}. Weighed: {_names([r for r in rivals if r not in far])}."]
    if far:
        lines.append(f"Far from it: {_names(far)}.")
    ratios = ratios_of(narrative, row, rivals)
    sides = {
        "Speaks for it": [p for p, ratio in ratios.items() if ratio > 0],
        "Against it": [p for p, ratio in ratios.items() if ratio < 0],
    }
    told = {head: ", ".join(said(narrative.claims[p]) for p in places) for head, places in sides.items() if places}
    return (*lines, *(f"{head}: {findings}." for head, findings in told.items()))


def rivals_of(narrative: Narrative, row: Diagnosis) -> list[Diagnosis]:
    """What the narrative weighs beside its diagnosis, as far as the table knows it."""
    rows = table()
    return [rows[h.diagnosis] for h in narrative.hypotheses if h.diagnosis in rows and h.diagnosis != row.name]


def far_from(row: Diagnosis, rivals: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Those that nobody confuses with the diagnosis, of another family group."""
    return [
        r
        for r in rivals
        if r.name not in row.confused_with and row.name not in r.confused_with and r.family[:2] != row.family[:2]
    ]


def ratios_of(narrative: Narrative, row: Diagnosis, rivals: Sequence[Diagnosis]) -> dict[int, float]:
    """Log likelihood ratio of each claim that speaks, by position; against what is usual where nothing was weighed."""
    against = [r.name for r in rivals] or [name for name in row.confused_with if name in table()]
    return weighing(narrative.claims, row.name, against)


def _names(rows: Sequence[Diagnosis]) -> str:
    return ", ".join(f"{row.name} ({row.malignant})" for row in rows[:_MOST]) or "nothing"
