"""What rules and knowledge say of a narrative, in lines that the evaluator reads before it.

Unlike `evidence`, which asks the picture and the history, this asks only what is known beforehand: the rules of lint,
and the measured likelihood ratios and the table of diagnoses. A small language model cannot know either by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skingpt_r1.dermcot.lint import Given, lint
from skingpt_r1.knowledge.diagnoses import Diagnosis, table
from skingpt_r1.narrative.arguing import weighing
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
    rows = table()
    row = rows.get(narrative.diagnosis or "")
    if row is None:
        return ()
    weighed = [rows[h.diagnosis] for h in narrative.hypotheses if h.diagnosis in rows and h.diagnosis != row.name]
    near = [w for w in weighed if w.name in row.confused_with or row.name in w.confused_with or _akin(w, row)]
    lines = [f"Known: {row.malignant}, {row.urgency}. Weighed: {_names(near)}."]
    if len(near) < len(weighed):
        lines.append(f"Far from it: {_names([w for w in weighed if w not in near])}.")
    rivals = [w.name for w in weighed] or [name for name in row.confused_with if name in rows]
    evidence = weighing(narrative.claims, row.name, rivals)
    sides = {
        "Speaks for it": [p for p, ratio in evidence.items() if ratio > 0],
        "Against it": [p for p, ratio in evidence.items() if ratio < 0],
    }
    lines += [
        f"{head}: {', '.join(said(narrative.claims[p]) for p in places)}." for head, places in sides.items() if places
    ]
    return tuple(lines)


def _akin(one: Diagnosis, other: Diagnosis) -> bool:
    """Of the same family and group."""
    return one.family[:2] == other.family[:2]


def _names(rows: Sequence[Diagnosis]) -> str:
    return ", ".join(f"{row.name} ({row.malignant})" for row in rows[:_MOST]) or "nothing"
