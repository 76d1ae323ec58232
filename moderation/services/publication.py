"""What the public sees: approved comments and their counts. These two are read the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import Comment, PublicSort, Status, in_status
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.site import Article, Site
from moderation.keyring import Keyring


@dataclass(frozen=True, slots=True)
class PublicComment:
    id: str
    parent_id: str | None
    author_name: str
    body: str
    created_at: datetime
    reply_count: int


@dataclass(frozen=True, slots=True)
class PublicPage:
    items: list[PublicComment]
    next_cursor: str | None
    count: int


TOP_LEVEL = "none"
"""As ``parent_id``: only comments that reply to nothing."""


def list_comments(
    session: Session,
    keyring: Keyring,
    site: Site,
    external_id: str,
    *,
    sort: PublicSort = PublicSort.NEWEST,
    parent_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> PublicPage:
    """One page of an article's approved comments; an article nobody commented on has none.

    Args:
        parent_id: only the replies to this comment; ``TOP_LEVEL``: only those that are no reply.

    Raises:
        InvalidCursor: the cursor is not one of this list in this order.
    """
    listing = f"public:{sort}"
    position = None
    if cursor is not None:
        created_at, comment_id = decode_cursor(keyring, listing, cursor)
        position = (datetime.fromisoformat(str(created_at)), comment_id)
    connection = session.connection()
    article = connection.execute(_ARTICLE, {"site": site.id, "external_id": external_id})
    found = article.one_or_none()
    if found is None:
        return PublicPage([], None, 0)

    values: dict[str, Any] = {"article": found.id, "rows": limit + 1}
    if parent_id is not None and parent_id != TOP_LEVEL:
        values["parent"] = parent_id
    if position is not None:
        values["created_at"], values["id"] = position
    statement = _page(sort, parent_id == TOP_LEVEL, "parent" in values, position is not None)
    rows = connection.execute(statement, values).all()
    more, rows = len(rows) > limit, rows[:limit]
    replies = _reply_counts(session, [row.id for row in rows])
    items = [PublicComment(*row, reply_count=replies.get(row.id, 0)) for row in rows]
    next_cursor = None
    if more:
        last = rows[-1]
        next_cursor = encode_cursor(keyring, listing, [last.created_at.isoformat(), last.id])
    return PublicPage(items, next_cursor, found.approved_count)


def counts(session: Session, site: Site, external_ids: Sequence[str]) -> dict[str, int]:
    """Article id -> number of approved comments, in the order asked for; unknown articles: 0."""
    named = {"site": site.id, "external_ids": list(external_ids)}
    found = dict(session.connection().execute(_COUNTS, named).all())
    return {external_id: found.get(external_id, 0) for external_id in external_ids}


# Statements that every reader's request runs: built once, and without the ORM's share of the work.
_comments, _articles, _authors = Comment.__table__.c, Article.__table__.c, Author.__table__.c
_ARTICLE = select(_articles.id, _articles.approved_count).where(
    _articles.site_id == bindparam("site"), _articles.external_id == bindparam("external_id")
)
_COUNTS = select(_articles.external_id, _articles.approved_count).where(
    _articles.site_id == bindparam("site"),
    _articles.external_id.in_(bindparam("external_ids", expanding=True)),
)
_REPLIES = (
    select(_comments.parent_id, func.count())
    .where(_comments.parent_id.in_(bindparam("ids", expanding=True)), in_status(Status.APPROVED))
    .group_by(_comments.parent_id)
)


@cache
def _page(sort: PublicSort, top_level: bool, replies: bool, after: bool) -> Select[Any]:
    statement = (
        select(
            _comments.id,
            _comments.parent_id,
            _authors.name,
            _comments.body,
            _comments.created_at,
        )
        .join_from(Comment.__table__, Author.__table__)
        .where(_comments.article_id == bindparam("article"), in_status(Status.APPROVED))
        .limit(bindparam("rows"))
    )
    if top_level:
        statement = statement.where(_comments.parent_id.is_(None))
    if replies:
        statement = statement.where(_comments.parent_id == bindparam("parent"))
    place = tuple_(_comments.created_at, _comments.id)
    position = tuple_(
        bindparam("created_at", type_=_comments.created_at.type),
        bindparam("id", type_=_comments.id.type),
    )
    newest = sort is PublicSort.NEWEST
    if after:
        statement = statement.where(place < position if newest else place > position)
    if newest:
        return statement.order_by(_comments.created_at.desc(), _comments.id.desc())
    return statement.order_by(_comments.created_at, _comments.id)


def _reply_counts(session: Session, ids: Sequence[str]) -> dict[str, int]:
    if not ids:
        return {}
    return dict(session.connection().execute(_REPLIES, {"ids": ids}).all())
