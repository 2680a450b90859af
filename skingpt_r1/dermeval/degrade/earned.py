"""What a sound narrative earns by itself: not every text of ours is worth five everywhere.

Our choice, read off the rubric's anchors. It knows the narrative only; whether its findings are in the picture was seen
to when the corpus was built.
"""

from __future__ import annotations

from typing import Final

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import Narrative

FULL: Final = 5
_ENOUGH: Final = 4  # findings in the picture, below which one is missed
_SHAPE: Final = ("symmetry", "border", "edge")


def earned(narrative: Narrative | None) -> dict[str, int]:
    """Score per dimension; five everywhere for a text by others, whose words we cannot count."""
    scores = dict.fromkeys(DIMENSIONS, FULL)
    if narrative is None:
        return scores
    seen = [c for c in narrative.claims if c.concept in (*vocabulary.SHAPE, *vocabulary.INSIDE)]
    if not any(c.concept in _SHAPE for c in seen):
        scores["description_precision"] -= 1  # no word on its outline
    if not any(c.concept in ("colour", "structure") for c in seen):
        scores["description_precision"] -= 1
    if len(seen) < _ENOUGH:
        scores["clinical_coverage"] = 4 if len(seen) == _ENOUGH - 1 else 3
    if _passes_over_danger(narrative):
        scores["clinical_coverage"] = min(scores["clinical_coverage"], 3)
    if not narrative.deciding:
        scores["reasoning_coherence"] = 3  # put first without a reason
    elif narrative.rival is None:
        scores["reasoning_coherence"] = 4
    return scores


def _passes_over_danger(narrative: Narrative) -> bool:
    """A harmless diagnosis, a cancer that it is confused with, and no word of any."""
    rows = table()
    row = rows.get(narrative.diagnosis or "")
    if row is None or row.malignant == "malignant":
        return False
    feared = any(rows[name].malignant == "malignant" for name in row.confused_with if name in rows)
    weighed = any(rows[h.diagnosis].malignant == "malignant" for h in narrative.hypotheses if h.diagnosis in rows)
    return feared and not weighed
