"""Sessions: what is committed, what is rolled back, and when workers hear of it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import servers
from factories import RecordingAnnouncer
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from moderation.adapters import schema
from moderation.adapters.database import Database
from moderation.adapters.group_commit import GroupCommit
from moderation.domain.base import new_id
from moderation.domain.site import Site
from moderation.jobs import announce_after_commit
from moderation.services.rows import insert_if_absent


class LookingAnnouncer(RecordingAnnouncer):
    """At each announcement it looks, on a connection of its own, how many sites are committed."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.saw: list[int] = []

    def announce(self, task: str) -> None:
        super().announce(task)
        self.saw.append(len(names(self.database)))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    server, url = None, f"sqlite:///{tmp_path / 'moderation.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        assert isinstance(server, servers.Postgres)
        url = server.create_database()
    announcer = LookingAnnouncer()
    made = announcer.database = Database(url, announcer, pool_size=20)
    schema.upgrade(made.url)
    yield made
    made.dispose()
    if server is not None:
        server.drop_database(url)


@pytest.fixture
def announcer(database: Database) -> LookingAnnouncer:
    return database._announcer


def site(name: str) -> Site:
    return Site(
        id=new_id(),
        name=name,
        site_key=name,
        sealed_sso_secret="",
        origins=[],
        policy="strict",
        edit_window_s=0,
        created_at=datetime.now(UTC),
    )


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Site.name).order_by(Site.name)))


# --- Announcing --------------------------------------------------------------------------------


def test_work_is_announced_once_and_only_after_the_commit(
    database: Database, announcer: LookingAnnouncer
) -> None:
    with database.write() as session:
        session.add(site("a"))
        announce_after_commit(session, "task")
        announce_after_commit(session, "task")
        session.flush()
        assert announcer.announced == []
    assert (announcer.announced, announcer.saw) == (["task"], [1])


def test_nothing_is_announced_after_a_rollback(
    database: Database, announcer: LookingAnnouncer
) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(site("a"))
            announce_after_commit(session, "task")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert (announcer.announced, names(database)) == ([], [])


def test_nothing_is_announced_when_a_savepoint_is_released(
    database: Database, announcer: LookingAnnouncer
) -> None:
    with database.write() as session:
        with session.begin_nested():
            session.add(site("a"))
            announce_after_commit(session, "task")
        assert announcer.announced == []
    assert announcer.saw == [1]


def test_the_next_transaction_does_not_announce_what_this_one_left(
    database: Database, announcer: LookingAnnouncer
) -> None:
    with database.write() as session:
        announce_after_commit(session, "task")
    with database.write() as session:
        session.add(site("a"))
    assert announcer.announced == ["task"]


# --- Writing together --------------------------------------------------------------------------


def test_writes_together_are_durable_and_announced_before_their_caller_goes_on(
    database: Database, announcer: LookingAnnouncer
) -> None:
    def write(number: int) -> int:
        def work(session: Session) -> int:
            session.add(site(f"{number:03}"))
            session.flush()
            announce_after_commit(session, "task")
            return number

        assert database.write_together(work) == number
        assert f"{number:03}" in names(database)
        return number

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(write, range(60))) == list(range(60))
    assert len(names(database)) == 60
    assert announcer.announced
    assert min(announcer.saw) >= 1


def test_one_that_fails_undoes_its_own_part_only(database: Database) -> None:
    with database.write() as session:
        session.add(site("taken"))

    def write(number: int) -> str:
        def work(session: Session) -> None:
            session.add(site(f"{number:02}"))
            session.flush()
            if number % 3 == 0:
                session.add(site("taken"))
                session.flush()

        try:
            database.write_together(work)
        except IntegrityError:
            return "refused"
        return "written"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(24)))
    assert answers == ["refused" if n % 3 == 0 else "written" for n in range(24)]
    assert names(database) == [f"{n:02}" for n in range(24) if n % 3] + ["taken"]


