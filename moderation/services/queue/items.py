"""Comments with all that a moderator needs to decide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import Comment, Status
from moderation.domain.decision import Action, Decision
from moderation.domain.report import Report
from moderation.domain.score import Judgement
from moderation.domain.site import Article
from moderation.domain.staff import Principal
from moderation.errors import UnknownComment
from moderation.services.queue.copies import similar_counts


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """How an author has fared on their site so far."""

    approved: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who has passed a comment on to an admin, and what they said to that."""

    by: str | None
    note: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A comment with all that a moderator needs to decide it."""

    comment: Comment
    article: Article
    author: Author
    record: AuthorRecord
    judgement: Judgement | None
    similar_count: int
    """How many other comments that wait on this site are near-copies."""
    decision: Decision | None = None
    """What put the comment where it is: the last entry of its history, None before there is one."""
    escalation: Escalation | None = None
    """While it waits for an admin."""
    reports: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of open reports by readers; they sum up to ``comment.report_count``."""


def item(session: Session, principal: Principal, comment_id: str) -> QueueItem:
    """One comment, whatever its status.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    found = items(session, [comment_id])
    if not found or not principal.sees(found[0].comment.site_id):
        raise UnknownComment
    return found[0]


def items(session: Session, ids: Sequence[str]) -> list[QueueItem]:
    """The items of ``ids`` in that order, in a number of queries that does not grow with them.

    Whether the principal may see them is for the caller to know.
    """
    if not ids:
        return []
    rows = session.execute(
        select(Comment, Article, Author, Judgement, Decision)
        .join(Article, Article.id == Comment.article_id)
        .join(Author, Author.id == Comment.author_id)
        .outerjoin(Judgement, Judgement.id == Comment.judgement_id)
        .outerjoin(
            Decision,
            and_(Decision.comment_id == Comment.id, Decision.version == Comment.version),
        )
        .where(Comment.id.in_(ids))
    ).all()
    record_of = records(session, [row.Author.id for row in rows])
    alike = similar_counts(session, [row.Comment for row in rows])
    escalations = _escalations(session, [row.Comment for row in rows])
    reports = _reports(session, [row.Comment for row in rows])
    found = {
        row.Comment.id: QueueItem(
            comment=row.Comment,
            article=row.Article,
            author=row.Author,
            record=record_of.get(row.Author.id, AuthorRecord()),
            judgement=row.Judgement,
            similar_count=alike[row.Comment.id],
            decision=row.Decision,
            escalation=escalations.get(row.Comment.id),
            reports=reports.get(row.Comment.id, {}),
        )
        for row in rows
    }
    return [found[comment_id] for comment_id in ids if comment_id in found]


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


def _escalations(session: Session, comments: Sequence[Comment]) -> dict[str, Escalation]:
    ids = [comment.id for comment in comments if comment.escalated_at is not None]
    if not ids:
        return {}
    rows = session.scalars(
        select(Decision)
        .where(Decision.comment_id.in_(ids), Decision.action == Action.ESCALATE)
        .order_by(Decision.version)
    )
    return {row.comment_id: Escalation(row.actor_name, row.note, row.created_at) for row in rows}


def _reports(session: Session, comments: Sequence[Comment]) -> dict[str, dict[str, int]]:
    ids = [comment.id for comment in comments if comment.report_count]
    if not ids:
        return {}
    rows = session.execute(
        select(Report.comment_id, Report.reason, func.count())
        .where(Report.comment_id.in_(ids), Report.decision_id.is_(None))
        .group_by(Report.comment_id, Report.reason)
        .order_by(func.count().desc(), Report.reason)
    )
    found: dict[str, dict[str, int]] = {}
    for comment_id, reason, number in rows:
        found.setdefault(comment_id, {})[reason] = number
    return found
