"""What an admin sees: how far the certification is, who does how much, what was done last; and the pairs to compare."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skingpt_r1.serve.certify.agreement import Pair
from skingpt_r1.serve.certify.store import now
from skingpt_r1.serve.certify.tables import RATERS, Answer, AuditRow, Invitation, QueuedCase, State, User

_LAST: Final = 40  # audit rows on the page


def states(session: Session) -> dict[str, int]:
    """Cases by state."""
    found = dict(session.execute(select(QueuedCase.state, func.count()).group_by(QueuedCase.state)).tuples().all())
    return {state.value: found.get(state, 0) for state in State}


def pairs(session: Session) -> list[Pair]:
    """The two blind answers of every case that has both."""
    rows = session.execute(
        select(Answer.case_id, Answer.slot, User.name, Answer.scores)
        .join(User, User.id == Answer.user_id)
        .where(Answer.withdrawn_at.is_(None), Answer.slot.in_(RATERS))
        .order_by(Answer.case_id, Answer.slot)
    ).tuples()
    cases: dict[int, list[tuple[str, dict[str, float]]]] = {}
    for case, _, name, scores in rows:
        cases.setdefault(case, []).append((name, scores))
    return [Pair((a[0], b[0]), (a[1], b[1])) for a, b in (v for v in cases.values() if len(v) == len(RATERS))]


def people(session: Session) -> list[dict[str, Any]]:
    """Everybody, with how many answers and the median time."""
    seconds: dict[int, list[float]] = {}
    verdicts: dict[int, Counter[str]] = {}
    counting = select(Answer.user_id, Answer.seconds, Answer.verdict).where(Answer.withdrawn_at.is_(None))
    for user, took, verdict in session.execute(counting).tuples():
        seconds.setdefault(user, []).append(took)
        verdicts.setdefault(user, Counter())[verdict] += 1
    return [
        {
            "id": user.id,
            "name": user.name,
            "role": user.role,
            "active": user.active,
            "answers": len(seconds.get(user.id, [])),
            "seconds": round(statistics.median(seconds[user.id]), 1) if user.id in seconds else None,
            "verdicts": dict(verdicts.get(user.id, {})),
        }
        for user in session.scalars(select(User).order_by(User.role, User.name))
    ]


def open_invitations(session: Session) -> int:
    """Links that can still be used."""
    waiting = select(func.count()).select_from(Invitation)
    return session.scalar(waiting.where(Invitation.used_at.is_(None), Invitation.expires_at > now())) or 0


def trail(session: Session) -> list[dict[str, Any]]:
    """The last rows of the audit trail."""
    rows = session.execute(
        select(AuditRow, User.name)
        .outerjoin(User, User.id == AuditRow.user_id)
        .order_by(AuditRow.id.desc())
        .limit(_LAST)
    ).tuples()
    return [{"at": r.at, "name": name or "", "action": r.action, "case": r.case_id or ""} for r, name in rows]
