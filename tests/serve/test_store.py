"""Both databases: migrations make what the models say, and the audit trail only grows."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.store import Store, note
from skingpt_r1.serve.certify.tables import AuditRow, Base, Invitation


def test_the_migrations_make_what_the_models_say(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_opening_again_and_at_the_same_time_is_harmless(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(Store, [url] * 4))
    with stores[0].begin() as session:
        note(session, "one")
    with stores[3].begin() as session:
        assert [row.action for row in session.scalars(select(AuditRow))] == ["one"]
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set action = 'nothing'",
        "update audit set detail = '{}' where id = 1",
        "delete from audit",
        "delete from audit where id = 1",
        "insert or replace into audit (id, at, action, detail) values (1, '2020-01-01', 'forged', '{}')",
        "truncate audit",
        "truncate audit cascade",
    ],
)
def test_nothing_changes_the_audit_trail(store: Store, statement: str) -> None:
    with store.begin() as session:
        note(session, "first", detail_of="this")
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.execute(text(statement))
    with store.begin() as session:
        note(session, "second")
    with store.begin() as session:
        assert [row.action for row in session.scalars(select(AuditRow).order_by(AuditRow.id))] == ["first", "second"]


def test_times_come_back_in_utc_and_naive_ones_are_refused(store: Store) -> None:
    noon = dt.datetime(2026, 5, 1, 14, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    with store.begin() as session:
        session.add(Invitation(token="t", role="rater", created_at=noon, expires_at=noon))
    with store.begin() as session:
        found = session.scalars(select(Invitation)).one()
        assert (found.created_at, found.created_at.utcoffset()) == (noon, dt.timedelta(0))
    with pytest.raises(StatementError, match="without zone"), store.begin() as session:
        session.add(Invitation(token="u", role="rater", created_at=noon.replace(tzinfo=None), expires_at=noon))
        session.flush()


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("certify.db", "no database URL"),
        ("mysql://u:secret@h/x", "use sqlite"),
        ("sqlite://", "name a file"),
        ("postgresql://u:secret@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_a_url_that_does_not_do_says_so_without_its_password(url: str, word: str) -> None:
    with pytest.raises(SkinGPTError, match=word) as caught:
        Store(url)
    assert "secret" not in str(caught.value)


def test_a_kill_in_the_middle_leaves_whole_transactions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    code = (
        "import os, sys\nfrom skingpt_r1.serve.certify.store import Store, note\n"
        "s = Store(sys.argv[1])\n"
        "with s.begin() as a: note(a, 'kept')\n"
        "with s.begin() as b:\n    note(b, 'lost'); b.flush(); os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 9
    with Store(url).begin() as session:
        assert [row.action for row in session.scalars(select(AuditRow))] == ["kept"]
