"""What every table shares: the metadata, ids and times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import uuid_utils
from sqlalchemy import DateTime, Dialect, MetaData, String, TextClause, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase

ID_CHARS = 32


def new_id() -> str:
    """A fresh id: a UUIDv7 (RFC 9562) in 32 hex digits, so ids sort roughly by age."""
    return uuid_utils.uuid7().hex


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC to the microsecond; takes and gives aware datetimes on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its zone: {value!r}")
        value = value.astimezone(UTC)
        # SQLite has no zone in its texts; what is stored there is UTC by this very line.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = String(ID_CHARS)
"""Column type of every id."""


class Base(DeclarativeBase):
    """All tables. Names of constraints are fixed so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def one_of(column: str, values: type[Any]) -> str:
    """SQL text of a check that ``column`` holds a value of the enum ``values``."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def only_where(condition: str) -> dict[str, TextClause]:
    """Arguments that make an ``Index`` one of the rows to which the SQL ``condition`` applies."""
    return {f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql")}
