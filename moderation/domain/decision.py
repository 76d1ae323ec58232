"""Decisions: the audit trail of everything that changed a comment's state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of, only_where


class Action(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    QUEUE = "queue"
    UNDO = "undo"
    EDIT = "edit"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    """Stays queued, for an admin."""
    SEND_BACK = "send_back"
    """By an admin: stays queued, for any moderator again."""
    KEEP = "keep"
    """Stays approved, in spite of reports."""


class DecidedBy(StrEnum):
    POLICY = "policy"
    MODERATOR = "moderator"
    AUTHOR = "author"


IS_VERDICT = "status IN ('approved', 'rejected')"
"""SQL of the condition that a decision left its comment approved or rejected."""


class Decision(Base):
    """One change of a comment's state: who, when, why, from what to what. Only ever added.

    ``version`` is the comment's version after it: undoing is possible while that is still so.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint(one_of("action", Action), name="action"),
        CheckConstraint(one_of("decided_by", DecidedBy), name="decided_by"),
        # One decision per version, held by the database itself.
        Index("uq_decisions_comment_version", "comment_id", "version", unique=True),
        Index("ix_decisions_created_at", "created_at", "id"),
        # The last verdicts, however many comments were put in the queue since.
        Index(
            "ix_decisions_verdicts",
            "created_at",
            "id",
            sqlite_where=text(IS_VERDICT),
            postgresql_where=text(IS_VERDICT),
        ),
        Index("ix_decisions_actor", "actor", "created_at", "id", **only_where("actor IS NOT NULL")),
        Index("ix_decisions_batch_id", "batch_id", **only_where("batch_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"))
    action: Mapped[str] = mapped_column(String(10))
    decided_by: Mapped[str] = mapped_column(String(10))
    actor: Mapped[str | None] = mapped_column(String(64))
    actor_name: Mapped[str | None] = mapped_column(String(200))
    previous_status: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    reason: Mapped[str | None] = mapped_column(String(100))
    note: Mapped[str | None] = mapped_column(Text)
    batch_id: Mapped[str | None] = mapped_column(Id)
    undoes: Mapped[str | None] = mapped_column(Id)
    judgement_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def escalated_before(history: Iterable[Decision], undone: Decision) -> datetime | None:
    """Since when a comment had been waiting for an admin before the decision ``undone``.

    Args:
        history: all its decisions, in the order of their versions.
    """
    before: dict[str, datetime | None] = {}
    since: datetime | None = None
    for decision in history:
        before[decision.id] = since
        if decision.action == Action.UNDO:
            since = before.get(decision.undoes or "")
        else:
            since = decision.created_at if decision.action == Action.ESCALATE else None
    return before.get(undone.id)
