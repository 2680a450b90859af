"""People's scores of drafts, for whoever learns from them: the mean of those who decided a case."""

from __future__ import annotations

from sqlalchemy import select

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify.answers import counting
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import ADJUDICATOR, QueuedCase, State


def human_scores(store: Store) -> dict[str, tuple[float, ...]]:
    """Six scores (0..5, the rubric's order) by the draft that was scored, of all decided cases."""
    found: dict[str, tuple[float, ...]] = {}
    with store.begin() as session:
        for case in session.scalars(select(QueuedCase).where(QueuedCase.state.in_((State.CERTIFIED, State.REJECTED)))):
            answers = counting(session, case.id)
            third = (case.decision or {}).get("by") == "adjudication"
            deciding = [answers[slot] for slot in ((ADJUDICATOR,) if third else (0, 1)) if slot in answers]
            if deciding:
                means = (sum(float(a.scores[d]) for a in deciding) / len(deciding) for d in DIMENSIONS)
                found[case.draft] = tuple(means)
    return found
