"""Who gets which case next.

A case has two slots for raters and one for an adjudicator. The case's row is locked first, then its slots are read
again: what the search saw may be gone by then. An assignment that nobody answers expires and goes to whoever comes
next; its version grows, so that an answer of the former holder is stale. The unique constraints stand behind all this.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import note, now
from skingpt_r1.serve.certify.tables import ADJUDICATOR, RATERS, Assignment, QueuedCase, Role, State, User

HELD_FOR: Final = dt.timedelta(minutes=30)
_STATE: Final = {Role.RATER: State.OPEN, Role.ADJUDICATOR: State.DISPUTED}
_SLOTS: Final = {Role.RATER: RATERS, Role.ADJUDICATOR: (ADJUDICATOR,)}


def take(session: Session, viewer: Viewer) -> Assignment | None:
    """The case to work on: the one already held, else the first that is free; None if nothing is left for now."""
    if viewer.role not in _SLOTS:
        raise Refusal(403, "Admins do not rate; sign in as a rater or adjudicator.")
    # Two windows of one person take turns here, or each would get a case. key_share: foreign keys to him need not wait.
    session.execute(select(User.id).where(User.id == viewer.id).with_for_update(key_share=True))
    return _held(session, viewer) or _free(session, viewer)


def left(session: Session, viewer: Viewer) -> int:
    """How many cases this person could still answer, the one in hand included."""
    if viewer.role not in _SLOTS:
        return 0
    in_hand = select(func.count()).select_from(Assignment).join(QueuedCase, QueuedCase.id == Assignment.case_id)
    held = session.scalar(in_hand.where(_mine(viewer))) or 0
    return held + (session.scalar(select(func.count()).select_from(QueuedCase).where(_open_to(viewer))) or 0)


def _held(session: Session, viewer: Viewer) -> Assignment | None:
    held = session.scalar(
        select(Assignment)
        .join(QueuedCase, QueuedCase.id == Assignment.case_id)
        .where(_mine(viewer))
        .order_by(Assignment.claimed_at.desc())
        .limit(1)
        .with_for_update(of=Assignment)
        .execution_options(populate_existing=True)
    )
    if held is None or held.user_id != viewer.id or held.answered:
        return None
    held.expires_at = now() + HELD_FOR
    return held


def _free(session: Session, viewer: Viewer) -> Assignment | None:
    passed: list[int] = []
    while True:
        case = session.scalar(
            select(QueuedCase)
            .where(_open_to(viewer), QueuedCase.id.not_in(passed))
            .order_by(QueuedCase.place)
            .limit(1)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if case is None:
            return None
        if case.state == _STATE[viewer.role] and (found := _seat(session, viewer, case)) is not None:
            case.version += 1
            note(session, "handed out", viewer.id, case.id, slot=found.slot)
            session.flush()
            return found
        passed.append(case.id)


def _seat(session: Session, viewer: Viewer, case: QueuedCase) -> Assignment | None:
    """A slot of a case whose row is locked; None where another was quicker."""
    there = {
        a.slot: a
        for a in session.scalars(
            select(Assignment)
            .where(Assignment.case_id == case.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    if any(a.user_id == viewer.id for a in there.values()):
        return None
    at = now()
    for slot in _SLOTS[viewer.role]:
        seat = there.get(slot)
        if seat is None:
            seat = Assignment(
                case_id=case.id, slot=slot, user_id=viewer.id, version=0, answered=False, claimed_at=at, expires_at=at
            )
            session.add(seat)
        elif seat.answered or seat.expires_at > at:
            continue
        seat.user_id, seat.claimed_at, seat.expires_at = viewer.id, at, at + HELD_FOR
        seat.version += 1
        return seat
    return None


def _mine(viewer: Viewer) -> ColumnElement[bool]:
    return and_(
        Assignment.user_id == viewer.id,
        Assignment.answered.is_(False),
        Assignment.slot.in_(_SLOTS[viewer.role]),
        QueuedCase.state == _STATE[viewer.role],
    )


def _open_to(viewer: Viewer) -> ColumnElement[bool]:
    slots = _SLOTS[viewer.role]
    on_it = select(Assignment.id).where(Assignment.case_id == QueuedCase.id, Assignment.user_id == viewer.id).exists()
    taken = (
        select(func.count())
        .select_from(Assignment)
        .where(
            Assignment.case_id == QueuedCase.id,
            Assignment.slot.in_(slots),
            or_(Assignment.answered, Assignment.expires_at > now()),
        )
        .scalar_subquery()
    )
    return and_(QueuedCase.state == _STATE[viewer.role], ~on_it, taken < len(slots))
