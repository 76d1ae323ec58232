"""An article's comments as conversations: what begins one, and what stands under it.

A conversation begins with an approved comment that replies to none, or to one that is not public
any more: so each comment that is counted is found in one conversation, and in one only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import Comment, PublicSort, Status, in_status
from moderation.domain.site import Site
from moderation.keyring import Keyring
from moderation.services.publication import (
    COLUMNS,
    PublicPage,
    cut,
    find_article,
    in_order,
    position_of,
    with_reply_counts,
)

MAX_REPLIES = 200
"""Most replies that come along with a page. What is left, ``reply_count`` tells of."""

MAX_REPLIES_EACH = 20
"""Most direct replies to one comment that come along."""

MAX_STEPS_UP = 100
"""How far up the beginning of a conversation is looked for."""


def list_conversations(
    session: Session,
    keyring: Keyring,
    site: Site,
    external_id: str,
    *,
    sort: PublicSort = PublicSort.NEWEST,
    cursor: str | None = None,
    limit: int = 20,
) -> PublicPage:
    """One page of the comments that begin conversations, and in ``replies`` what is under them.

    Raises:
        InvalidCursor: the cursor is not one of this list in this order.
    """
    listing = f"conversations:{sort}"
    position = position_of(keyring, listing, cursor)
    article = find_article(session, site, external_id)
    if article.id is None:
        return PublicPage([], None, 0, article.is_open)
    values: dict[str, Any] = {"article": article.id, "rows": limit + 1}
    if position is not None:
        values["created_at"], values["id"] = position
    found = session.connection().execute(_beginnings(sort, position is not None), values).all()
    rows, next_cursor = cut(keyring, listing, found, limit)
    return PublicPage(
        with_reply_counts(session, rows),
        next_cursor,
        article.approved_count,
        article.is_open,
        with_reply_counts(session, _below(session, [row.id for row in rows])),
    )


def conversation_of(session: Session, site: Site, external_id: str, comment_id: str) -> PublicPage:
    """The conversation a comment stands in; empty when it is not public under this article.

    The comment itself is there even where there are too many replies for all to come along.
    """
    article = find_article(session, site, external_id)
    way = [] if article.id is None else _way_up(session, article.id, comment_id)
    below = _below(session, [way[-1].id]) if way else []
    known = {row.id for row in below}
    missing = [row for row in way[:-1] if row.id not in known]
    return PublicPage(
        with_reply_counts(session, way[-1:]),
        None,
        article.approved_count,
        article.is_open,
        with_reply_counts(session, [*below, *missing]),
    )


def _way_up(session: Session, article_id: str, comment_id: str) -> list[Any]:
    """The comment, what it replies to, and so on up to the beginning of the conversation."""
    way: list[Any] = []
    wanted: str | None = comment_id
    while wanted is not None and len(way) < MAX_STEPS_UP:
        named = {"id": wanted, "article": article_id}
        row = session.connection().execute(_ONE, named).one_or_none()
        if row is None:
            break
        way.append(row)
        wanted = row.parent_id
    return way


def _below(session: Session, ids: Sequence[str]) -> list[Any]:
    """What stands under these comments, level by level and each level by age."""
    found: list[Any] = []
    while ids and len(found) < MAX_REPLIES:
        values = {"ids": list(ids), "each": MAX_REPLIES_EACH, "rows": MAX_REPLIES - len(found)}
        level = session.connection().execute(_LEVEL, values).all()
        found += level
        ids = [row.id for row in level]
    return found


_comments, _parents = Comment.__table__.c, Comment.__table__.alias("parents")
_PUBLIC_PARENT = exists(
    select(1).where(
        _parents.c.id == _comments.parent_id,
        _parents.c.status == literal_column(f"'{Status.APPROVED}'"),
    )
)
_LISTED = select(*COLUMNS).join_from(Comment.__table__, Author.__table__)
_ONE = _LISTED.where(
    _comments.id == bindparam("id"),
    _comments.article_id == bindparam("article"),
    in_status(Status.APPROVED),
)
_PLACED = (
    select(
        _comments.id,
        func.row_number()
        .over(partition_by=_comments.parent_id, order_by=(_comments.created_at, _comments.id))
        .label("place"),
    )
    .where(_comments.parent_id.in_(bindparam("ids", expanding=True)), in_status(Status.APPROVED))
    .subquery("placed")
)
_LEVEL = (
    _LISTED.join(_PLACED, _PLACED.c.id == _comments.id)
    .where(_PLACED.c.place <= bindparam("each"))
    .order_by(_comments.created_at, _comments.id)
    .limit(bindparam("rows"))
)


@cache
def _beginnings(sort: PublicSort, after: bool) -> Select[Any]:
    statement = _LISTED.where(
        _comments.article_id == bindparam("article"),
        in_status(Status.APPROVED),
        or_(_comments.parent_id.is_(None), ~_PUBLIC_PARENT),
    ).limit(bindparam("rows"))
    return in_order(statement, sort, after)
