"""The tables, as SQLAlchemy sees them; `migrations/` makes them and says the same (a test compares the two).

What keeps two people from overwriting each other stands here as constraints, not in code: a case has a slot once, a
person once, and one answer that counts in each slot.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

RATERS: Final = (0, 1)
"""Slots of a case that raters take."""
ADJUDICATOR: Final = 2


class Role(StrEnum):
    """What a person may do; each does one thing, so that nobody judges his own answer."""

    RATER = "rater"
    ADJUDICATOR = "adjudicator"
    ADMIN = "admin"


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DISPUTED = "disputed"
    CERTIFIED = "certified"
    REJECTED = "rejected"


class Verdict(StrEnum):
    """What a person says of a draft."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"


class Moment(TypeDecorator[dt.datetime]):
    """UTC, aware on both databases (SQLite forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Naive times are refused: nobody knows what they mean."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value}: a time without zone")
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """The zone back."""
        if value is None:
            return None
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)


class Base(DeclarativeBase):
    """All tables below."""

    type_annotation_map = {  # noqa: RUF012
        dt.datetime: Moment(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class User(Base):
    """folded: the name without case, so that two people cannot look alike. password: Argon2id."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    folded: Mapped[str] = mapped_column(String(160), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]
    __table_args__ = (CheckConstraint("role in ('rater', 'adjudicator', 'admin')", name="users_role"),)


class Invitation(Base):
    """token: SHA-256 of the link's secret. Used once: used_at is set by compare-and-set."""

    __tablename__ = "invitations"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Login(Base):
    """One browser of one person. token: SHA-256 of the cookie. form: the secret that every change must carry."""

    __tablename__ = "logins"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    form: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]


class Attempt(Base):
    """Something that is limited in rate. who: SHA-256, so that no address is kept."""

    __tablename__ = "attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime]
    __table_args__ = (Index("attempts_who_at", "who", "at"),)


class QueuedCase(Base):
    """A narrative to certify.

    token: the opaque name that browsers see. name: "dataset/id". place: position in the queue, small first.
    entry: the corpus line. picture: path. version: grows with every change, for compare-and-set. dispute: why a third
    person is needed. decision: how it was decided. exported_at: from then on nothing is taken back.
    """

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(300), unique=True)
    place: Mapped[int]
    entry: Mapped[str] = mapped_column(Text)
    picture: Mapped[str] = mapped_column(Text)
    draft: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=0)
    dispute: Mapped[list[Any] | None]
    decision: Mapped[dict[str, Any] | None]
    decided_at: Mapped[dt.datetime | None]
    exported_at: Mapped[dt.datetime | None]
    __table_args__ = (
        CheckConstraint("state in ('open', 'disputed', 'certified', 'rejected')", name="cases_state"),
        Index("cases_state_place", "state", "place"),  # the queue walks along it and stops at the first that is free
    )


class Assignment(Base):
    """A slot of a case and who holds it. An unanswered one that has expired may be taken over."""

    __tablename__ = "assignments"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    slot: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=0)
    answered: Mapped[bool] = mapped_column(default=False)
    claimed_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    __table_args__ = (
        UniqueConstraint("case_id", "slot", name="assignments_slot_once"),
        UniqueConstraint("case_id", "user_id", name="assignments_person_once"),
        CheckConstraint("slot in (0, 1, 2)", name="assignments_slot"),
    )


class Answer(Base):
    """What a person said; never changed but for the two dates. One counts in each slot: the one not withdrawn.

    text: the certified wording, None if rejected. edits: what became of the draft. scores: of the draft as shown.
    seconds: the person's active time; wall: since the case was handed out. nonce: makes a repeated request harmless.
    """

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    slot: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[str] = mapped_column(String(16))
    text: Mapped[str | None] = mapped_column(Text)
    edits: Mapped[list[Any]]
    scores: Mapped[dict[str, Any]]
    comment: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float]
    wall: Mapped[float]
    nonce: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime]
    withdrawn_at: Mapped[dt.datetime | None]
    revealed_at: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("user_id", "nonce", name="answers_nonce_once"),
        Index(
            "answers_one_counts",
            "case_id",
            "slot",
            unique=True,
            sqlite_where=sql("withdrawn_at is null"),
            postgresql_where=sql("withdrawn_at is null"),
        ),
    )


class AuditRow(Base):
    """What was done, by whom, when. Triggers refuse UPDATE and DELETE (and on SQLite an INSERT over a row)."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime]
    user_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(32))
    case_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]]
