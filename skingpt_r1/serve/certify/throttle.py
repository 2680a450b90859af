"""How often somebody may try. Counted in the database, so that it holds for all processes and after a restart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select

from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import Store, fingerprint, now
from skingpt_r1.serve.certify.tables import Attempt


@dataclass(frozen=True, slots=True)
class Limit:
    """most: times in `seconds`."""

    name: str
    most: int
    seconds: int


PASSWORD: Final = Limit("password", 8, 900)  # by address and name together
ADDRESS: Final = Limit("address", 60, 900)  # sign-ins and invitations by address
ACCOUNT: Final = Limit("account", 200, 3600)  # sign-ins to one name from anywhere
CHANGES: Final = Limit("changes", 120, 60)  # changes by one person
LOOKS: Final = Limit("looks", 300, 60)  # checks of an edited text by one person


def spend(store: Store, limit: Limit, who: str) -> None:
    """Count one attempt. Raises Refusal 429 where it is one too many; that one is counted too."""
    key = fingerprint(f"{limit.name} {who}")
    since = now() - dt.timedelta(seconds=limit.seconds)
    with store.begin() as session:
        session.execute(delete(Attempt).where(Attempt.who == key, Attempt.at < since))
        session.add(Attempt(who=key, at=now()))
        session.flush()
        tried = session.scalar(select(func.count()).select_from(Attempt).where(Attempt.who == key)) or 0
        if tried > 4 * limit.most:  # what is far beyond the limit need not be kept one by one
            oldest = select(func.min(Attempt.id)).where(Attempt.who == key).scalar_subquery()
            session.execute(delete(Attempt).where(Attempt.id == oldest))
    if tried > limit.most:
        wait = max(1, round(limit.seconds / 60))
        raise Refusal(429, f"Too many attempts; wait {wait} minute{'s' if wait > 1 else ''} and try again.")


def forgive(store: Store, limit: Limit, who: str) -> None:
    """Forget the attempts: the password was right."""
    with store.begin() as session:
        session.execute(delete(Attempt).where(Attempt.who == fingerprint(f"{limit.name} {who}")))
