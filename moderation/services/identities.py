"""Signing in through an identity provider: which of our accounts its word is good for.

Whoever the provider vouches for gets in with an account or an open invitation of their address;
strangers only where the installation names their domain. Once somebody came in this way, their
account belongs to that identity: an address given to another person later does not open it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.staff import Principal, Role, Staff
from moderation.errors import IdentityRefused
from moderation.services import access, audit, invitations, passwords


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider says of somebody who just signed in there (OpenID Connect Core, 5.1)."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None = None

    @property
    def key(self) -> str:
        """The one thing that never means somebody else: issuer and subject."""
        return f"{self.issuer} {self.subject}"


def admit(
    session: Session, identity: Identity, *, new_staff_domains: Collection[str], now: datetime
) -> Staff:
    """The account that ``identity`` opens, made now from an invitation where there is one.

    Args:
        new_staff_domains: addresses of these become moderators of all sites without being invited.

    Raises:
        IdentityRefused: no account for them here, it is closed, belongs to another identity, or
            the provider does not vouch for the address.
    """
    known = session.scalars(select(Staff).where(Staff.identity == identity.key)).one_or_none()
    if known is not None:
        return _open(known)
    if not identity.email or access.email_fault(identity.email):
        raise IdentityRefused("The identity provider told no e-mail address")
    if not identity.email_verified:
        raise IdentityRefused("The identity provider has not verified the e-mail address")
    address = access.clean_email(identity.email)
    staff = session.scalars(
        select(Staff).where(Staff.email == address).with_for_update()
    ).one_or_none()
    if staff is None:
        staff = _new_account(session, identity, address, new_staff_domains, now)
    elif staff.identity is not None and staff.identity.startswith(f"{identity.issuer} "):
        raise IdentityRefused(f"The account of {address} belongs to somebody else there")
    _open(staff).identity = identity.key
    audit.record(
        session, access.principal_of(staff), "staff.identity_bound", "staff", staff.id, now=now
    )
    return staff


def unbind(session: Session, by: Principal, staff: Staff, *, now: datetime) -> None:
    """Let the account be opened by whoever next has its address at the provider."""
    if staff.identity is not None:
        staff.identity = None
        audit.record(session, by, "staff.identity_forgotten", "staff", staff.id, now=now)


def _new_account(
    session: Session,
    identity: Identity,
    address: str,
    new_staff_domains: Collection[str],
    now: datetime,
) -> Staff:
    told = "".join(c for c in identity.name or "" if c.isprintable() or c.isspace())
    name = " ".join(told.split()) or address.partition("@")[0]
    name = name[: access.MAX_NAME_CODE_POINTS]
    if invitation := invitations.find_for(session, address, now=now):
        return invitations.accept(
            session, invitation.id, name=name, password_hash=passwords.NO_PASSWORD, now=now
        )
    if address.rpartition("@")[2] not in new_staff_domains:
        raise IdentityRefused(f"{address} has neither an account nor an invitation here")
    staff = access.add_staff(
        session,
        email=address,
        password_hash=passwords.NO_PASSWORD,
        role=Role.MODERATOR,
        now=now,
        name=name,
    )
    audit.record(session, access.principal_of(staff), "staff.joined", "staff", staff.id, now=now)
    return staff


def _open(staff: Staff) -> Staff:
    if not staff.is_active:
        raise IdentityRefused("The account is closed")
    return staff
