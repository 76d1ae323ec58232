"""What every test may ask for, and what no test may do: leave this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# A developer's own settings must not decide a test. Child processes inherit all of this.
for _name in [name for name in os.environ if name.startswith("MODERATION_")]:
    if not _name.startswith("MODERATION_TEST_"):
        del os.environ[_name]
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

import servers  # noqa: E402  (after the environment is clean)

from moderation import jobs  # noqa: E402

# --- No way out -------------------------------------------------------------------------------


class NetworkBlockedError(RuntimeError):
    """A test tried to reach another machine.

    Not an OSError: code that copes with a failed connection must not hide this.
    """


_LOOPBACK_NAMES = {"localhost", "", None}
_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex
_real_sendto = socket.socket.sendto
_real_getaddrinfo = socket.getaddrinfo


def _is_loopback(host: Any) -> bool:
    host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if host in _LOOPBACK_NAMES:
        return True
    return str(host) in {"::1", "0.0.0.0", "::"} or str(host).startswith("127.")


def _check_address(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        raise NetworkBlockedError(f"tests stay on this machine; this one wants {address!r}")


def _connect(self: socket.socket, address: Any) -> None:
    _check_address(self.family, address)
    return _real_connect(self, address)


def _connect_ex(self: socket.socket, address: Any) -> int:
    _check_address(self.family, address)
    return _real_connect_ex(self, address)


def _sendto(self: socket.socket, data: Any, *flags_and_address: Any) -> int:
    _check_address(self.family, flags_and_address[-1])
    return _real_sendto(self, data, *flags_and_address)


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if not _is_loopback(host) and not _is_numeric(host):
        raise NetworkBlockedError(f"tests ask no name server; this one wants {host!r}")
    return _real_getaddrinfo(host, *args, **kwargs)


def _is_numeric(host: Any) -> bool:
    """An address that resolves to itself, without a question to anybody."""
    try:
        _real_getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return True


def pytest_configure(config: pytest.Config) -> None:
    """Close the ways out before the first test module is imported."""
    socket.socket.connect = _connect  # type: ignore[method-assign]
    socket.socket.connect_ex = _connect_ex  # type: ignore[method-assign]
    socket.socket.sendto = _sendto  # type: ignore[method-assign]
    socket.getaddrinfo = _getaddrinfo

    # Ended from outside, the run still stops the servers it started.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


# --- Servers ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    """The run's PostgreSQL server; make a database on it for a whole module with this."""
    with servers.postgres(os.environ.get("MODERATION_TEST_POSTGRES_URL")) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own: ``postgresql://…``."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    """The run's Redis server."""
    with servers.redis_server(os.environ.get("MODERATION_TEST_REDIS_URL")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.Redis) -> Iterator[str]:
    """The URL of an empty Redis database of this test's own: ``redis://…/N``."""
    url = redis_server.create_database()
    yield url
    redis_server.drop_database(url)


@pytest.fixture
def amqp_url() -> Iterator[str]:
    """The URL of a RabbitMQ on which this service's queues are new, and gone afterwards."""
    url = os.environ.get("MODERATION_TEST_AMQP_URL")
    if not url:
        pytest.skip("no RabbitMQ: MODERATION_TEST_AMQP_URL names none")
    with servers.rabbitmq(url, set(jobs.QUEUES.values())):
        yield url


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser that browser tests drive; its own downloads are never used."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no browser: install Chromium (Debian's package is called chromium)")
    return path
