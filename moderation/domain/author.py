"""Authors: readers signed in with the publisher, and guests."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of
from moderation.domain.sanction import Standing, standing

MAX_NAME_KEY_CHARS = 300


class AuthorKind(StrEnum):
    GUEST = "guest"
    READER = "reader"


class Author(Base):
    """Someone who comments on one site.

    ``identity`` is a reader's ``sub``, or a guest's pseudonym made of name and network address:
    enough to recognise a guest who posts again, without keeping the address. ``sanctions`` is what
    :func:`moderation.domain.sanction.summary` says of the table of that name, so that whoever has
    the row needs no other; None for nearly everybody.
    """

    __tablename__ = "authors"
    __table_args__ = (
        UniqueConstraint("site_id", "kind", "identity"),
        CheckConstraint(one_of("kind", AuthorKind), name="kind"),
        Index("ix_authors_name_key", "name_key", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"))
    kind: Mapped[str] = mapped_column(String(10))
    identity: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(320))
    picture: Mapped[str | None] = mapped_column(String(2048))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    name_key: Mapped[str] = mapped_column(
        # By code points on every database: only so does a range of keys find a beginning.
        String(MAX_NAME_KEY_CHARS).with_variant(
            String(MAX_NAME_KEY_CHARS, collation="C"), "postgresql"
        ),
        default=lambda context: name_key(context.get_current_parameters()["name"]),
    )
    sanctions: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))

    def standing(self, now: datetime) -> Standing | None:
        """The sanction that counts at ``now``; None for an author like any other."""
        return standing(self.sanctions, now)


def name_key(name: str) -> str:
    """What a name is sorted and looked for by: upper and lower case are the same."""
    return unicodedata.normalize("NFC", name.casefold())[:MAX_NAME_KEY_CHARS]


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs a comment, before there is a row for them."""

    kind: AuthorKind
    identity: str
    name: str
    email: str | None = None
    picture: str | None = None
