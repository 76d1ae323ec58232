"""Authors: readers signed in with the publisher, and guests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of


class AuthorKind(StrEnum):
    GUEST = "guest"
    READER = "reader"


class Author(Base):
    """Someone who comments on one site.

    ``identity`` is a reader's ``sub``, or a guest's pseudonym made of name and network address:
    enough to recognise a guest who posts again, without keeping the address.
    """

    __tablename__ = "authors"
    __table_args__ = (
        UniqueConstraint("site_id", "kind", "identity"),
        CheckConstraint(one_of("kind", AuthorKind), name="kind"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"))
    kind: Mapped[str] = mapped_column(String(10))
    identity: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(320))
    picture: Mapped[str | None] = mapped_column(String(2048))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs a comment, before there is a row for them."""

    kind: AuthorKind
    identity: str
    name: str
    email: str | None = None
    picture: str | None = None
