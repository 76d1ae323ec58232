"""Reports: what readers say against a comment that is public."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of


class ReportReason(StrEnum):
    """Why a reader reports a comment."""

    SPAM = "spam"
    INSULT = "insult"
    HATE = "hate"
    OBSCENE = "obscene"
    THREAT = "threat"
    PERSONAL_DATA = "personal_data"
    FALSE_CLAIM = "false_claim"
    ILLEGAL = "illegal"
    OFF_TOPIC = "off_topic"
    OTHER = "other"


class ReporterKind(StrEnum):
    GUEST = "guest"
    READER = "reader"


class Report(Base):
    """One reader's report of one comment; there is no second one.

    ``reporter`` is a reader's ``sub``, or a guest's pseudonym made of the network address. A report
    is open until a moderator has decided: ``decision_id`` names that decision, whose undoing opens
    the report again. ``Comment.report_count`` counts the open ones.
    """

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint(one_of("reason", ReportReason), name="reason"),
        CheckConstraint(one_of("reporter_kind", ReporterKind), name="reporter_kind"),
        Index("uq_reports_reporter", "comment_id", "reporter_kind", "reporter", unique=True),
        Index("ix_reports_created_at", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"))
    reporter_kind: Mapped[str] = mapped_column(String(10))
    reporter: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    decision_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
