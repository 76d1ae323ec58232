"""What people keep at the desk: notes on comments, what they skipped, and saved views."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id


class CommentNote(Base):
    """What a moderator wrote about a comment, for colleagues only."""

    __tablename__ = "comment_notes"
    __table_args__ = (Index("ix_comment_notes_comment_id", "comment_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"))
    actor: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Skip(Base):
    """One person has put one comment behind the others until ``expires_at``.

    ``cluster_id`` is the cluster the comment was in: its near copies are skipped with it where they
    are gathered.
    """

    __tablename__ = "skips"
    __table_args__ = (Index("ix_skips_expires_at", "actor", "expires_at"),)

    actor: Mapped[str] = mapped_column(String(64), primary_key=True)
    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"), primary_key=True)
    cluster_id: Mapped[str | None] = mapped_column(Id)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SavedView(Base):
    """A filter with a name: ``query`` is its canonical query string.

    ``owner`` is a principal's key. A shared one is everybody's to use, its owner's to change.
    """

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(String(64))
    owner_name: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(Text)
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
