"""The database: whether it answers, is up to date, and is set up as this service needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters import schema
from moderation.cli.doctor.finding import Finding, good, hint, reason, wrong
from moderation.wiring import Wiring

UPGRADE = "$ moderation db upgrade"
MOUNTS = Path("/proc/self/mounts")
"""Linux lists here what is mounted where; without it nothing is said of network file systems."""

NETWORK_FILE_SYSTEMS = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|ceph|lustre|gpfs|ocfs2|gfs2|glusterfs|9p"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|cephfs|ceph-fuse|davfs.*|goofys)"
)

SKEW_WORTH_KNOWING_S = 2
SKEW_WRONG_S = 30
"""A worker this far off takes comments out of others' hands, or leaves its own for long."""


def answers(wiring: Wiring) -> Iterator[Finding]:
    what = "Database"
    try:
        url = make_url(wiring.settings.effective_database_url)
        url.get_dialect().import_dbapi()
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError(f"{url.get_backend_name()} is not among the databases it runs on")
    except (SQLAlchemyError, ImportError, ValueError) as error:
        mend = "Write it like postgresql://user:password@host/name, or leave it empty for SQLite."
        yield wrong(what, f"database_url is not usable: {reason(error)}", mend)
        return
    shown, is_sqlite = url.render_as_string(hide_password=True), wiring.settings.is_sqlite
    if is_sqlite:
        file = url.database
        if not file or file == ":memory:":
            mend = "Unset MODERATION_DATABASE_URL for a file in var_dir."
            yield wrong(what, "in memory: each process has its own, gone when it ends", mend)
            return
        if not Path(file).exists():  # `Wiring.database` would make it
            yield wrong(what, f"{file} is not there yet", UPGRADE)
            return
        shown = file
    try:
        with wiring.database.engine.connect() as connection:
            server = _server(connection)
    except SQLAlchemyError as error:
        mend = "Start it, or correct MODERATION_DATABASE_URL."
        if is_sqlite:
            mend = "Restore it from a backup, or correct MODERATION_DATABASE_URL."
        yield wrong(what, f"{shown} does not answer: {reason(error)}", mend)
        return
    yield good(what, f"{server}, {shown}")


def _server(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        # Reading the schema finds a file that is no database; a version alone would not.
        connection.execute(text("SELECT count(*) FROM sqlite_master"))
        return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
    version = connection.scalar(text("SHOW server_version"))
    return f"PostgreSQL {version}".partition(" (")[0]


def is_at_head(wiring: Wiring) -> Iterator[Finding]:
    what, url = "Schema", wiring.database.url
    found, wanted = wiring.database.revision(), schema.head(url)
    if found is None:
        yield wrong(what, "there is none yet", UPGRADE)
    elif found == wanted:
        yield good(what, f"up to date, at {found}")
    elif schema.is_known(url, found):
        yield wrong(what, f"at {found}, this version needs {wanted}", UPGRADE)
    else:
        mend = "Install the version of this service that made it, or a later one."
        yield wrong(what, f"at {found}, which this version ({wanted}) does not know", mend)


# --- SQLite -------------------------------------------------------------------------------------


def sqlite(wiring: Wiring) -> Iterator[Finding]:
    what, database = "SQLite", wiring.database
    if not database.is_sqlite:
        return
    with database.engine.connect() as connection:
        mode = connection.scalar(text("PRAGMA journal_mode"))
    kind = file_system(Path(database.url.database).resolve())
    if NETWORK_FILE_SYSTEMS.fullmatch(kind):
        mend = "Put it on a disk of this machine (MODERATION_VAR_DIR), or use PostgreSQL."
        yield wrong(what, f"on a network file system ({kind}), where locks do not hold", mend)
    elif mode != "wal":
        mend = (
            "Stop everything that uses the file, and start again. If it stays: is there a disk "
            "that cannot share memory, or a file that is read-only?"
        )
        yield wrong(what, f"journal mode {mode}, not wal: readers and writers block", mend)
    else:
        yield good(what, f"write-ahead log on, on {kind or 'a disk'}")


def file_system(path: Path) -> str:
    """The type of the file system ``path`` lies on, as mount(8) names it; empty if unknown."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        # proc(5): blanks and backslashes in names are written in octal.
        folder = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), point))
        # Of two mounts on one folder the later one is seen.
        if path.is_relative_to(folder) and len(folder.parts) >= best:
            best, kind = len(folder.parts), found
    return kind


# --- PostgreSQL ---------------------------------------------------------------------------------

_USABLE = text(
    """
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int,
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
    )
    """
)
"""Connections that this user may have to this database, all machines together."""


def connections(wiring: Wiring) -> Iterator[Finding]:
    what, now = "Connections", wiring.settings
    if wiring.database.is_sqlite:
        return
    with wiring.database.engine.connect() as connection:
        usable = connection.scalar(_USABLE)
    # As `Wiring.database` makes its pool: this many are kept, and as many again in a rush.
    kept = now.http_workers * (now.http_threads + 2)
    mend = (
        f"Lower MODERATION_HTTP_WORKERS ({now.http_workers}) or MODERATION_HTTP_THREADS "
        f"({now.http_threads}), or raise max_connections in postgresql.conf."
    )
    detail = (
        f"the server gives {usable}; the web processes of one machine keep {kept}, "
        f"at most {2 * kept}"
    )
    if kept > usable:
        yield wrong(what, detail, mend)
    elif 2 * kept > usable:
        yield hint(what, detail, mend)
    else:
        yield good(what, detail)


def clock(wiring: Wiring) -> Iterator[Finding]:
    what = "Clock"
    if wiring.database.is_sqlite:
        return  # the same machine
    with wiring.database.engine.connect() as connection:
        before = wiring.clock()
        theirs = connection.scalar(text("SELECT clock_timestamp()"))
        ours = before + (wiring.clock() - before) / 2
    skew_s = (ours - theirs).total_seconds()
    detail = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} the database's"
    mend = "Let both machines keep time by NTP:\n$ timedatectl set-ntp true"
    if abs(skew_s) > SKEW_WRONG_S:
        yield wrong(what, detail, mend)
    elif abs(skew_s) > SKEW_WORTH_KNOWING_S:
        yield hint(what, detail, mend)
    else:
        yield good(what, "the same as the database's")
