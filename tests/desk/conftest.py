"""The desk over both databases, and people who are signed in at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import servers
from desk_client import Desk
from factories import Service, SiteKit
from flask import Flask

from moderation.domain.staff import Role
from moderation.web import create_app


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An empty database of each kind the service runs on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('desk') / 'moderation.db'}"
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
    yield service, create_app(service.wiring)
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
def stranger(app: Flask) -> Desk:
    """Somebody who is not signed in."""
    return Desk(app)


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


@pytest.fixture
def desk_of(service: Service, app: Flask) -> Callable[..., Desk]:
    """Make somebody with an account who is signed in; by default a moderator of every site."""

    def make(
        email: str = "mona@news.example",
        role: Role = Role.MODERATOR,
        *,
        site_ids: Sequence[str] | None = None,
    ) -> Desk:
        service.make_staff(email, role, site_ids=site_ids)
        desk = Desk(app)
        assert desk.sign_in(email).status_code == 303
        return desk

    return make


@pytest.fixture
def moderator(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()


@pytest.fixture
def admin(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of("ada@news.example", Role.ADMIN)
