"""The moderators' queue: what waits, in which order, and who has claimed what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import Comment, QueueSort, Status, in_status
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.score import Judgement
from moderation.domain.site import Article
from moderation.domain.staff import Principal, Scope
from moderation.errors import ClaimedByAnother, UnknownComment
from moderation.keyring import Keyring
from moderation.services.rows import lock_comments


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which waiting comments are meant. ``min_scores``: label -> least probability, 0..1."""

    site_id: str | None = None
    article_id: str | None = None
    author_id: str | None = None
    min_scores: Mapping[str, float] = field(default_factory=dict)
    not_scored: bool | None = None
    comment_ids: Sequence[str] | None = None
    similar_to: str | None = None
    """A comment's id: only what is in its cluster of near copies, itself included."""


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """How an author has fared on their site so far."""

    approved: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A waiting comment with all that a moderator needs to decide it."""

    comment: Comment
    article: Article
    author: Author
    record: AuthorRecord
    judgement: Judgement | None
    similar_count: int
    """How many other comments in the queue of this site are near-copies."""


@dataclass(frozen=True, slots=True)
class QueuePage:
    items: list[QueueItem]
    next_cursor: str | None


def page(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    wanted: QueueFilter,
    *,
    sort: QueueSort = QueueSort.PRIORITY,
    cursor: str | None = None,
    limit: int = 20,
) -> QueuePage:
    """One page of what waits on the sites this principal sees.

    Raises:
        InvalidCursor: the cursor is not one of this list in this order.
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    listing = f"queue:{sort}"
    key = Comment.rank_ms if sort is QueueSort.PRIORITY else Comment.created_at
    place = tuple_(key, Comment.id)
    statement = _waiting(session, principal, wanted)
    if cursor is not None:
        value, comment_id = decode_cursor(keyring, listing, cursor)
        if sort is not QueueSort.PRIORITY:
            value = datetime.fromisoformat(str(value))
        after = (value, comment_id)
        statement = statement.where(place < after if sort is QueueSort.NEWEST else place > after)
    if sort is QueueSort.NEWEST:
        statement = statement.order_by(key.desc(), Comment.id.desc())
    else:
        statement = statement.order_by(key, Comment.id)
    ids = list(session.execute(statement.limit(limit + 1)).all())
    more, ids = len(ids) > limit, ids[:limit]
    next_cursor = None
    if more:
        last = ids[-1]
        value = last.rank_ms if sort is QueueSort.PRIORITY else last.created_at.isoformat()
        next_cursor = encode_cursor(keyring, listing, [value, last.id])
    return QueuePage(_load(session, [row.id for row in ids]), next_cursor)


def claim(
    session: Session,
    principal: Principal,
    wanted: QueueFilter,
    *,
    now: datetime,
    claim_s: int,
    limit: int = 1,
) -> list[QueueItem]:
    """Claim the next waiting comments that nobody holds, for ``claim_s`` seconds.

    Where the filter names ``comment_ids``, the principal's own claims are renewed as well.

    Raises:
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    free = or_(Comment.claim_expires_at.is_(None), Comment.claim_expires_at <= now)
    if wanted.comment_ids is not None:
        free = or_(free, Comment.claimed_by == principal.key)
    ids = session.scalars(
        _waiting(session, principal, wanted)
        .with_only_columns(Comment.id)
        .where(free)
        .order_by(Comment.rank_ms, Comment.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Comment)
    ).all()
    for comment in lock_comments(session, ids).values():
        comment.claimed_by = principal.key
        comment.claimed_name = principal.name
        comment.claim_expires_at = now + timedelta(seconds=claim_s)
    session.flush()
    return _load(session, ids)


def release(session: Session, principal: Principal, comment_id: str, *, now: datetime) -> None:
    """Give a claim back. Giving back what nobody holds is fine.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
        ClaimedByAnother: somebody else holds it; only an admin may take it from them.
    """
    comment = lock_comments(session, [comment_id]).get(comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    held = comment.claim_expires_at is not None and comment.claim_expires_at > now
    if held and comment.claimed_by != principal.key and not principal.may(Scope.ADMIN):
        raise ClaimedByAnother(f"{comment.claimed_name} holds this comment for now")
    comment.claimed_by = comment.claimed_name = comment.claim_expires_at = None


def similar_ids(session: Session, comment: Comment, *, limit: int) -> list[str]:
    """Ids of other waiting comments of the same cluster of near copies, in the queue's order."""
    if comment.cluster_id is None:
        return []
    return list(
        session.scalars(
            select(Comment.id)
            .where(
                Comment.cluster_id == comment.cluster_id,
                in_status(Status.QUEUED),
                Comment.id != comment.id,
            )
            .order_by(Comment.rank_ms, Comment.id)
            .limit(limit)
        )
    )


