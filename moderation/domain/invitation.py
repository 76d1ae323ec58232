"""Invitations: an account that waits for the person it is for."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of
from moderation.domain.staff import Role


class Invitation(Base):
    """Lets whoever holds its link make the account it describes, once.

    Only the SHA-256 of what the link carries is kept. ``site_ids`` None means every site.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(one_of("role", Role), name="role"),
        Index("ix_invitations_email", "email"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(10))
    site_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at


def new_invitation_token() -> str:
    """256 random bits; a plain hash is enough to keep them, there is nothing to guess."""
    return secrets.token_urlsafe(32)


def invitation_token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
