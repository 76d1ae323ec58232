"""The database: one engine, sessions that read, and sessions that write and then announce."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

import moderation.domain  # noqa: F401  (all tables are known once it is imported)
from moderation.adapters.group_commit import GroupCommit
from moderation.jobs import ANNOUNCEMENTS, Announcer

T = TypeVar("T")

SQLITE_BUSY_TIMEOUT_S = 10
SQLITE_BUSY_STEP_S = 0.001
STATEMENT_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 10


class Database:
    """Sessions over one engine.

    ``read`` gives a session whose transaction ends without a commit; ``write`` commits when its
    block ends well, rolls back when it raises, and after the commit announces what services left
    with ``jobs.announce_after_commit``.
    """

    def __init__(self, url: str, announcer: Announcer, *, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.engine = make_engine(self.url, pool_size=pool_size)
        self._writing = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._announcer = announcer
        self._group = GroupCommit(self.write) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writing, expire_on_commit=False) as session:
            with session.begin():
                yield session
            # Here, and not in an `after_commit` event: that one also fires for savepoints.
            for task in session.info.pop(ANNOUNCEMENTS, ()):
                self._announcer.announce(task)

    def write_together(self, work: Callable[[Session], T]) -> T:
        """Do ``work`` in a transaction that it may share with others that arrive meanwhile.

        For the many small writes of many requests. On SQLite they then share the one wait for
        the disk; on PostgreSQL each has a transaction of its own, and the server does the same.
        What ``work`` raises undoes its own changes only.
        """
        if self._group is not None:
            return self._group.run(work)
        with self.write() as session:
            return work(session)

    def ping(self) -> None:
        """Raises SQLAlchemyError when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def revision(self) -> str | None:
        """The Alembic revision of the schema; None where there is no schema yet."""
        try:
            with self.engine.connect() as connection:
                return connection.scalar(text("SELECT version_num FROM alembic_version"))
        except SQLAlchemyError:
            return None

    def dispose(self) -> None:
        self.engine.dispose()


def make_engine(url: URL, *, pool_size: int = 10) -> Engine:
    """An engine for SQLite (WAL, fully durable) or PostgreSQL (with time limits)."""
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "commit", _check_sqlite)
        return engine
    limits = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_S}s -c lock_timeout={LOCK_TIMEOUT_S}s "
        "-c idle_in_transaction_session_timeout=60s"
    )
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        # Parameters are readers' words, names and addresses; errors go into logs.
        hide_parameters=True,
        connect_args={"options": limits, "connect_timeout": 5},
    )


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # Autocommit as far as the driver is concerned: `_begin_sqlite` begins transactions itself,
    # because the driver would begin them too late (at the first write) and never IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        # FULL syncs the log at every commit: what was answered 202 survives a power cut.
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -16000",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    if mode == "DEFERRED":
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite's own way of waiting for a writer to end sleeps in steps that grow to 100 ms, far
    # longer than any writer takes here; so it is told not to wait, and asked again and again.
    driver = connection.connection.dbapi_connection
    deadline = time.monotonic() + SQLITE_BUSY_TIMEOUT_S
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute(f"BEGIN {mode}")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    # As SQLAlchemy's: in an event handler nobody else translates it.
                    raise OperationalError(f"BEGIN {mode}", None, error) from error
            time.sleep(SQLITE_BUSY_STEP_S)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_S * 1000}")


def _check_sqlite(connection) -> None:
    # After some errors SQLite has undone the transaction by itself, and the driver then takes a
    # commit of nothing for a success.
    if not connection.connection.dbapi_connection.in_transaction:
        lost = sqlite3.OperationalError("the transaction was undone by an earlier error")
        raise OperationalError("COMMIT", None, lost)
