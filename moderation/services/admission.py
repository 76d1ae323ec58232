"""Signing in with e-mail and password: checked step by step, then a token or a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.staff import ROLE_SCOPES, Role, Staff
from moderation.errors import PasswordChangeRequired, SecondFactorRequired, SignInFailed
from moderation.services import access, passwords, second_factor, sessions
from moderation.services.access import NewToken


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """A password that was right for ``password_hash``, and what is still to be shown."""

    staff_id: str
    password_hash: str
    needs_code: bool
    """Whether a code of the second factor is asked for."""
    needs_new_password: bool
    """Whether it was a one-time password, and none came to replace it."""
    replacement: str | None = None
    """The hash to keep from now on: of a new password, or of the same by newer rules."""
    is_new: bool = False
    """Whether ``replacement`` is of another password."""


def check_password(
    session: Session, *, email: str, password: str, new_password: str | None = None
) -> CheckedPassword:
    """Say whose e-mail and password these are; only reads.

    Hashing is slow on purpose: never call this in a transaction that others wait for.

    Raises:
        SignInFailed: the same for an unknown address, a wrong password and a closed account.
        Invalid: the new password is too short, or the same.
    """
    found = select(Staff).where(Staff.email == access.clean_email(email))
    staff = session.scalars(found).one_or_none()
    # An unknown address costs the same time as a wrong password, or it could be told apart.
    known = staff.password_hash if staff else passwords.NO_PASSWORD
    if not passwords.matches(known, password) or staff is None or not staff.is_active:
        raise SignInFailed
    if new_password is not None:
        replacement = passwords.hashed(new_password, field="new_password", unlike=password)
    else:
        replacement = passwords.renewed(known, password)
    return CheckedPassword(
        staff_id=staff.id,
        password_hash=known,
        needs_code=second_factor.is_on(session, staff.id),
        needs_new_password=staff.password_is_one_time and new_password is None,
        replacement=replacement,
        is_new=new_password is not None,
    )


def demand(checked: CheckedPassword, *, code: str | None) -> None:
    """Ask for what is still missing, where all must come at once.

    Raises:
        SecondFactorRequired: a code is asked for, and none came.
        PasswordChangeRequired: a one-time password must be replaced, and no new one came.
    """
    if checked.needs_code and code is None:
        raise SecondFactorRequired('Send the "code" of your authenticator along')
    if checked.needs_new_password:
        raise PasswordChangeRequired('Send a "new_password" along with the one-time password')


def admit(
    session: Session, checked: CheckedPassword, *, code_was_right: bool, now: datetime
) -> Staff:
    """Let in whoever showed all that is asked for; keeps the new password where one was chosen.

    Raises:
        SignInFailed: the account was closed or its password changed since the check.
        SecondFactorRequired: a code is asked for, and none was right.
        PasswordChangeRequired: the one-time password is not yet replaced.
    """
    staff = session.get_one(Staff, checked.staff_id, with_for_update=True)
    if not staff.is_active or staff.password_hash != checked.password_hash:
        raise SignInFailed
    if not code_was_right and second_factor.is_on(session, staff.id):
        raise SecondFactorRequired
    if staff.password_is_one_time and not checked.is_new:
        raise PasswordChangeRequired
    if checked.replacement is not None:
        staff.password_hash = checked.replacement
    if checked.is_new:
        staff.password_is_one_time = False
        sessions.end_all(session, staff.id, now=now)
        access.revoke_sign_ins(session, staff.id, now=now)
    return staff


def give_token(session: Session, staff: Staff, *, now: datetime, lifetime: timedelta) -> NewToken:
    """A token with all that the role allows, for whoever was admitted."""
    return access.create_token(
        session,
        name=f"sign-in of {staff.email}"[: access.MAX_NAME_CODE_POINTS],
        scopes=ROLE_SCOPES[Role(staff.role)],
        now=now,
        staff=staff,
        expires_at=now + lifetime,
        by_sign_in=True,
    )
