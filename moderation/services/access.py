"""Who staff are and what they may do: accounts and API tokens."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.site import Site
from moderation.domain.staff import (
    ROLE_SCOPES,
    ApiToken,
    Principal,
    Role,
    Scope,
    Staff,
    new_token,
    token_hash,
)
from moderation.errors import (
    AlreadyExists,
    ExpiredToken,
    Invalid,
    InvalidToken,
    UnknownApiToken,
    UnknownStaff,
)
from moderation.services import passwords

MAX_NAME_CODE_POINTS = 200
"""What the columns for names of staff and tokens hold."""
KELVIN = "\N{KELVIN SIGN}"
LAST_USED_EVERY = timedelta(minutes=1)
"""A token's last use is noted at most this often: reading must not write each time."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with its text, which is shown this once."""

    row: ApiToken
    token: str


def create_staff(
    session: Session,
    *,
    email: str,
    password: str,
    role: Role,
    now: datetime,
    name: str | None = None,
    site_ids: Sequence[str] | None = None,
    one_time: bool = False,
) -> Staff:
    """Make an account. ``one_time``: the password must be replaced at the first sign-in.

    Raises:
        Invalid: no e-mail address, a password too short, an unknown site.
        AlreadyExists: the address has an account.
    """
    wrong: dict[str, list[str]] = {}
    if message := email_fault(email):
        wrong["email"] = [message]
    if message := passwords.fault(password):
        wrong["password"] = [message]
    if message := unknown_sites(session, site_ids):
        wrong["site_ids"] = [message]
    if wrong:
        raise Invalid(errors=wrong)
    return add_staff(
        session,
        email=email,
        password_hash=passwords.hashed(password),
        role=role,
        now=now,
        name=name,
        site_ids=site_ids,
        one_time=one_time,
    )