def test_where_the_disk_fills_up_nobody_of_the_group_is_told_that_theirs_is_stored(
    tmp_path: Path,
) -> None:
    """SQLite then undoes the whole transaction, not only the part that found no room."""
    database = Database(f"sqlite:///{tmp_path / 'moderation.db'}", RecordingAnnouncer())
    schema.upgrade(database.url)
    leading, gathered, in_line = threading.Event(), threading.Event(), []

    def lead(session: Session) -> None:
        leading.set()
        assert gathered.wait(10)

    def fill(session: Session) -> None:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        try:
            for number in range(500):
                session.add(site(f"filler {number}" + "x" * 3000))
                session.flush()
        finally:
            driver = connection.connection.dbapi_connection
            driver.execute("PRAGMA max_page_count = 1073741823")

    def write(name: str) -> str:
        def work(session: Session) -> None:
            if name == "lead":
                lead(session)
            elif name == "fill":
                fill(session)
            session.add(site(name))
            session.flush()

        try:
            database.write_together(work)
        except OperationalError:
            return "refused"
        return "written"

    with ThreadPoolExecutor(4) as pool:
        answers = {"lead": pool.submit(write, "lead")}
        assert leading.wait(10)
        for name in ("before", "fill", "after"):
            answers[name] = pool.submit(write, name)
            in_line.append(name)
            deadline = time.monotonic() + 10
            while len(database._group._gathered) < len(in_line):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        gathered.set()
        told = {name: answer.result() for name, answer in answers.items()}
    assert told == {"lead": "written", "before": "refused", "fill": "refused", "after": "refused"}
    assert names(database) == ["lead"]
    assert write("later") == "written"
    database.dispose()


def test_a_transaction_that_sqlite_undid_is_not_taken_for_committed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'moderation.db'}", RecordingAnnouncer())
    schema.upgrade(database.url)

    def lose() -> None:
        with database.write() as session:
            session.add(site("lost"))
            session.flush()
            session.connection().connection.dbapi_connection.execute("ROLLBACK")

    with pytest.raises(OperationalError, match="undone"):
        lose()
    assert names(database) == []
    database.dispose()


def test_a_writer_that_does_not_end_is_told_as_any_other_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.adapters.database.SQLITE_BUSY_TIMEOUT_S", 0)
    database = Database(f"sqlite:///{tmp_path / 'moderation.db'}", RecordingAnnouncer())
    schema.upgrade(database.url)
    with closing(sqlite3.connect(tmp_path / "moderation.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            database.write_together(lambda session: session.execute(text("SELECT 1")))
        other.execute("ROLLBACK")
    database.dispose()


def test_what_readers_wrote_does_not_stand_in_errors(database: Database) -> None:
    def write() -> None:
        with database.write() as session:
            session.add(site("taken"))

    write()
    with pytest.raises(IntegrityError) as refused:
        write()
    assert "SQL parameters hidden" in str(refused.value)


def test_where_the_commit_fails_everyone_of_the_group_hears_of_it() -> None:
    @contextmanager
    def broken_write() -> Iterator[Any]:
        yield FakeSession()
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    class FakeSession:
        @contextmanager
        def begin_nested(self) -> Iterator[None]:
            yield

    group = GroupCommit(broken_write)

    def run(number: int) -> str:
        with pytest.raises(OperationalError, match="disk full"):
            group.run(lambda session: number)
        return "told"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(40))) == ["told"] * 40


def test_a_group_that_waits_for_a_lock_holds_up_no_later_one_for_ever(database: Database) -> None:
    """Two writers from outside take turns with groups: all get through."""
    stop = threading.Event()

    def other_process() -> None:
        while not stop.is_set():
            with database.write() as session:
                session.execute(text("SELECT count(*) FROM sites"))

    outsider = threading.Thread(target=other_process)
    outsider.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            list(
                pool.map(
                    lambda n: database.write_together(lambda s: s.add(site(f"{n}"))), range(40)
                )
            )
    finally:
        stop.set()
        outsider.join()
    assert len(names(database)) == 40


# --- Rows --------------------------------------------------------------------------------------


def test_insert_if_absent_says_whether_it_did(database: Database) -> None:
    row = {c.name: getattr(site("a"), c.name) for c in Site.__table__.columns}
    row |= {"guests_allowed": True, "creates_articles": True}
    with database.write() as session:
        assert insert_if_absent(session, Site, row, unique=("site_key",)) is True
        again = {**row, "id": new_id()}
        assert insert_if_absent(session, Site, again, unique=("site_key",)) is False
    assert names(database) == ["a"]


# --- SQLite ------------------------------------------------------------------------------------


def test_sqlite_commits_are_on_disk_and_readers_do_not_wait(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}", RecordingAnnouncer())
    schema.upgrade(database.url)
    with database.read() as session:
        pragmas = [
            session.scalar(text(f"PRAGMA {p}"))
            for p in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert pragmas == ["wal", 2, 1]  # 2 is FULL
    with database.write() as session:
        session.add(site("a"))
        session.flush()
        # While a transaction writes, others read what was committed before.
        assert names(database) == []
        # And a second writer would have to wait from its very beginning.
        connection = sqlite3.connect(tmp_path / "m.db", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("BEGIN IMMEDIATE")
        connection.close()
    assert names(database) == ["a"]
    database.dispose()


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none", RecordingAnnouncer())
    with pytest.raises(OperationalError, match="refused"):
        database.ping()
    assert database.revision() is None
