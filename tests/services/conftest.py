"""Services over each kind of database, without any door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import servers
from factories import Service


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("services")
    if request.param == "sqlite":
        made = Service(folder)
        yield made
        made.close()
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database()
    made = Service(folder, database_url=url)
    yield made
    made.close()
    server.drop_database(url)


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """An installation without any rows; its counts must be exact in the end."""
    shared_service.wipe()
    yield shared_service
    assert shared_service.drift() == []
