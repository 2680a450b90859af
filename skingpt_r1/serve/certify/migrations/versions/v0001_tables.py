"""All tables, and an audit trail that only grows.

There is no way down: it would delete certifications. SQLite's INSERT OR REPLACE deletes without firing a delete
trigger, so an insert over an existing row is refused as well.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = (
    "create trigger audit_no_update before update on audit begin select raise(abort, 'audit only grows'); end",
    "create trigger audit_no_delete before delete on audit begin select raise(abort, 'audit only grows'); end",
    "create trigger audit_no_replace before insert on audit when exists (select 1 from audit where id = new.id) "
    "begin select raise(abort, 'audit only grows'); end",
)
_POSTGRESQL = (
    "create function audit_only_grows() returns trigger language plpgsql as "
    "$$ begin raise exception 'audit only grows'; end $$",
    "create trigger audit_no_change before update or delete on audit for each row execute function audit_only_grows()",
    "create trigger audit_no_truncate before truncate on audit for each statement execute function audit_only_grows()",
)


def upgrade() -> None:
    """See the module."""
    when = sa.DateTime(timezone=True)
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("folded", sa.String(160), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.CheckConstraint("role in ('rater', 'adjudicator', 'admin')", name="users_role"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.Column("used_at", when),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id")),
    )
    op.create_table(
        "logins",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("form", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("seen_at", when, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", when, nullable=False),
    )
    op.create_index("attempts_who_at", "attempts", ["who", "at"])
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", sa.String(32), nullable=False, unique=True),
        sa.Column("name", sa.String(300), nullable=False, unique=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("picture", sa.Text, nullable=False),
        sa.Column("draft", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("dispute", sa.JSON),
        sa.Column("decision", sa.JSON),
        sa.Column("decided_at", when),
        sa.Column("exported_at", when),
        sa.CheckConstraint("state in ('open', 'disputed', 'certified', 'rejected')", name="cases_state"),
    )
    op.create_index("cases_state_place", "cases", ["state", "place"])
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
        sa.Column("claimed_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.UniqueConstraint("case_id", "slot", name="assignments_slot_once"),
        sa.UniqueConstraint("case_id", "user_id", name="assignments_person_once"),
        sa.CheckConstraint("slot in (0, 1, 2)", name="assignments_slot"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("edits", sa.JSON, nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("wall", sa.Double, nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("withdrawn_at", when),
        sa.Column("revealed_at", when),
        sa.UniqueConstraint("user_id", "nonce", name="answers_nonce_once"),
    )
    counts = sa.text("withdrawn_at is null")
    op.create_index(
        "answers_one_counts",
        "answers",
        ["case_id", "slot"],
        unique=True,
        sqlite_where=counts,
        postgresql_where=counts,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", when, nullable=False),
        sa.Column("user_id", sa.Integer),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("case_id", sa.Integer),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
