"""Who may come in: by an invitation that works once, then by name and password.

Passwords are hashed with Argon2id, two at a time: each takes 64 MiB, and a flood of sign-ins must not take the
machine. An unknown name costs as much time as a wrong password. Cookies and links are stored as SHA-256 only.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skingpt_r1.serve.certify import throttle
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import Store, fingerprint, note, now, secret
from skingpt_r1.serve.certify.tables import Invitation, Login, Role, User

INVITED_FOR: Final = dt.timedelta(days=14)
SIGNED_IN_FOR: Final = dt.timedelta(hours=12)
IDLE_FOR: Final = dt.timedelta(hours=2)
SHORTEST: Final = 12  # characters of a password
LONGEST: Final = 200
_SEEN: Final = dt.timedelta(minutes=1)  # a visit is written down at most this often
_GONE: Final = "This invitation is used, expired or mistyped; ask for a new link."
_WRONG: Final = "Name or password is wrong."
_hashing = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a request. form: what each change of his must carry."""

    id: int
    name: str
    role: Role
    form: str
    login: int


@functools.cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2-cffi's defaults are RFC 9106's low-memory profile: Argon2id, 64 MiB


@functools.cache
def _nobody() -> str:
    """A hash that no password fits."""
    return _hasher().hash(secret())


def invite(store: Store, role: Role, by: int | None = None, lasts: dt.timedelta = INVITED_FOR) -> str:
    """The secret of a new invitation; it is shown once and not stored."""
    token = secret()
    with store.begin() as session:
        made = Invitation(token=fingerprint(token), role=role, created_at=now(), expires_at=now() + lasts)
        session.add(made)
        session.flush()
        note(session, "invited", by, invitation=made.id, role=role)
    return token


def invitation(session: Session, token: str) -> Invitation:
    """An invitation that can still be used. Raises Refusal."""
    found = session.scalar(select(Invitation).where(Invitation.token == fingerprint(token)))
    if found is None or found.used_at is not None or found.expires_at <= now():
        raise Refusal(404, _GONE)
    return found


def join(store: Store, token: str, name: str, password: str) -> int:
    """A new person by invitation; the id. Raises Refusal; a name that is taken leaves the invitation usable."""
    name = checked_name(name)
    _check_password(name, password)
    with store.begin() as session:
        invitation(session, token)
    with _hashing:
        hashed = _hasher().hash(password)
    try:
        with store.begin() as session:
            found = invitation(session, token)
            user = User(
                name=name, folded=_folded(name), role=found.role, password=hashed, active=True, created_at=now()
            )
            session.add(user)
            session.flush()
            mine = update(Invitation).where(Invitation.id == found.id, Invitation.used_at.is_(None))
            if session.execute(mine.values(used_at=now(), user_id=user.id)).rowcount != 1:  # type: ignore[attr-defined]
                raise Refusal(404, _GONE)
            note(session, "joined", user.id, invitation=found.id, role=found.role)
            return user.id
    except IntegrityError:
        raise Refusal(422, "This name is taken; choose another.") from None


def sign_in(store: Store, name: str, password: str, address: str) -> str:
    """The cookie of a new login. Raises Refusal 401 or 429."""
    folded = _folded(name)[:160]
    throttle.spend(store, throttle.ADDRESS, address)
    throttle.spend(store, throttle.PASSWORD, f"{address} {folded}")
    throttle.spend(store, throttle.ACCOUNT, folded)
    with store.begin() as session:
        user = session.scalar(select(User).where(User.folded == folded, User.active))
    fits = _fits(user.password if user else _nobody(), password[: LONGEST + 1])
    if user is None or not fits:
        with store.begin() as session:
            note(session, "refused", user.id if user else None)
        raise Refusal(401, _WRONG)
    throttle.forgive(store, throttle.PASSWORD, f"{address} {folded}")
    return new_login(store, user.id)


def new_login(store: Store, user_id: int) -> str:
    """The cookie of a new login of somebody who has shown who he is."""
    cookie = secret()
    with store.begin() as session:
        session.execute(delete(Login).where(Login.created_at < now() - SIGNED_IN_FOR))
        at = now()
        session.add(Login(token=fingerprint(cookie), form=secret(), user_id=user_id, created_at=at, seen_at=at))
        note(session, "signed in", user_id)
    return cookie


def viewer_of(store: Store, cookie: str | None) -> Viewer | None:
    """Who holds this cookie; None if nobody does any more."""
    if not cookie:
        return None
    with store.begin() as session:
        row = session.execute(
            select(Login, User).join(User).where(Login.token == fingerprint(cookie), User.active)
        ).one_or_none()
        if row is None:
            return None
        login, user = row
        if login.created_at <= now() - SIGNED_IN_FOR or login.seen_at <= now() - IDLE_FOR:
            return None
        if login.seen_at <= now() - _SEEN:
            login.seen_at = now()
        return Viewer(user.id, user.name, Role(user.role), login.form, login.id)


def sign_out(store: Store, viewer: Viewer) -> None:
    """End this login."""
    with store.begin() as session:
        session.execute(delete(Login).where(Login.id == viewer.login))
        note(session, "signed out", viewer.id)


def set_active(store: Store, user_id: int, active: bool, by: int) -> None:
    """Let somebody in again, or out at once. Raises Refusal for an unknown person and for oneself."""
    if user_id == by:
        raise Refusal(422, "You cannot lock yourself out; ask another admin.")
    with store.begin() as session:
        user = session.get(User, user_id)
        if user is None:
            raise Refusal(404, "There is no such person.")
        user.active = active
        session.execute(delete(Login).where(Login.user_id == user_id))
        note(session, "unlocked" if active else "locked", by, person=user_id)


def same(given: str | None, known: str) -> bool:
    """Equal, in constant time."""
    return given is not None and secrets.compare_digest(given.encode(), known.encode())


def checked_name(name: str) -> str:
    """The name on one printable line. Raises Refusal."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 2 <= len(name) <= 80 or not name.isprintable():
        raise Refusal(422, "Give a name of 2 to 80 letters.")
    return name


def _check_password(name: str, password: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refusal(422, f"Choose a password of {SHORTEST} to {LONGEST} characters; a sentence is a good one.")
    if len(set(password)) < 5 or _folded(name) == _folded(password):
        raise Refusal(422, "This password is too easy to guess; choose another.")


def _fits(hashed: str, password: str) -> bool:
    with _hashing:
        try:
            return _hasher().verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
