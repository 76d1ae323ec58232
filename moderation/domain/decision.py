"""Decisions: the audit trail of everything that changed a comment's state."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of


class Action(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    QUEUE = "queue"
    UNDO = "undo"
    EDIT = "edit"
    WITHDRAW = "withdraw"


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
