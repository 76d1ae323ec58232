"""Staff, API tokens, and the principal a request acts as."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of


class Role(StrEnum):
    MODERATOR = "moderator"
    ADMIN = "admin"


class Scope(StrEnum):
    QUEUE = "queue"
    DECISIONS = "decisions"
    WEBHOOKS = "webhooks"
    SITES = "sites"
    COMPAT = "compat"
    EXPORT = "export"
    ADMIN = "admin"


ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.MODERATOR: frozenset({Scope.QUEUE, Scope.DECISIONS}),
    Role.ADMIN: frozenset(Scope),
}
"""The most that a token of somebody with this role may carry."""

TOKEN_PREFIX = "mod_"


class Staff(Base):
    """A member of staff. ``site_ids`` None means every site, now and later."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint(one_of("role", Role), name="role"),
        Index("ix_staff_identity", "identity", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    password_hash: Mapped[str] = mapped_column(String(255))
    password_is_one_time: Mapped[bool] = mapped_column(default=False)
    site_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    is_active: Mapped[bool] = mapped_column(default=True)
    # How the desk is to be for them: "language", "time_zone" and the like; what is not there is
    # as it is for everybody.
    preferences: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default=text("'{}'")
    )
    # Who they are at the identity provider, once they signed in there: "ISSUER SUBJECT".
    identity: Mapped[str | None] = mapped_column(String(800))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiToken(Base):
    """A bearer token; only its SHA-256 is kept. It acts for a member of staff, or as itself."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    staff_id: Mapped[str | None] = mapped_column(Id, ForeignKey("staff.id"))
    site_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Given for a password, so that it ends when that is changed.
    by_sign_in: Mapped[bool] = mapped_column(default=False, server_default=false())


def new_token() -> str:
    """256 random bits; a plain hash is enough to keep them, there is nothing to guess."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a staff request acts as, and what they may do where.

    ``key`` is stable and goes into claims and decisions: ``staff:ID`` or ``token:ID``.
    """

    key: str
    name: str
    scopes: frozenset[Scope]
    site_ids: frozenset[str] | None = None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, site_id: str) -> bool:
        return self.site_ids is None or site_id in self.site_ids


OPERATOR = Principal("operator", "Command line", frozenset(Scope))
"""Whoever has a shell on this installation."""
