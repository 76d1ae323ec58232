"""Who staff are and what they may do: accounts, tokens, signing in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
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
    PasswordChangeRequired,
    SignInFailed,
    UnknownApiToken,
    UnknownStaff,
)

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 256
MAX_NAME_CODE_POINTS = 200
"""What the columns for names of staff and tokens hold."""
LAST_USED_EVERY = timedelta(minutes=1)
"""A token's last use is noted at most this often: reading must not write each time."""

_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with its text, which is shown this once."""

    row: ApiToken
    token: str


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """A password that was right for ``password_hash``; ``replacement`` is the hash to keep then."""

    staff_id: str
    password_hash: str
    replacement: str | None


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
    address = email.strip().lower()
    wrong: dict[str, list[str]] = {}
    if len(address) > 320 or not re.fullmatch(r"[^@\s\x00]+@[^@\s\x00]+", address):
        wrong["email"] = [f"{email!r} is not an e-mail address."]
    if message := _password_fault(password):
        wrong["password"] = [message]
    if message := _unknown_sites(session, site_ids):
        wrong["site_ids"] = [message]
    if wrong:
        raise Invalid(errors=wrong)
    if session.scalar(select(Staff.id).where(Staff.email == address)):
        raise AlreadyExists(f"{address} has an account already")
    staff = Staff(
        id=new_id(),
        email=address,
        name=(name or address.partition("@")[0])[:MAX_NAME_CODE_POINTS],
        role=role,
        password_hash=_hasher.hash(password),
        password_is_one_time=one_time,
        site_ids=list(site_ids) if site_ids is not None else None,
        is_active=True,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    return staff


def new_one_time_password() -> str:
    """120 random bits in letters and digits that are easy to copy."""
    return secrets.token_hex(15)


def staff_by_email(session: Session, email: str) -> Staff:
    """Raises UnknownStaff."""
    address = email.strip().lower()
    staff = session.scalars(select(Staff).where(Staff.email == address)).one_or_none()
    if staff is None:
        raise UnknownStaff(f"{address} has no account")
    return staff


def set_password(staff: Staff, password: str, *, one_time: bool = False) -> None:
    """Raises Invalid when the password is too short or too long."""
    if message := _password_fault(password):
        raise Invalid(errors={"password": [message]})
    staff.password_hash = _hasher.hash(password)
    staff.password_is_one_time = one_time


def check_password(
    session: Session, *, email: str, password: str, new_password: str | None = None
) -> CheckedPassword:
    """Say whose e-mail and password these are; only reads.

    Hashing is slow on purpose: never call this in a transaction that others wait for.

    A one-time password is accepted only together with the ``new_password`` that replaces it.

    Raises:
        SignInFailed: the same for an unknown address, a wrong password and a closed account.
        PasswordChangeRequired: the password was a one-time one and no new one came with it.
        Invalid: the new password is too short, or the same.
    """
    found = select(Staff).where(Staff.email == email.strip().lower())
    staff = session.scalars(found).one_or_none()
    # An unknown address costs the same time as a wrong password, or it could be told apart.
    known = staff.password_hash if staff else _hash_of_nothing()
    try:
        _hasher.verify(known, password)
    except (VerificationError, InvalidHashError):
        raise SignInFailed from None
    if staff is None or not staff.is_active:
        raise SignInFailed
    if staff.password_is_one_time and new_password is None:
        raise PasswordChangeRequired('Send a "new_password" along with the one-time password')
    replacement = None
    if new_password is not None:
        if new_password == password:
            raise Invalid(errors={"new_password": ["Choose one that differs from the old one."]})
        if message := _password_fault(new_password):
            raise Invalid(errors={"new_password": [message]})
        replacement = _hasher.hash(new_password)
    elif _hasher.check_needs_rehash(known):
        replacement = _hasher.hash(password)
    return CheckedPassword(staff.id, known, replacement)


def confirm(session: Session, checked: CheckedPassword) -> Staff:
    """Whoever showed the right password, once more looked at now that something is written.

    Raises:
        SignInFailed: the account was closed or its password changed since the check.
    """
    staff = session.get_one(Staff, checked.staff_id)
    if not staff.is_active or staff.password_hash != checked.password_hash:
        raise SignInFailed
    if checked.replacement is not None:
        staff.password_hash = checked.replacement
        staff.password_is_one_time = False
    return staff


def sign_in(
    session: Session, checked: CheckedPassword, *, now: datetime, lifetime: timedelta
) -> NewToken:
    """Give whoever showed the right password a token with all that their role allows.

    Raises:
        SignInFailed: as for ``confirm``.
    """
    staff = confirm(session, checked)
    return create_token(
        session,
        name=f"sign-in of {staff.email}"[:MAX_NAME_CODE_POINTS],
        scopes=ROLE_SCOPES[Role(staff.role)],
        now=now,
        staff=staff,
        expires_at=now + lifetime,
    )


def create_token(
    session: Session,
    *,
    name: str,
    scopes: Collection[str],
    now: datetime,
    staff: Staff | None = None,
    site_ids: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token: for a program, or acting for a member of staff.

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
    if message := _unknown_sites(session, site_ids):
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


def list_tokens(session: Session) -> list[ApiToken]:
    return list(session.scalars(select(ApiToken).order_by(ApiToken.created_at, ApiToken.id)))


def list_staff(session: Session) -> list[Staff]:
    return list(session.scalars(select(Staff).order_by(Staff.email)))


def _site_set(site_ids: list[str] | None) -> frozenset[str] | None:
    return None if site_ids is None else frozenset(site_ids)


def _password_fault(password: str) -> str | None:
    if len(password) < MIN_PASSWORD_CHARS:
        return f"At least {MIN_PASSWORD_CHARS} characters, please; this has {len(password)}."
    if len(password) > MAX_PASSWORD_CHARS:
        return f"At most {MAX_PASSWORD_CHARS} characters, please."
    return None


def _unknown_sites(session: Session, site_ids: Sequence[str] | None) -> str | None:
    if not site_ids:
        return None
    known = set(session.scalars(select(Site.id).where(Site.id.in_(site_ids))))
    unknown = [site_id for site_id in site_ids if site_id not in known]
    return f"Unknown: {', '.join(unknown)}." if unknown else None


@lru_cache(maxsize=1)
def _hash_of_nothing() -> str:
    return _hasher.hash(secrets.token_hex(16))
