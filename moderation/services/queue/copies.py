"""The near copies of a comment that wait: a flood is one thing to decide."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.domain.comment import WAITS, Comment, Status, holds


def similar_ids(session: Session, comment: Comment, *, limit: int) -> list[str]:
    """Ids of other waiting comments of the same cluster of near copies, in the queue's order."""
    if comment.cluster_id is None:
        return []
    return list(
        session.scalars(
            select(Comment.id)
            .where(Comment.cluster_id == comment.cluster_id, holds(WAITS), Comment.id != comment.id)
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
                holds(WAITS),
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
        .where(holds(WAITS), Comment.cluster_id.in_(clusters))
        .group_by(Comment.cluster_id)
    )
    waiting = dict(rows.all()) if clusters else {}
    return {
        comment.id: max(waiting.get(comment.cluster_id, 0) - _waits(comment), 0)
        for comment in comments
    }


def _waits(comment: Comment) -> bool:
    return comment.status == Status.QUEUED and comment.escalated_at is None
