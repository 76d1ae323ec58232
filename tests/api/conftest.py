"""The HTTP interface as a client sees it, over both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from checked_client import CheckedClient, Refusal, app_over
from factories import Service, SiteKit, Token
from flask import Flask


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An empty database of each kind the service runs on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('api') / 'moderation.db'}"
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def shared_service(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Flask]]:
    service = Service(tmp_path_factory.mktemp("var"), database_url=database_url)
    yield service, app_over(service)
    service.close()


@pytest.fixture
def service(shared_service: tuple[Service, Flask]) -> Iterator[Service]:
    """An installation without any rows."""
    service, _ = shared_service
    service.wipe()
    yield service
    assert service.drift() == []


@pytest.fixture
def app(service: Service, shared_service: tuple[Service, Flask]) -> Flask:
    return shared_service[1]


@pytest.fixture
def client(app: Flask) -> CheckedClient:
    return app.test_client()


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


@pytest.fixture
def token(service: Service) -> Token:
    """A token of the scopes ``queue`` and ``decisions`` for every site."""
    return service.make_token()


@pytest.fixture
def custom(tmp_path: Path) -> Iterator[Any]:
    """Make a client over an installation of its own, on SQLite, with other settings."""
    made: list[Service] = []

    def make(**settings: Any) -> CheckedClient:
        made.append(Service(tmp_path, **settings))
        return app_over(made[-1]).test_client()

    yield make
    for service in made:
        service.close()


@pytest.fixture
def refused(client: CheckedClient, service: Service) -> Refusal:
    return Refusal(client, service)


@pytest.fixture
def foreign(service: Service) -> SiteKit:
    """Another site of the same installation."""
    return service.make_site()
