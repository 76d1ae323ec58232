"""What has happened to a comment, in one line of time: decisions, notes and readers' reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.desk import CommentNote
from moderation.domain.report import Report
from moderation.domain.staff import Principal
from moderation.services import reports, review
from moderation.services.review import HistoryEntry

MAX_NOTES = 100


class Kind(StrEnum):
    DECISION = "decision"
    NOTE = "note"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; of ``decision``, ``note`` and ``report`` the one that it is."""

    at: datetime
    kind: Kind
    decision: HistoryEntry | None = None
    """With its judgement. Escalating, sending back, keeping and undoing are decisions too."""
    note: CommentNote | None = None
    report: Report | None = None
    """Dealt with where it has a ``decision_id``."""


def timeline(session: Session, principal: Principal, comment_id: str) -> list[Event]:
    """All decisions about a comment, the latest notes and reports, first to last.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    events = [
        Event(entry.decision.created_at, Kind.DECISION, decision=entry)
        for entry in review.history(session, principal, comment_id)
    ]
    notes = session.scalars(
        select(CommentNote)
        .where(CommentNote.comment_id == comment_id)
        .order_by(CommentNote.created_at.desc(), CommentNote.id.desc())
        .limit(MAX_NOTES)
    )
    events += [Event(note.created_at, Kind.NOTE, note=note) for note in notes.all()[::-1]]
    events += [
        Event(report.created_at, Kind.REPORT, report=report)
        for report in reports.of_comment(session, comment_id)[::-1]
    ]
    return sorted(events, key=lambda event: event.at)
