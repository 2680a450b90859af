"""The database: SQLite by default, PostgreSQL by URL, migrated when it is opened.

SQLite takes its write lock at the beginning of each transaction (BEGIN IMMEDIATE): one that reads first and writes
later would otherwise fail or, worse, decide on what another has changed. PostgreSQL locks rows where the code says so.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.tables import AuditRow

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_WAIT: Final = 15  # seconds that a writer waits for another
_MIGRATING: Final = 0x5C1A  # PostgreSQL advisory lock: one process migrates, the others wait


def now() -> dt.datetime:
    """UTC, to the microsecond that PostgreSQL keeps."""
    return dt.datetime.now(dt.UTC)


def secret() -> str:
    """An unguessable name: 32 bytes, safe in a URL."""
    return secrets.token_urlsafe(32)


def fingerprint(value: str) -> str:
    """What is stored instead of a secret."""
    return hashlib.sha256(value.encode()).hexdigest()


class Store:
    """A migrated database. `begin()` is one transaction; it commits when left without an error."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        try:
            self._migrate()
        except OperationalError as error:
            raise SkinGPTError(f"{_shown(url)}: cannot be opened ({str(error.orig).splitlines()[0]}).") from error
        self._session = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction."""
        with self._session.begin() as session:
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def note(session: Session, action: str, user_id: int | None = None, case_id: int | None = None, **detail: Any) -> None:
    """Append to the audit trail, within the transaction of what is told."""
    session.add(AuditRow(at=now(), user_id=user_id, action=action, case_id=case_id, detail=detail))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SkinGPTError(f"{_shown(url)}: use sqlite:///file.db or postgresql://user@host/name.")
        if parsed.get_backend_name() == "postgresql":
            return create_engine(parsed, pool_size=10, max_overflow=10, pool_pre_ping=True)
        if not parsed.database or parsed.database == ":memory:":
            raise SkinGPTError(f"{url}: certifications must outlive the program; name a file: sqlite:///certify.db.")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": _WAIT})
    except ArgumentError as error:
        raise SkinGPTError(
            f"{_shown(url)}: no database URL; use sqlite:///file.db or postgresql://user@host/name."
        ) from error
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # sqlite3 begins no transaction of its own: `begin` above does
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", f"busy_timeout={_WAIT * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "--database"
