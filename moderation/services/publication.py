"""What the public sees: approved comments and their counts. These two are read the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
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
    article = session.execute(
        select(Article.id, Article.approved_count).where(
            Article.site_id == site.id, Article.external_id == external_id
        )
    ).one_or_none()
    if article is None:
        return PublicPage([], None, 0)

    statement = (
        select(Comment.id, Comment.parent_id, Author.name, Comment.body, Comment.created_at)
        .join(Author, Author.id == Comment.author_id)
        .where(Comment.article_id == article.id, in_status(Status.APPROVED))
        .limit(limit + 1)
    )
    if parent_id == TOP_LEVEL:
        statement = statement.where(Comment.parent_id.is_(None))
    elif parent_id is not None:
        statement = statement.where(Comment.parent_id == parent_id)
    place: Any = tuple_(Comment.created_at, Comment.id)
    if sort is PublicSort.NEWEST:
        statement = statement.order_by(Comment.created_at.desc(), Comment.id.desc())
        if position:
            statement = statement.where(place < position)
    else:
        statement = statement.order_by(Comment.created_at, Comment.id)
        if position:
            statement = statement.where(place > position)

    rows = session.execute(statement).all()
    more, rows = len(rows) > limit, rows[:limit]
    replies = _reply_counts(session, [row.id for row in rows])
    items = [PublicComment(*row, reply_count=replies.get(row.id, 0)) for row in rows]
    next_cursor = None
    if more:
        last = rows[-1]
        next_cursor = encode_cursor(keyring, listing, [last.created_at.isoformat(), last.id])
    return PublicPage(items, next_cursor, article.approved_count)


def counts(session: Session, site: Site, external_ids: Sequence[str]) -> dict[str, int]:
    """Article id -> number of approved comments, in the order asked for; unknown articles: 0."""
    found = dict(
        session.execute(
            select(Article.external_id, Article.approved_count).where(
                Article.site_id == site.id, Article.external_id.in_(external_ids)
            )
        ).all()
    )
    return {external_id: found.get(external_id, 0) for external_id in external_ids}


def _reply_counts(session: Session, ids: Sequence[str]) -> dict[str, int]:
    if not ids:
        return {}
    return dict(
        session.execute(
            select(Comment.parent_id, func.count())
            .where(Comment.parent_id.in_(ids), in_status(Status.APPROVED))
            .group_by(Comment.parent_id)
        ).all()
    )