def add_staff(
    session: Session,
    *,
    email: str,
    password_hash: str,
    role: Role,
    now: datetime,
    name: str | None = None,
    site_ids: Sequence[str] | None = None,
    one_time: bool = False,
) -> Staff:
    """The same with what was checked before, and a hash made before this transaction.

    Raises:
        AlreadyExists: the address has an account.
    """
    address = clean_email(email)
    if session.scalar(select(Staff.id).where(Staff.email == address)):
        raise AlreadyExists(f"{address} has an account already")
    staff = Staff(
        id=new_id(),
        email=address,
        name=(name or address.partition("@")[0])[:MAX_NAME_CODE_POINTS],
        role=role,
        password_hash=password_hash,
        password_is_one_time=one_time,
        site_ids=list(site_ids) if site_ids is not None else None,
        is_active=True,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    return staff


def clean_email(email: str) -> str:
    """As addresses are kept and looked for.

    The Kelvin sign, in lower case an ASCII k, stays as it is: it would make somebody else's
    address out of one that an identity provider has verified.
    """
    return KELVIN.join(part.lower() for part in email.strip().split(KELVIN))


def email_fault(email: str) -> str | None:
    """What is wrong with it as an address; None when nothing is."""
    address = clean_email(email)
    if len(address) > 320 or not re.fullmatch(r"[^@\s\x00]+@[^@\s\x00]+", address):
        return f"{email!r} is not an e-mail address."
    return None


def staff_by_email(session: Session, email: str) -> Staff:
    """Raises UnknownStaff."""
    address = clean_email(email)
    staff = session.scalars(select(Staff).where(Staff.email == address)).one_or_none()
    if staff is None:
        raise UnknownStaff(f"{address} has no account")
    return staff


def create_token(
    session: Session,
    *,
    name: str,
    scopes: Collection[str],
    now: datetime,
    staff: Staff | None = None,
    site_ids: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    by_sign_in: bool = False,
) -> NewToken:
    """Make a token: for a program, or acting for a member of staff.

    ``by_sign_in``: it was given for a password, and ends when that is changed.

    Raises:
        Invalid: no scope, an unknown one, one beyond the role, an unknown site.
    """
    wrong: dict[str, list[str]] = {}
    unknown = sorted(set(scopes) - set(Scope))
    if not scopes or unknown:
        what = f"Unknown: {', '.join(unknown)}. " if unknown else "A token needs a scope. "
        wrong["scopes"] = [f"{what}There are {', '.join(Scope)}."]
    elif staff and (beyond := sorted(set(scopes) - ROLE_SCOPES[Role(staff.role)])):
        wrong["scopes"] = [f"A {staff.role} cannot have {', '.join(beyond)}."]
    if not 0 < len(name.strip()) <= MAX_NAME_CODE_POINTS:
        wrong["name"] = [f"A name of 1 to {MAX_NAME_CODE_POINTS} characters, please."]
    if message := unknown_sites(session, site_ids):
        wrong["site_ids"] = [message]
    if wrong:
        raise Invalid(errors=wrong)
    token = new_token()
    row = ApiToken(
        id=new_id(),
        name=name,
        token_hash=token_hash(token),
        scopes=sorted(scopes),
        staff_id=staff.id if staff else None,
        site_ids=list(site_ids) if site_ids is not None else None,
        created_at=now,
        expires_at=expires_at,
        by_sign_in=by_sign_in,
    )
    session.add(row)
    session.flush()
    return NewToken(row, token)


def authenticate(session: Session, token: str, *, now: datetime) -> tuple[Principal, ApiToken]:
    """Who a bearer token acts as.

    Raises:
        InvalidToken: unknown, revoked, or of a closed account.
        ExpiredToken: its time is over.
    """
    row = session.scalars(
        select(ApiToken).where(ApiToken.token_hash == token_hash(token))
    ).one_or_none()
    if row is None or row.revoked_at is not None:
        raise InvalidToken("This token is unknown or revoked")
    if row.expires_at is not None and row.expires_at <= now:
        raise ExpiredToken("This token has expired; sign in again")
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    sites = _site_set(row.site_ids)
    if row.staff_id is None:
        return Principal(f"token:{row.id}", row.name, scopes, sites), row
    staff = session.get_one(Staff, row.staff_id)
    if not staff.is_active:
        raise InvalidToken("The account behind this token is closed")
    return principal_of(staff, scopes=scopes, sites=sites), row


def principal_of(
    staff: Staff, *, scopes: frozenset[Scope] | None = None, sites: frozenset[str] | None = None
) -> Principal:
    """Who acts when ``staff`` does, with no more than ``scopes`` and ``sites`` where given.

    A role or site taken away from the person is so taken away from their tokens at once.
    """
    allowed = ROLE_SCOPES[Role(staff.role)]
    staff_sites = _site_set(staff.site_ids)
    if sites is None or staff_sites is None:
        sites = staff_sites if sites is None else sites
    else:
        sites &= staff_sites
    held = allowed if scopes is None else scopes & allowed
    return Principal(f"staff:{staff.id}", staff.name, held, sites)


def note_use(row: ApiToken, *, now: datetime) -> bool:
    """Whether the token's last use is old enough to be noted again."""
    return row.last_used_at is None or now - row.last_used_at >= LAST_USED_EVERY


def mark_used(session: Session, token_id: str, *, now: datetime) -> None:
    session.get_one(ApiToken, token_id).last_used_at = now


def revoke_token(session: Session, token_id: str, *, now: datetime) -> ApiToken:
    """Raises UnknownApiToken. Revoking twice is fine."""
    row = session.get(ApiToken, token_id)
    if row is None:
        raise UnknownApiToken(f"There is no token with the id {token_id!r}")
    row.revoked_at = row.revoked_at or now
    return row


def live_sign_ins(session: Session, staff_id: str, *, now: datetime) -> list[ApiToken]:
    """Tokens somebody got for their password that still work, the latest first."""
    found = select(ApiToken).where(
        ApiToken.staff_id == staff_id,
        ApiToken.by_sign_in,
        ApiToken.revoked_at.is_(None),
        ApiToken.expires_at > now,
    )
    return list(session.scalars(found.order_by(ApiToken.created_at.desc())))


def revoke_sign_ins(session: Session, staff_id: str, *, now: datetime) -> None:
    """Revoke the tokens somebody got for their password; those made for programs stay."""
    _revoke_all(session, now, ApiToken.staff_id == staff_id, ApiToken.by_sign_in)


def revoke_all_of(session: Session, staff_id: str, *, now: datetime) -> None:
    """Revoke every token that acts for somebody."""
    _revoke_all(session, now, ApiToken.staff_id == staff_id)


def _revoke_all(session: Session, now: datetime, *which: ColumnElement[bool]) -> None:
    session.execute(
        update(ApiToken).where(ApiToken.revoked_at.is_(None), *which).values(revoked_at=now)
    )


def list_tokens(session: Session) -> list[ApiToken]:
    return list(session.scalars(select(ApiToken).order_by(ApiToken.created_at, ApiToken.id)))


def list_staff(session: Session) -> list[Staff]:
    return list(session.scalars(select(Staff).order_by(Staff.email)))


def _site_set(site_ids: list[str] | None) -> frozenset[str] | None:
    return None if site_ids is None else frozenset(site_ids)


def unknown_sites(session: Session, site_ids: Sequence[str] | None) -> str | None:
    """A sentence that names those of the ids that belong to no site; None when all do."""
    if not site_ids:
        return None
    known = set(session.scalars(select(Site.id).where(Site.id.in_(site_ids))))
    unknown = [site_id for site_id in site_ids if site_id not in known]
    return f"Unknown: {', '.join(unknown)}." if unknown else None
