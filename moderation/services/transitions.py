"""The one place where a comment's status changes: with its decision and the public counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status, is_legal
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.site import Article
from moderation.services import reports, spam_feedback


@dataclass(frozen=True, slots=True)
class By:
    """Who changes a status, and what they say about it."""

    kind: DecidedBy
    actor: str | None = None
    actor_name: str | None = None
    reason: str | None = None
    note: str | None = None
    batch_id: str | None = None


@dataclass(slots=True)
class Transitions:
    """Moves of one transaction; what they do to public counts is summed up per article."""

    session: Session
    now: datetime
    _count_changes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _said: list[tuple[Comment, Decision]] = field(default_factory=list)

    def move(
        self,
        comment: Comment,
        to: Status,
        action: Action,
        by: By,
        *,
        undoes: str | None = None,
        judgement_id: str | None = None,
        escalated_at: datetime | None = None,
    ) -> Decision:
        """Move a comment that this transaction has locked.

        Args:
            escalated_at: since when it waits for an admin afterwards, if it does.

        Raises:
            ValueError: the move is not legal; the caller should have refused it with reasons.
        """
        before = Status(comment.status)
        if not is_legal(before, to):
            raise ValueError(f"comment {comment.id}: no way from {before} to {to}")
        comment.status = to
        comment.version += 1
        comment.escalated_at = escalated_at
        comment.claimed_by = comment.claimed_name = comment.claim_expires_at = None
        decision = Decision(
            id=new_id(),
            comment_id=comment.id,
            action=action,
            decided_by=by.kind,
            actor=by.actor,
            actor_name=by.actor_name,
            previous_status=before,
            status=to,
            version=comment.version,
            reason=by.reason,
            note=by.note,
            batch_id=by.batch_id,
            undoes=undoes,
            judgement_id=judgement_id or comment.judgement_id,
            created_at=self.now,
        )
        self.session.add(decision)
        if by.kind is DecidedBy.MODERATOR:
            self._said.append((comment, decision))
        change = (to is Status.APPROVED) - (before is Status.APPROVED)
        if change:
            self._count_changes[comment.article_id] += change
        return decision

    def write_what_was_said(self) -> None:
        spam_feedback.learn(self.session, self._said)
        reports.settle(self.session, self._said)
        self._said.clear()

    def write_counts(self) -> None:
        # In the order of ids: two transactions that share articles then wait, never deadlock.
        for article_id, change in sorted(self._count_changes.items()):
            self.session.execute(
                update(Article)
                .where(Article.id == article_id)
                .values(
                    approved_count=Article.approved_count + change,
                    public_version=Article.public_version + 1,
                )
                .execution_options(synchronize_session=False)
            )
        self._count_changes.clear()


@contextmanager
def transitions(session: Session, now: datetime) -> Iterator[Transitions]:
    """Collect moves; on the way out write the decisions and what they lead to.

    That is the public counts, and what moderators have said about spam and about readers' reports.
    """
    moves = Transitions(session, now)
    yield moves
    session.flush()
    moves.write_what_was_said()
    moves.write_counts()
