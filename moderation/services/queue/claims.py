"""Claims: who looks at what. A courtesy that expires by itself; it hides and holds up nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from moderation.domain.comment import DECIDABLE, Comment, Status
from moderation.domain.queue import QueueFilter
from moderation.domain.staff import Principal, Scope
from moderation.errors import ClaimedByAnother, UnknownComment
from moderation.services.queue.filtering import question
from moderation.services.queue.items import QueueItem, items
from moderation.services.queue.paging import Walk
from moderation.services.rows import lock_comments


@dataclass(frozen=True, slots=True)
class Focus:
    """A comment somebody has just turned to, as it is now.

    ``version`` and ``status`` tell whether it is still what is on their screen.
    """

    comment_id: str
    status: Status
    version: int
    is_mine: bool
    """Whether the claim is now this person's."""
    holder: str | None
    """Name of whoever holds it; None where nobody can, because there is nothing to decide."""
    expires_at: datetime | None


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
    asked = question(session, principal, wanted, now=now, report_threshold=1)
    walk = Walk(session, principal, asked, limit=limit, extra=free)
    taken: list[Comment] = []
    for found in walk:
        # Others claim at the same time: what they have locked is theirs.
        comment = session.scalars(
            select(Comment)
            .where(Comment.id == found.comment_id, *asked.view, free)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if comment is not None:
            _hold(comment, principal, now + timedelta(seconds=claim_s))
            taken.append(comment)
        if len(taken) == limit:
            break
    session.flush()
    return items(session, [comment.id for comment in taken])


def focus(
    session: Session,
    principal: Principal,
    comment_id: str,
    *,
    now: datetime,
    claim_s: int,
    leave: str | None = None,
) -> Focus:
    """Turn to one comment: claim it, or renew the claim, unless somebody else holds it.

    ``leave`` is another that they turn away from; their claim on it ends.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    # Both at once: two who change places would otherwise wait for each other.
    locked = lock_comments(session, [comment_id, *([leave] if leave else [])])
    comment, left = locked.get(comment_id), locked.get(leave or "")
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    if left is not None and left is not comment and left.claimed_by == principal.key:
        _let_go(left)
    is_open = comment.status in DECIDABLE
    if is_open and (comment.claimed_by == principal.key or not is_held(comment, now)):
        _hold(comment, principal, now + timedelta(seconds=claim_s))
    held = is_held(comment, now)
    return Focus(
        comment_id=comment.id,
        status=Status(comment.status),
        version=comment.version,
        is_mine=held and comment.claimed_by == principal.key,
        holder=comment.claimed_name if held else None,
        expires_at=comment.claim_expires_at if held else None,
    )


def release(session: Session, principal: Principal, comment_id: str, *, now: datetime) -> None:
    """Give a claim back. Giving back what nobody holds is fine.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
        ClaimedByAnother: somebody else holds it; only an admin may take it from them.
    """
    comment = lock_comments(session, [comment_id]).get(comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    if (
        is_held(comment, now)
        and comment.claimed_by != principal.key
        and not principal.may(Scope.ADMIN)
    ):
        raise ClaimedByAnother(f"{comment.claimed_name} holds this comment for now")
    _let_go(comment)


def is_held(comment: Comment, now: datetime) -> bool:
    """Whether anybody's claim on the comment is in force."""
    return comment.claim_expires_at is not None and comment.claim_expires_at > now


def _hold(comment: Comment, principal: Principal, until: datetime) -> None:
    comment.claimed_by, comment.claimed_name = principal.key, principal.name
    comment.claim_expires_at = until


def _let_go(comment: Comment) -> None:
    comment.claimed_by = comment.claimed_name = comment.claim_expires_at = None
