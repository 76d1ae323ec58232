"""Two ways of touching rows that PostgreSQL and SQLite spell differently."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from moderation.domain.base import Base
from moderation.domain.comment import Comment

MAX_IDS_A_QUERY = 500
"""SQLite takes at most 32,766 variables; well below that, plans stay good too."""


def insert_if_absent(
    session: Session, table: type[Base], values: dict[str, Any], *, unique: tuple[str, ...]
) -> bool:
    """Insert a row unless one with the same ``unique`` columns exists; True if it was inserted.

    On PostgreSQL it waits for a concurrent insert of the same key to end, so that a following
    select (READ COMMITTED) finds the winner.
    """
    statement = _insert_or_nothing(session.get_bind().dialect.name, table, unique)
    return session.connection().execute(statement, values).rowcount == 1


@cache
def _insert_or_nothing(dialect: str, table: type[Base], unique: tuple[str, ...]) -> Insert:
    # Built once: on the way of every comment, building it anew costs as much as running it.
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return (
        insert(table.__table__)
        .on_conflict_do_nothing(index_elements=unique)
        # On PostgreSQL the number of an INSERT's rows is thrown away otherwise.
        .execution_options(preserve_rowcount=True)
    )


def upsert(
    session: Session,
    table: type[Base],
    rows: Sequence[dict[str, Any]],
    *,
    key: str,
    update: Sequence[str] | None = None,
) -> None:
    """Insert rows; one whose ``key`` is there already has its columns ``update`` changed instead.

    Args:
        update: names of columns; all but the key when left out.
    """
    if rows:
        names = tuple(update if update is not None else (n for n in rows[0] if n != key))
        dialect = session.get_bind().dialect.name
        session.connection().execute(_insert_or_update(dialect, table, key, names), list(rows))


@cache
def _insert_or_update(dialect: str, table: type[Base], key: str, names: tuple[str, ...]) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table.__table__)
    return statement.on_conflict_do_update(
        index_elements=[key], set_={name: statement.excluded[name] for name in names}
    )


def lock_comments(session: Session, ids: Sequence[str]) -> dict[str, Comment]:
    """Comments by id, locked until the transaction ends; unknown ids are left out.

    Always in the order of ids, so that overlapping calls queue up instead of deadlocking. On
    SQLite the writing transaction is alone anyway, and FOR UPDATE is left out.
    """
    found: dict[str, Comment] = {}
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), MAX_IDS_A_QUERY):
        statement: Select[tuple[Comment]] = (
            select(Comment)
            .where(Comment.id.in_(wanted[start : start + MAX_IDS_A_QUERY]))
            .order_by(Comment.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found.update((comment.id, comment) for comment in session.scalars(statement))
    return found
