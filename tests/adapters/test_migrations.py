"""Migrations of a database that holds something."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from moderation.adapters import schema
from moderation.adapters.database import make_engine
from moderation.domain.author import Author

NAMES = ("Ada", "ÉMILE", "Straße", "𝒵oe")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'moderation.db'}"
    return request.getfixturevalue("postgres_url")


def test_authors_from_before_are_found_by_their_names(url: str) -> None:
    schema.upgrade(make_url(url), "0007")
    engine = make_engine(make_url(url))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sites (id, name, site_key, sealed_sso_secret, origins, policy, "
                "guests_allowed, creates_articles, edit_window_s, created_at) "
                "VALUES ('s', 's', 's', 's', '[]', 'strict', true, true, 0, '2026-01-01')"
            )
        )
        for number, name in enumerate(NAMES * 600):
            connection.execute(
                text(
                    "INSERT INTO authors (id, site_id, kind, identity, name, created_at) "
                    "VALUES (:id, 's', 'reader', :id, :name, '2026-01-01')"
                ),
                {"id": str(number), "name": name},
            )
    schema.upgrade(make_url(url))
    with engine.connect() as connection:
        columns = (Author.name, Author.name_key, Author.sanctions)
        found = connection.execute(select(*columns)).all()
    engine.dispose()
    assert len(found) == len(NAMES) * 600  # more than one page of the filling
    assert {tuple(row) for row in found} == {
        ("Ada", "ada", None),
        ("ÉMILE", "émile", None),
        ("Straße", "strasse", None),
        ("𝒵oe", "𝒵oe", None),
    }
