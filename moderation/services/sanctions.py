"""Sanctions on authors: imposing one, lifting it, and what they mean for who wants to comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.base import new_id
from moderation.domain.sanction import (
    BARRING,
    MAX_NOTE_CHARS,
    MAX_REASON_CHARS,
    Sanction,
    SanctionKind,
    SanctionState,
    are_in_force,
    standing,
    summary,
)
from moderation.domain.staff import Principal
from moderation.domain.text import InvalidText, clean_line, clean_note
from moderation.errors import (
    AuthorBanned,
    AuthorSuspended,
    Invalid,
    UnknownAuthor,
    UnknownSanction,
)
from moderation.services import audit

MAX_TERM = timedelta(days=3660)
"""The longest time a sanction may be given; longer than that is for ever."""

ACT: Mapping[SanctionKind, str] = {
    SanctionKind.TRUST: "author.trusted",
    SanctionKind.ALWAYS_REVIEW: "author.put_on_review",
    SanctionKind.SUSPEND: "author.suspended",
    SanctionKind.BAN: "author.banned",
}
"""Words of the audit log."""
LIFTED = "author.sanction_lifted"


def refuse_barred(kept: Sequence[Mapping[str, Any]] | None, now: datetime) -> None:
    """Let pass whoever may comment, by the ``sanctions`` of the author's row.

    Raises:
        AuthorSuspended, AuthorBanned: with the reason, in words for the reader.
    """
    counts = standing(kept, now)
    if counts is None or counts.kind not in BARRING:
        return
    if counts.ends_at is None:
        raise AuthorBanned(f"You cannot comment here any more. Reason: {counts.reason}")
    detail = f"You cannot comment here until {_told(counts.ends_at)}. Reason: {counts.reason}"
    if counts.kind is SanctionKind.BAN:
        raise AuthorBanned(detail)
    raise AuthorSuspended(detail, until=counts.ends_at)


def find_author(
    session: Session, principal: Principal, author_id: str, *, lock: bool = False
) -> Author:
    """Raises UnknownAuthor: there is none, or not on a site this principal sees."""
    author = session.get(Author, author_id, with_for_update=True if lock else None)
    if author is None or not principal.sees(author.site_id):
        raise UnknownAuthor
    return author


def impose(
    session: Session,
    principal: Principal,
    author_id: str,
    kind: SanctionKind,
    *,
    reason: str,
    now: datetime,
    ends_at: datetime | None = None,
    note: str | None = None,
) -> Sanction:
    """Put a sanction on an author. One of the same kind that is in force is replaced by it.

    Args:
        reason: told to the author where they are suspended or banned.
        ends_at: None means until it is lifted.
        note: for moderators alone.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
        Invalid: no usable reason, an end that is past or far off, a suspension without one.
    """
    author = find_author(session, principal, author_id, lock=True)
    wrong: dict[str, list[str]] = {}
    try:
        reason = clean_line(
            reason, MAX_REASON_CHARS, what="The reason", max_code_points=MAX_REASON_CHARS
        )
    except InvalidText as error:
        wrong["reason"] = [error.message]
    try:
        note = clean_note(note, MAX_NOTE_CHARS) if note and note.strip() else None
    except InvalidText as error:
        wrong["note"] = [error.message]
    if ends_at is None and kind is SanctionKind.SUSPEND:
        wrong["ends_at"] = ["A suspension needs an end."]
    elif ends_at is not None and not now < ends_at <= now + MAX_TERM:
        wrong["ends_at"] = ["Choose a time to come, within ten years."]
    if wrong:
        raise Invalid(errors=wrong)
    sanction = Sanction(
        id=new_id(),
        author_id=author.id,
        kind=kind,
        reason=reason,
        note=note,
        ends_at=ends_at,
        created_at=now,
        created_by=principal.key,
        created_by_name=principal.name,
    )
    held = _in_force(session, author, now)
    for older in held:
        if older.kind == kind:
            older.replaced_by = sanction.id
    session.add(sanction)
    author.sanctions = summary([*held, sanction], now)
    audit.record(
        session,
        principal,
        ACT[kind],
        "author",
        author.id,
        now=now,
        site_id=author.site_id,
        author=author.name,
        sanction_id=sanction.id,
        reason=reason,
        ends_at=ends_at.isoformat() if ends_at else None,
    )
    session.flush()
    return sanction


def lift(
    session: Session, principal: Principal, author_id: str, sanction_id: str, *, now: datetime
) -> Sanction:
    """End a sanction that is in force. Lifting one that is over changes nothing.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
        UnknownSanction: this author has no such sanction.
    """
    author = find_author(session, principal, author_id, lock=True)
    sanction = session.get(Sanction, sanction_id)
    if sanction is None or sanction.author_id != author.id:
        raise UnknownSanction
    if sanction.state(now) is not SanctionState.IN_FORCE:
        return sanction
    sanction.lifted_at = now
    sanction.lifted_by, sanction.lifted_by_name = principal.key, principal.name
    session.flush()
    author.sanctions = summary(_in_force(session, author, now), now)
    audit.record(
        session,
        principal,
        LIFTED,
        "author",
        author.id,
        now=now,
        site_id=author.site_id,
        author=author.name,
        sanction_id=sanction.id,
        kind=sanction.kind,
        reason=sanction.reason,
    )
    session.flush()
    return sanction


def history(session: Session, author_id: str) -> list[Sanction]:
    """Every sanction an author ever had, the latest first."""
    return list(
        session.scalars(
            select(Sanction).where(Sanction.author_id == author_id).order_by(Sanction.id.desc())
        )
    )


def _in_force(session: Session, author: Author, now: datetime) -> list[Sanction]:
    found = select(Sanction).where(Sanction.author_id == author.id, are_in_force(now))
    return list(session.scalars(found.execution_options(populate_existing=True)))


def _told(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