def equal_ids(session: Session, comment: Comment, *, limit: int) -> list[str]:
    """Ids of other waiting comments of the same site whose text is the same to the letter."""
    if comment.fingerprint is None:
        return []
    return list(
        session.scalars(
            select(Comment.id)
            .where(
                Comment.site_id == comment.site_id,
                # Equal bodies have equal fingerprints, and those have an index.
                Comment.fingerprint == comment.fingerprint,
                Comment.body == comment.body,
                in_status(Status.QUEUED),
                Comment.id != comment.id,
            )
            .order_by(Comment.id)
            .limit(limit)
        )
    )


def similar_counts(session: Session, comments: Sequence[Comment]) -> dict[str, int]:
    """Comment id -> how many other comments of its cluster wait."""
    clusters = {comment.cluster_id for comment in comments if comment.cluster_id is not None}
    rows = session.execute(
        select(Comment.cluster_id, func.count())
        .where(in_status(Status.QUEUED), Comment.cluster_id.in_(clusters))
        .group_by(Comment.cluster_id)
    )
    waiting = dict(rows.all()) if clusters else {}
    return {
        comment.id: max(waiting.get(comment.cluster_id, 0) - (comment.status == Status.QUEUED), 0)
        for comment in comments
    }


def records(session: Session, author_ids: Sequence[str]) -> dict[str, AuthorRecord]:
    """Author id -> record, counted afresh; authors without any decision are left out."""

    def how_many(status: Status):
        return func.sum(case((Comment.status == status, 1), else_=0))

    rows = session.execute(
        select(Comment.author_id, how_many(Status.APPROVED), how_many(Status.REJECTED))
        .where(
            Comment.author_id.in_(set(author_ids)),
            Comment.status.in_([Status.APPROVED, Status.REJECTED]),
        )
        .group_by(Comment.author_id)
    )
    return {author_id: AuthorRecord(approved, rejected) for author_id, approved, rejected in rows}


def _waiting(session: Session, principal: Principal, wanted: QueueFilter) -> Select[Any]:
    """Keys of the waiting comments a filter means, unordered.

    Raises:
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    statement = select(Comment.id, Comment.rank_ms, Comment.created_at).where(
        in_status(Status.QUEUED)
    )
    if principal.site_ids is not None:
        statement = statement.where(Comment.site_id.in_(sorted(principal.site_ids)))
    if wanted.site_id is not None:
        statement = statement.where(Comment.site_id == wanted.site_id)
    if wanted.article_id is not None:
        named = select(Article.id).where(Article.external_id == wanted.article_id)
        statement = statement.where(Comment.article_id.in_(named))
    if wanted.author_id is not None:
        statement = statement.where(Comment.author_id == wanted.author_id)
    if wanted.not_scored is not None:
        statement = statement.where(Comment.not_scored == wanted.not_scored)
    if wanted.similar_to is not None:
        that = session.get(Comment, wanted.similar_to)
        if that is None or not principal.sees(that.site_id):
            raise UnknownComment
        # What is not judged yet, or was withdrawn, has no cluster and is like itself alone.
        alike = Comment.id == that.id
        if that.cluster_id is not None:
            alike = Comment.cluster_id == that.cluster_id
        statement = statement.where(alike)
    if wanted.comment_ids is not None:
        statement = statement.where(Comment.id.in_(wanted.comment_ids))
    if wanted.min_scores:
        floors = [getattr(Judgement, label) >= p for label, p in wanted.min_scores.items()]
        statement = statement.join(Judgement, and_(Judgement.id == Comment.judgement_id, *floors))
    return statement


def _load(session: Session, ids: Sequence[str]) -> list[QueueItem]:
    """The items of ``ids`` in that order, in a number of queries that does not grow with them."""
    if not ids:
        return []
    rows = session.execute(
        select(Comment, Article, Author, Judgement)
        .join(Article, Article.id == Comment.article_id)
        .join(Author, Author.id == Comment.author_id)
        .outerjoin(Judgement, Judgement.id == Comment.judgement_id)
        .where(Comment.id.in_(ids))
    ).all()
    record_of = records(session, [row.Author.id for row in rows])
    alike = similar_counts(session, [row.Comment for row in rows])
    items = {
        row.Comment.id: QueueItem(
            comment=row.Comment,
            article=row.Article,
            author=row.Author,
            record=record_of.get(row.Author.id, AuthorRecord()),
            judgement=row.Judgement,
            similar_count=alike[row.Comment.id],
        )
        for row in rows
    }
    return [items[comment_id] for comment_id in ids if comment_id in items]
