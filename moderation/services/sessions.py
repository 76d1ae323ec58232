"""Sessions at the desk: begun by signing in, carried by a cookie, ended by hand or by time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.staff import Principal, Role, Staff
from moderation.domain.staff_session import StaffSession
from moderation.errors import ExpiredToken, InvalidToken, UnknownSession
from moderation.services import access

SEEN_EVERY = timedelta(minutes=1)
"""When a session was last seen is noted at most this often: reading must not write each time."""

MAX_USER_AGENT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives: unused, and at the longest."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the desk, and in which session."""

    principal: Principal
    session_id: str
    staff_id: str
    email: str
    name: str
    role: Role
    preferences: Mapping[str, Any]
    to_be_noted: bool
    """Whether it is time to call :func:`note_seen`."""


def start(session: Session, staff: Staff, *, now: datetime, user_agent: str | None) -> str:
    """Begin a session; returns what the browser is to hold, 256 random bits, told this once."""
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            id=new_id(),
            staff_id=staff.id,
            token_hash=_hash(token),
            user_agent=user_agent[:MAX_USER_AGENT_CHARS] if user_agent else None,
            created_at=now,
            last_seen_at=now,
        )
    )
    return token


def authenticate(session: Session, token: str, *, now: datetime, lifetime: Lifetime) -> SignedIn:
    """Who holds ``token``; only reads.

    Raises:
        InvalidToken: unknown, ended, or of a closed account.
        ExpiredToken: unused for too long, or too old.
    """
    found = session.execute(
        select(StaffSession, Staff)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.token_hash == _hash(token))
    ).one_or_none()
    if found is None or found.StaffSession.ended_at is not None or not found.Staff.is_active:
        raise InvalidToken("This session has ended; sign in again")
    row, staff = found
    if now >= min(row.last_seen_at + lifetime.idle, row.created_at + lifetime.longest):
        raise ExpiredToken("This session has expired; sign in again")
    return SignedIn(
        principal=access.principal_of(staff),
        session_id=row.id,
        staff_id=staff.id,
        email=staff.email,
        name=staff.name,
        role=Role(staff.role),
        preferences=dict(staff.preferences),
        to_be_noted=now - row.last_seen_at >= SEEN_EVERY,
    )


def note_seen(session: Session, session_id: str, *, now: datetime) -> None:
    session.get_one(StaffSession, session_id).last_seen_at = now


def alive(
    session: Session, staff_id: str, *, now: datetime, lifetime: Lifetime
) -> list[StaffSession]:
    """Somebody's sessions that still let them in, the last used first."""
    return list(
        session.scalars(
            select(StaffSession)
            .where(
                StaffSession.staff_id == staff_id,
                StaffSession.ended_at.is_(None),
                StaffSession.last_seen_at > now - lifetime.idle,
                StaffSession.created_at > now - lifetime.longest,
            )
            .order_by(StaffSession.last_seen_at.desc(), StaffSession.id.desc())
        )
    )


def last_seen(session: Session) -> dict[str, datetime]:
    """When each of the staff was last at the desk; who never was is missing."""
    found = select(
        StaffSession.staff_id, func.max(StaffSession.last_seen_at).label("seen_at")
    ).group_by(StaffSession.staff_id)
    return {row.staff_id: row.seen_at for row in session.execute(found)}


def end(session: Session, session_id: str, *, now: datetime, staff_id: str | None = None) -> None:
    """End a session; doing so twice is fine.

    Raises:
        UnknownSession: there is none, or it is not of ``staff_id`` where that is given.
    """
    row = session.get(StaffSession, session_id)
    if row is None or staff_id not in (None, row.staff_id):
        raise UnknownSession(f"There is no session with the id {session_id!r}")
    row.ended_at = row.ended_at or now


def end_by_token(session: Session, token: str, *, now: datetime) -> None:
    """End the session a browser holds, if there is one."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == _hash(token), StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_all(session: Session, staff_id: str, *, now: datetime, but: str | None = None) -> int:
    """End all of somebody's sessions, but for the one with the id ``but``; returns how many."""
    ending = (
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    return session.execute(ending.where(StaffSession.id != but) if but else ending).rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
