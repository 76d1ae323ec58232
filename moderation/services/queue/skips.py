"""What a person has skipped: it falls behind for them alone, and for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from moderation.domain.desk import Skip
from moderation.domain.staff import Principal
from moderation.errors import UnknownComment
from moderation.services.rows import lock_comments

SKIP_FOR = timedelta(hours=1)

MAX_SKIPS = 500
"""Of one person at a time; beyond that the oldest come back."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Ids of comments, and of the clusters they were in."""

    comment_ids: tuple[str, ...] = ()
    cluster_ids: tuple[str, ...] = ()


def skip(session: Session, principal: Principal, comment_id: str, *, now: datetime) -> datetime:
    """Put a comment behind the others for this person; returns until when.

    Their claim on it ends. Skipping again prolongs it.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    comment = lock_comments(session, [comment_id]).get(comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    if comment.claimed_by == principal.key:
        comment.claimed_by = comment.claimed_name = comment.claim_expires_at = None
    # What has run out says nothing any more.
    session.execute(delete(Skip).where(Skip.actor == principal.key, Skip.expires_at <= now))
    row = session.get(Skip, (principal.key, comment_id)) or Skip(
        actor=principal.key, comment_id=comment_id
    )
    row.cluster_id, row.expires_at = comment.cluster_id, now + SKIP_FOR
    session.add(row)
    session.flush()
    return row.expires_at


def unskip(session: Session, principal: Principal, comment_id: str | None = None) -> None:
    """Take back what this person skipped: one comment, or all. Nothing skipped is fine."""
    statement = delete(Skip).where(Skip.actor == principal.key)
    if comment_id is not None:
        statement = statement.where(Skip.comment_id == comment_id)
    session.execute(statement)


def skipped_by(session: Session, principal: Principal, *, now: datetime) -> Skipped:
    """What a person has skipped and not yet come back to, the latest ``MAX_SKIPS``."""
    rows = session.execute(
        select(Skip.comment_id, Skip.cluster_id)
        .where(Skip.actor == principal.key, Skip.expires_at > now)
        .order_by(Skip.expires_at.desc())
        .limit(MAX_SKIPS)
    ).all()
    clusters = {row.cluster_id for row in rows if row.cluster_id is not None}
    return Skipped(tuple(row.comment_id for row in rows), tuple(sorted(clusters)))
