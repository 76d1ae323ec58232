"""Reading the audit log: the latest first, of a person or about a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.audit import AuditEntry
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.staff import Principal
from moderation.keyring import Keyring


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant; all that is set must apply."""

    actor: str | None = None
    """A principal's key."""
    subject_kind: str | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    items: list[AuditEntry]
    next_cursor: str | None


def page(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    wanted: AuditFilter,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> AuditPage:
    """One page, the latest first. Entries about sites this principal does not see are left out.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    listing = f"audit:{wanted.actor or ''}:{wanted.subject_kind or ''}:{wanted.subject_id or ''}"
    statement = _meant(principal, wanted)
    if cursor is not None:
        created_at, entry_id = decode_cursor(keyring, listing, cursor)
        statement = _before(statement, datetime.fromisoformat(str(created_at)), str(entry_id))
    rows = list(session.scalars(statement.limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    next_cursor = None
    if more:
        last = rows[-1]
        next_cursor = encode_cursor(keyring, listing, [last.created_at.isoformat(), last.id])
    return AuditPage(rows, next_cursor)


def every(
    read: Callable[[], AbstractContextManager[Session]],
    principal: Principal,
    wanted: AuditFilter,
    *,
    limit: int = 500,
) -> Iterator[AuditEntry]:
    """Every entry, in short transactions that ``read`` opens: any number takes the same memory."""
    after: tuple[datetime, str] | None = None
    while True:
        statement = _meant(principal, wanted)
        if after is not None:
            statement = _before(statement, *after)
        with read() as session:
            rows = list(session.scalars(statement.limit(limit)))
        yield from rows
        if len(rows) < limit:
            return
        after = (rows[-1].created_at, rows[-1].id)


def actors(session: Session, principal: Principal) -> dict[str, str]:
    """Key -> name of everybody who is in the log, by name; of several names one."""
    columns = (AuditEntry.actor, AuditEntry.actor_name)
    statement = _meant(principal, AuditFilter()).with_only_columns(*columns).order_by(None)
    rows = session.execute(statement.distinct()).all()
    by_name = sorted(rows, key=lambda row: row.actor_name.casefold())
    return {row.actor: row.actor_name for row in by_name}


def subject_kinds(session: Session, principal: Principal) -> list[str]:
    """What there are entries about."""
    statement = _meant(principal, AuditFilter()).with_only_columns(AuditEntry.subject_kind)
    return sorted(session.scalars(statement.order_by(None).distinct()))


def _meant(principal: Principal, wanted: AuditFilter) -> Select[tuple[AuditEntry]]:
    statement = select(AuditEntry).order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc())
    if principal.site_ids is not None:
        # What is about no site is about the whole installation.
        theirs = AuditEntry.site_id.in_(sorted(principal.site_ids))
        statement = statement.where(or_(AuditEntry.site_id.is_(None), theirs))
    for column, value in (
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.subject_kind, wanted.subject_kind),
        (AuditEntry.subject_id, wanted.subject_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    return statement


def _before(
    statement: Select[tuple[AuditEntry]], created_at: datetime, entry_id: str
) -> Select[tuple[AuditEntry]]:
    place = tuple_(AuditEntry.created_at, AuditEntry.id)
    return statement.where(place < (created_at, entry_id))
