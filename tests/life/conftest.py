"""The stacks that a comment's life is lived on, each of real processes and servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import servers
from stacks import Doors, Installation

from moderation import jobs


@dataclass(frozen=True)
class Stack:
    """A running installation, and the doors of its first site, made on the command line."""

    installation: Installation
    doors: Doors


@contextmanager
def embedded(folder: Path, _request: pytest.FixtureRequest) -> Iterator[Installation]:
    """`moderation up`: SQLite and the embedded broker."""
    installation = Installation(folder)
    try:
        installation.wait_ready(installation.up())
        yield installation
        (up,) = installation.programs
        assert up.stop() < 12
        installation.assert_nothing_runs()
    finally:
        installation.close()


@contextmanager
def redis(folder: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Two web processes and two workers on PostgreSQL and Redis."""
    server: servers.Redis = request.getfixturevalue("redis_server")
    url = server.create_database()
    with _deployment(folder, request, url, workers=2) as installation:
        yield installation
    server.drop_database(url)


@contextmanager
def rabbitmq(folder: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Two web processes and a worker on PostgreSQL and RabbitMQ."""
    url = os.environ.get("MODERATION_TEST_AMQP_URL")
    if not url:
        pytest.skip("no RabbitMQ: MODERATION_TEST_AMQP_URL names none")
    with (
        servers.rabbitmq(url, set(jobs.QUEUES.values())),
        _deployment(folder, request, url, workers=1) as installation,
    ):
        yield installation


@contextmanager
def _deployment(
    folder: Path, request: pytest.FixtureRequest, broker_url: str, *, workers: int
) -> Iterator[Installation]:
    postgres: servers.Postgres = request.getfixturevalue("postgres_server")
    database_url = postgres.create_database()
    installation = Installation(folder, database_url=database_url, broker_url=broker_url)
    try:
        installation.command("db", "upgrade")
        web = installation.serve("--workers", "2")
        installation.wait_ready(web, *(installation.worker() for _ in range(workers)))
        yield installation
        for program in installation.programs:
            assert program.stop() < 12
        installation.assert_nothing_runs()
    finally:
        installation.close()
        postgres.drop_database(database_url)


@pytest.fixture(scope="module", params=[embedded, redis, rabbitmq], ids=lambda p: p.__name__)
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Each stack in turn, with a site and a token made as operators make them."""
    with ExitStack() as exits:
        folder = tmp_path_factory.mktemp(request.param.__name__)
        installation = exits.enter_context(request.param(folder, request))
        site = installation.json("site", "create", "Daily", "--origin", "https://daily.example")
        token = installation.json(
            *("token", "create", "desk", "--scope", "queue", "--scope", "decisions")
        )
        yield Stack(
            installation,
            Doors(
                installation.base_url,
                site["site_key"],
                token["token"],
                sso_secret=site["sso_secret"],
                site_id=site["id"],
            ),
        )
