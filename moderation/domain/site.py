"""Sites and their articles: where comments belong and under which rules they are taken."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of
from moderation.domain.reason import Reason, listed

DEMO_SITE_KEY = "demo"
"""Key of the site whose comments stand under the article at `/demo`."""

DEMO_ARTICLE_ID = "winter-ferry"


class ArticleState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Site(Base):
    """A publication: who may post there, from which pages, and under which policy preset."""

    __tablename__ = "sites"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    site_key: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_sso_secret: Mapped[str] = mapped_column(Text)
    origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    policy: Mapped[str] = mapped_column(String(64), default="strict")
    guests_allowed: Mapped[bool] = mapped_column(default=True)
    creates_articles: Mapped[bool] = mapped_column(default=True)
    edit_window_s: Mapped[int]
    reasons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    """For rejecting, as `reason.py` stores them; None: the defaults."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def listed_reasons(self) -> tuple[Reason, ...]:
        """What a moderator may pick from when rejecting here, in order."""
        return listed(self.reasons)


class Article(Base):
    """One article of a site, known outside by ``external_id``.

    ``approved_count`` is the public count; it changes only together with a comment's status, in
    the same transaction. ``public_version`` grows with every change a reader could see.
    """

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("site_id", "external_id"),
        CheckConstraint(one_of("state", ArticleState), name="state"),
        CheckConstraint("approved_count >= 0", name="approved_count"),
        # The desk's list, newest first.
        Index("ix_articles_created_at", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"))
    external_id: Mapped[str] = mapped_column(String(255))
    url: Mapped[str | None] = mapped_column(String(2048))
    title: Mapped[str | None] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10), default=ArticleState.OPEN)
    policy: Mapped[str | None] = mapped_column(String(64))
    approved_count: Mapped[int] = mapped_column(default=0)
    public_version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def new_site_key() -> str:
    """Public: it stands in the publisher's pages and only says which site is meant."""
    return f"site_{secrets.token_hex(12)}"


def new_sso_secret() -> str:
    """256 bits for HS256, as RFC 7518 section 3.2 asks."""
    return secrets.token_hex(32)
