"""Sanctions: what moderators decided about an author, and which of it counts now.

Sanctions of different kinds stand beside each other, and the strictest that is in force counts. A
new one of a kind replaces the one of that kind that was in force. They end by being lifted, by
being replaced, or by themselves, when their time is over. No row is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    and_,
    or_,
)
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of


class SanctionKind(StrEnum):
    """From the mildest to the strictest."""

    TRUST = "trust"
    """Counts as somebody with enough approved comments."""
    ALWAYS_REVIEW = "always_review"
    """Every comment waits for a moderator, whatever the policy says."""
    SUSPEND = "suspend"
    """May not comment until a stated time."""
    BAN = "ban"
    """May not comment."""


BARRING = frozenset({SanctionKind.SUSPEND, SanctionKind.BAN})
"""Whom no comment and no edit is taken from."""

MAX_REASON_CHARS = 100
MAX_NOTE_CHARS = 2000

_STRICTNESS = {kind: place for place, kind in enumerate(SanctionKind)}


class Sanction(Base):
    """One sanction on one author: which, why, until when, by whom; and how it ended, if it did.

    ``reason`` is told to an author who is suspended or banned; ``note`` is for moderators alone.
    """

    __tablename__ = "sanctions"
    __table_args__ = (
        CheckConstraint(one_of("kind", SanctionKind), name="kind"),
        CheckConstraint("kind <> 'suspend' OR ends_at IS NOT NULL", name="suspended_until"),
        Index("ix_sanctions_author_id", "author_id", "id"),
        Index("ix_sanctions_kind", "kind", "author_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    author_id: Mapped[str] = mapped_column(Id, ForeignKey("authors.id"))
    kind: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(MAX_REASON_CHARS))
    note: Mapped[str | None] = mapped_column(Text)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    created_by_name: Mapped[str] = mapped_column(String(200))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(64))
    lifted_by_name: Mapped[str | None] = mapped_column(String(200))
    replaced_by: Mapped[str | None] = mapped_column(Id)

    def state(self, now: datetime) -> SanctionState:
        if self.lifted_at is not None:
            return SanctionState.LIFTED
        if self.replaced_by is not None:
            return SanctionState.REPLACED
        if self.ends_at is not None and self.ends_at <= now:
            return SanctionState.EXPIRED
        return SanctionState.IN_FORCE


class SanctionState(StrEnum):
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    REPLACED = "replaced"
    LIFTED = "lifted"


class AuthorNote(Base):
    """What a moderator wrote down about an author, for colleagues; the author never sees it."""

    __tablename__ = "author_notes"
    __table_args__ = (Index("ix_author_notes_author_id", "author_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    author_id: Mapped[str] = mapped_column(Id, ForeignKey("authors.id"))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    created_by_name: Mapped[str] = mapped_column(String(200))


@dataclass(frozen=True, slots=True)
class Standing:
    """The sanction that counts for an author; ``ends_at`` None: until it is lifted."""

    sanction_id: str
    kind: SanctionKind
    ends_at: datetime | None
    reason: str


def summary(sanctions: Iterable[Sanction], now: datetime) -> list[dict[str, Any]] | None:
    """What of ``sanctions`` is in force, as the author's row keeps it; None when nothing is.

    Strictest first: so whoever has the row knows at any later time what counts then.
    """
    held = sorted(
        (s for s in sanctions if s.state(now) is SanctionState.IN_FORCE),
        key=lambda s: -_STRICTNESS[SanctionKind(s.kind)],
    )
    return [
        {
            "id": sanction.id,
            "kind": str(sanction.kind),
            "ends_at": sanction.ends_at.isoformat() if sanction.ends_at else None,
            "reason": sanction.reason,
        }
        for sanction in held
    ] or None


def standing(kept: Sequence[Mapping[str, Any]] | None, now: datetime) -> Standing | None:
    """What counts at ``now``, of what :func:`summary` made; None for an author like any other."""
    for one in kept or ():
        ends_at = datetime.fromisoformat(one["ends_at"]) if one["ends_at"] else None
        if ends_at is None or ends_at > now:
            return Standing(one["id"], SanctionKind(one["kind"]), ends_at, one["reason"])
    return None


def are_in_force(now: datetime) -> ColumnElement[bool]:
    """The condition that a row of ``sanctions`` counts at ``now``."""
    return and_(
        Sanction.lifted_at.is_(None),
        Sanction.replaced_by.is_(None),
        or_(Sanction.ends_at.is_(None), Sanction.ends_at > now),
    )


def stricter_than(kind: SanctionKind) -> list[SanctionKind]:
    return [other for other in SanctionKind if _STRICTNESS[other] > _STRICTNESS[kind]]
