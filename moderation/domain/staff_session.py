"""Sessions of staff at the desk: one row a sign-in, so that each can be listed and ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id


class StaffSession(Base):
    """Somebody signed in with one browser. Only the SHA-256 of what the browser holds is kept."""

    __tablename__ = "staff_sessions"
    __table_args__ = (Index("ix_staff_sessions_staff_id", "staff_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    staff_id: Mapped[str] = mapped_column(Id, ForeignKey("staff.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_agent: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
