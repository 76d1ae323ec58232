"""Invitations: made by an administrator, accepted by whoever holds the link, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.invitation import (
    Invitation,
    invitation_token_hash,
    new_invitation_token,
)
from moderation.domain.staff import Principal, Role, Staff
from moderation.errors import AlreadyExists, Invalid, UnknownInvitation
from moderation.services import access, accounts, audit


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made, with what its link carries, which is told this once."""

    row: Invitation
    token: str


def invite(
    session: Session,
    by: Principal,
    *,
    email: str,
    role: Role,
    site_ids: Sequence[str] | None,
    now: datetime,
    lifetime: timedelta,
) -> NewInvitation:
    """Invite somebody; an earlier invitation of the same address stops counting.

    Raises:
        Invalid: no e-mail address, an unknown site.
        AlreadyExists: the address has an account, open or closed.
        BeyondYourSites: ``by`` does not work for all of these sites.
    """
    accounts.check_reach(by, site_ids)
    wrong: dict[str, list[str]] = {}
    if message := access.email_fault(email):
        wrong["email"] = [message]
    if message := access.unknown_sites(session, site_ids):
        wrong["site_ids"] = [message]
    if wrong:
        raise Invalid(errors=wrong)
    address = access.clean_email(email)
    if session.scalar(select(Staff.id).where(Staff.email == address)):
        raise AlreadyExists(f"{address} has an account already")
    session.execute(
        update(Invitation)
        .where(
            Invitation.email == address,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    token = new_invitation_token()
    row = Invitation(
        id=new_id(),
        email=address,
        role=role,
        site_ids=list(site_ids) if site_ids is not None else None,
        token_hash=invitation_token_hash(token),
        invited_by=by.name,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    audit.record(
        session, by, "staff.invited", "invitation", row.id, now=now, email=address, role=role
    )
    return NewInvitation(row, token)


def link_path(token: str) -> str:
    """What the link of an invitation consists of after the service's address."""
    return f"/desk/invitation?token={token}"


def find(session: Session, token: str, *, now: datetime) -> Invitation:
    """The open invitation behind a link. Raises UnknownInvitation."""
    row = session.scalars(
        select(Invitation).where(Invitation.token_hash == invitation_token_hash(token))
    ).one_or_none()
    return _open(row, now)


def find_for(session: Session, email: str, *, now: datetime) -> Invitation | None:
    """The open invitation of an address, if there is one."""
    address = access.clean_email(email)
    found = select(Invitation).where(
        Invitation.email == address,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > now,
    )
    return session.scalars(found.order_by(Invitation.created_at.desc())).first()


def accept(
    session: Session, invitation_id: str, *, name: str, password_hash: str, now: datetime
) -> Staff:
    """Make the account an open invitation describes; it is used up.

    Args:
        password_hash: made before this transaction, or ``passwords.NO_PASSWORD``.

    Raises:
        UnknownInvitation: it is no longer open.
        AlreadyExists: the address got an account in another way.
        Invalid: it is no name.
    """
    clean = accounts.clean_name(name)
    row = _open(session.get(Invitation, invitation_id, with_for_update=True), now)
    row.accepted_at = now
    staff = access.add_staff(
        session,
        email=row.email,
        password_hash=password_hash,
        role=Role(row.role),
        now=now,
        name=clean,
        site_ids=row.site_ids,
    )
    audit.record(
        session,
        access.principal_of(staff),
        "staff.joined",
        "staff",
        staff.id,
        now=now,
        invitation=row.id,
    )
    return staff


def list_open(session: Session, by: Principal, *, now: datetime) -> list[Invitation]:
    """Those that still can be accepted and that ``by`` may administer, the latest first."""
    found = session.scalars(
        select(Invitation)
        .where(
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
    )
    return [row for row in found if accounts.reaches(by, row.site_ids)]


def revoke(session: Session, by: Principal, invitation_id: str, *, now: datetime) -> Invitation:
    """Take an invitation back.

    Raises:
        UnknownInvitation: there is none, or it is no longer open.
        BeyondYourSites: it is about sites ``by`` does not work for.
    """
    row = _open(session.get(Invitation, invitation_id, with_for_update=True), now)
    accounts.check_reach(by, row.site_ids)
    row.revoked_at = now
    audit.record(
        session, by, "staff.invitation_revoked", "invitation", row.id, now=now, email=row.email
    )
    return row


def _open(row: Invitation | None, now: datetime) -> Invitation:
    if row is None or not row.is_open(now):
        raise UnknownInvitation("This invitation was used, taken back, or is too old")
    return row
