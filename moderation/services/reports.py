"""Readers' reports: taking them in, and dealing with them along with a moderator's decision.

A comment stays public while it is reported. Its ``report_count`` counts the open reports: it grows
with each new one and is 0 again once a moderator has approved, kept or rejected the comment.
Undoing that decision opens them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status
from moderation.domain.decision import Action, Decision
from moderation.domain.report import Report, ReporterKind, ReportReason
from moderation.domain.site import Site
from moderation.errors import UnknownComment
from moderation.services.rows import MAX_IDS_A_QUERY, insert_if_absent

_SETTLE = (Action.APPROVE, Action.KEEP, Action.REJECT)


def report(
    session: Session,
    site: Site,
    comment_id: str,
    reporter: tuple[ReporterKind, str],
    reason: ReportReason,
    note: str | None = None,
    *,
    now: datetime,
) -> bool:
    """Take in a reader's report; False when they have reported this comment before.

    Args:
        reporter: kind and identity: a reader's ``sub``, or a guest's pseudonym.

    Raises:
        UnknownComment: this site has no such comment, or it is not public.
    """
    public = (
        Comment.id == comment_id,
        Comment.site_id == site.id,
        Comment.status == Status.APPROVED,
    )
    if session.scalar(select(Comment.id).where(*public)) is None:
        raise UnknownComment
    kind, identity = reporter
    is_new = insert_if_absent(
        session,
        Report,
        {
            "id": new_id(),
            "comment_id": comment_id,
            "reporter_kind": kind,
            "reporter": identity,
            "reason": reason,
            "note": note,
            "decision_id": None,
            "created_at": now,
        },
        unique=("comment_id", "reporter_kind", "reporter"),
    )
    if is_new:
        # Waits for whoever decides the comment just now, and then looks at it again.
        counted = session.execute(
            update(Comment)
            .where(*public)
            .values(report_count=Comment.report_count + 1)
            .execution_options(synchronize_session=False)
        )
        if counted.rowcount != 1:
            raise UnknownComment
    return is_new


def settle(session: Session, decided: Sequence[tuple[Comment, Decision]]) -> None:
    """Deal with the open reports of comments, locked by this transaction, that moderators decided.

    An undo opens again what the decision it undoes had dealt with. An undo of an undo deals with
    what that one had opened.
    """
    undone = {decision.undoes for _, decision in decided if decision.undoes is not None}
    undos = _undos(session, undone)
    opened = _settled_by(session, undone)
    for comment, decision in decided:
        if decision.undoes in opened:
            session.execute(
                update(Report)
                .where(Report.comment_id == comment.id, Report.decision_id == decision.undoes)
                .values(decision_id=None)
            )
            comment.report_count += opened[decision.undoes]
        elif comment.report_count and (decision.action in _SETTLE or decision.undoes in undos):
            session.execute(
                update(Report)
                .where(Report.comment_id == comment.id, Report.decision_id.is_(None))
                .values(decision_id=decision.id)
            )
            comment.report_count = 0


def of_comment(session: Session, comment_id: str, *, limit: int = 100) -> list[Report]:
    """Reports of one comment, open ones and those dealt with, the latest first."""
    return list(
        session.scalars(
            select(Report)
            .where(Report.comment_id == comment_id)
            .order_by(Report.created_at.desc(), Report.id.desc())
            .limit(limit)
        )
    )


def _undos(session: Session, decision_ids: set[str]) -> set[str]:
    """Those of the decisions that are undos themselves."""
    found: set[str] = set()
    for some in _parts(decision_ids):
        undo = Decision.action == Action.UNDO
        found.update(session.scalars(select(Decision.id).where(Decision.id.in_(some), undo)))
    return found


def _settled_by(session: Session, decision_ids: set[str]) -> dict[str, int]:
    """Decision -> number of reports it has dealt with; those with none are left out."""
    found: dict[str, int] = {}
    for some in _parts(decision_ids):
        rows = session.execute(
            select(Report.decision_id, func.count())
            .join(Decision, Decision.comment_id == Report.comment_id)
            .where(Decision.id.in_(some), Report.decision_id == Decision.id)
            .group_by(Report.decision_id)
        )
        found.update(dict(rows.all()))
    return found


def _parts(ids: set[str]) -> list[list[str]]:
    wanted = sorted(ids)
    return [wanted[at : at + MAX_IDS_A_QUERY] for at in range(0, len(wanted), MAX_IDS_A_QUERY)]
