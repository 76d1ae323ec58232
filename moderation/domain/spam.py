"""What the spam score remembers of comments besides their texts; nothing of it for long."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, one_of


class Feedback(StrEnum):
    """What a moderator's decision says of a comment and its near copies."""

    SPAM = "spam"
    HAM = "ham"


SPAM_REASON = "spam"
"""The reason of a rejection that makes it feedback; upper and lower case alike."""


def is_spam_reason(reason: str | None) -> bool:
    """Whether a rejection with this reason says that the comment is spam."""
    return reason is not None and reason.strip().casefold() == SPAM_REASON


class RecentPost(Base):
    """That a comment was posted: for as long as repetition and speed are looked at.

    ``address_key`` is a keyed hash of the network address, with which the address cannot be told
    without the installation's secret key; ``likeness`` is the cluster of near copies.
    """

    __tablename__ = "recent_posts"
    __table_args__ = (
        Index("ix_recent_posts_author_id", "author_id", "posted_at"),
        Index("ix_recent_posts_address_key", "address_key", "posted_at"),
        Index("ix_recent_posts_likeness", "site_id", "likeness", "posted_at"),
        Index("ix_recent_posts_posted_at", "posted_at"),
    )

    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"), primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    article_id: Mapped[str] = mapped_column(Id)
    author_id: Mapped[str] = mapped_column(Id)
    address_key: Mapped[str | None] = mapped_column(String(32))
    likeness: Mapped[str] = mapped_column(String(64))
    posted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SpamFeedback(Base):
    """The latest word of a moderator on whether a comment is spam; gone when it is undone.

    It is heard for comments of the same cluster (``likeness``) or with the same fingerprint.
    """

    __tablename__ = "spam_feedback"
    __table_args__ = (
        CheckConstraint(one_of("says", Feedback), name="says"),
        Index("ix_spam_feedback_likeness", "site_id", "likeness", "decided_at"),
        Index("ix_spam_feedback_fingerprint", "site_id", "fingerprint", "decided_at"),
        Index("ix_spam_feedback_decided_at", "decided_at"),
    )

    comment_id: Mapped[str] = mapped_column(Id, ForeignKey("comments.id"), primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    likeness: Mapped[str | None] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    says: Mapped[str] = mapped_column(String(4))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
