"""Judgements: what the models said of one version of a comment, and what the policy made of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id
from moderation.labels import LABELS


class Judgement(Base):
    """One judging of a comment. Never changed afterwards; a new judging is a new row.

    The seven scores are probabilities in 0..1, or all empty when the comment could not be scored.
    """

    __tablename__ = "judgements"
    __table_args__ = (
        Index("ix_judgements_comment_id", "comment_id"),
        Index(
            "ix_judgements_compares_with",
            "compares_with",
            sqlite_where=text("compares_with IS NOT NULL"),
            postgresql_where=text("compares_with IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"))
    comment_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    model_version: Mapped[str | None] = mapped_column(String(200))
    toxicity: Mapped[float | None]
    severe_toxicity: Mapped[float | None]
    obscene: Mapped[float | None]
    threat: Mapped[float | None]
    insult: Mapped[float | None]
    identity_attack: Mapped[float | None]
    spam: Mapped[float | None]

    # [start, end] pairs, half-open, in code points of the body in that version.
    spans: Mapped[list[list[int]]] = mapped_column(JSON, default=list, server_default=text("'[]'"))
    language: Mapped[str | None] = mapped_column(String(8))
    unsupported: Mapped[str | None] = mapped_column(String(20))
    # {"name", "value", "log_odds"} of each part that the spam score is the sum of.
    spam_parts: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list, server_default=text("'[]'")
    )

    action: Mapped[str] = mapped_column(String(10))
    rule: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[str]] = mapped_column(JSON)
    thresholds: Mapped[dict[str, Any]] = mapped_column(JSON)
    policy: Mapped[str] = mapped_column(String(64))
    policy_version: Mapped[str] = mapped_column(String(100))

    # Set where this was made to compare models: the judgement of the same text that it stands
    # beside. No comment follows such a judgement, and no decision was made on it.
    compares_with: Mapped[str | None] = mapped_column(Id)

    @property
    def scores(self) -> dict[str, float] | None:
        """Label -> probability, or None when there was no scoring."""
        if self.model_version is None:
            return None
        return {label: getattr(self, label) for label in LABELS}
