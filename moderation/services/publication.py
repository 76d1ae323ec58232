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
from moderation.domain.site import Article, ArticleState, Site
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
    """``is_open``: whether the article takes comments; ``replies``: what stands under ``items``."""

    items: list[PublicComment]
    next_cursor: str | None
    count: int
    is_open: bool
    replies: Sequence[PublicComment] = ()


TOP_LEVEL = "none"
"""As ``parent_id``: only comments that reply to nothing."""


@dataclass(frozen=True, slots=True)
class PublicArticle:
    """``id`` is None for an article nobody knows yet."""

    id: str | None
    approved_count: int
    is_open: bool


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
    position = position_of(keyring, listing, cursor)
    article = find_article(session, site, external_id)
    if article.id is None:
        return PublicPage([], None, 0, article.is_open)
    values: dict[str, Any] = {"article": article.id, "rows": limit + 1}
    if parent_id is not None and parent_id != TOP_LEVEL:
        values["parent"] = parent_id
    if position is not None:
        values["created_at"], values["id"] = position
    statement = _page(sort, parent_id == TOP_LEVEL, "parent" in values, position is not None)
    rows, next_cursor = cut(
        keyring, listing, session.connection().execute(statement, values).all(), limit
    )
    return PublicPage(
        with_reply_counts(session, rows), next_cursor, article.approved_count, article.is_open
    )


def find_article(session: Session, site: Site, external_id: str) -> PublicArticle:
    """What the public may know of an article of this site."""
    named = {"site": site.id, "external_id": external_id}
    found = session.connection().execute(_ARTICLE, named).one_or_none()
    if found is None:
        return PublicArticle(None, 0, site.creates_articles)
    return PublicArticle(found.id, found.approved_count, found.state == ArticleState.OPEN)


def position_of(keyring: Keyring, listing: str, cursor: str | None) -> tuple[datetime, str] | None:
    """Time and id of the comment that ``cursor`` says was the last of its page.

    Raises InvalidCursor.
    """
    if cursor is None:
        return None
    created_at, comment_id = decode_cursor(keyring, listing, cursor)
    return datetime.fromisoformat(str(created_at)), str(comment_id)


def cut(
    keyring: Keyring, listing: str, rows: Sequence[Any], limit: int
) -> tuple[Sequence[Any], str | None]:
    """The page's own rows of ``limit`` + 1 asked for, and the cursor of the next page."""
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    cursor = encode_cursor(keyring, listing, [last.created_at.isoformat(), last.id])
    return rows[:limit], cursor


def with_reply_counts(session: Session, rows: Sequence[Any]) -> list[PublicComment]:
    """Rows of ``COLUMNS`` as comments, each with the number of its approved direct replies."""
    replies = _reply_counts(session, [row.id for row in rows])
    return [
        PublicComment(
            row.id, row.parent_id, row.name, row.body, row.created_at, replies.get(row.id, 0)
        )
        for row in rows
    ]


def counts(session: Session, site: Site, external_ids: Sequence[str]) -> dict[str, int]:
    """Article id -> number of approved comments, in the order asked for; unknown articles: 0."""
    named = {"site": site.id, "external_ids": list(external_ids)}
    found = dict(session.connection().execute(_COUNTS, named).all())
    return {external_id: found.get(external_id, 0) for external_id in external_ids}


# Statements that every reader's request runs: built once, and without the ORM's share of the work.
_comments, _articles, _authors = Comment.__table__.c, Article.__table__.c, Author.__table__.c
COLUMNS = (
    _comments.id,
    _comments.parent_id,
    _authors.name,
    _comments.body,
    _comments.created_at,
)
_ARTICLE = select(_articles.id, _articles.approved_count, _articles.state).where(
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
        select(*COLUMNS)
        .join_from(Comment.__table__, Author.__table__)
        .where(_comments.article_id == bindparam("article"), in_status(Status.APPROVED))
        .limit(bindparam("rows"))
    )
    if top_level:
        statement = statement.where(_comments.parent_id.is_(None))
    if replies:
        statement = statement.where(_comments.parent_id == bindparam("parent"))
    return in_order(statement, sort, after)


def in_order(statement: Select[Any], sort: PublicSort, after: bool) -> Select[Any]:
    """By age, and ``after`` the place that is bound as ``created_at`` and ``id``."""
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
