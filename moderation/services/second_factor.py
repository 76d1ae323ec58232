"""The second factor of signing in: set up, asked for, switched off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.second_factor import (
    RECOVERY_CODES,
    RecoveryCode,
    SecondFactor,
    new_recovery_code,
    recovery_code_hash,
)
from moderation.domain.staff import Staff
from moderation.errors import AlreadyExists, SecondFactorFailed
from moderation.keyring import Keyring

DRIFT_STEPS = 1
"""How many steps of 30 s an authenticator's clock may be ahead or behind."""

ISSUER = "Moderation"
"""Under which name an authenticator lists it."""


@dataclass(frozen=True, slots=True)
class SettingUp:
    """What an authenticator needs: ``uri`` (otpauth://) as a QR code, or ``secret`` typed in."""

    secret: str
    uri: str


def is_on(session: Session, staff_id: str) -> bool:
    """Whether somebody must show a code to sign in."""
    factor = session.get(SecondFactor, staff_id)
    return factor is not None and factor.confirmed_at is not None


def everybody_with_one(session: Session) -> set[str]:
    """Ids of all staff whose second factor is on."""
    found = select(SecondFactor.staff_id).where(SecondFactor.confirmed_at.is_not(None))
    return set(session.scalars(found))


def begin(session: Session, keyring: Keyring, staff: Staff, *, now: datetime) -> None:
    """Make a new secret, which counts for nothing until :func:`confirm` has seen a code of it.

    Raises:
        AlreadyExists: it is on already.
    """
    # One after the other: a form sent twice at once makes two secrets, and the later one stays.
    session.get_one(Staff, staff.id, with_for_update=True)
    if is_on(session, staff.id):
        raise AlreadyExists("The second factor is on already; switch it off first")
    _forget(session, staff.id)
    session.add(
        SecondFactor(
            staff_id=staff.id,
            sealed_secret=keyring.seal(pyotp.random_base32()),
            created_at=now,
        )
    )


def setting_up(session: Session, keyring: Keyring, staff_id: str, email: str) -> SettingUp | None:
    """What to show of what :func:`begin` made; None once it is confirmed, or where there is none.

    Raises:
        KeyringError: the secret key has changed since.
    """
    factor = session.get(SecondFactor, staff_id)
    if factor is None or factor.confirmed_at is not None:
        return None
    secret = keyring.unseal(factor.sealed_secret)
    return SettingUp(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def confirm(
    session: Session, keyring: Keyring, staff_id: str, code: str, *, now: datetime
) -> list[str]:
    """Switch it on, as the authenticator makes right codes; returns recovery codes, told once.

    Raises:
        SecondFactorFailed: the code is not right, or there is nothing to confirm.
    """
    factor = session.get(SecondFactor, staff_id)
    if factor is None or factor.confirmed_at is not None:
        raise SecondFactorFailed("There is no second factor being set up")
    factor.last_step = _step_of(keyring, factor, code, now)
    factor.confirmed_at = now
    return renew_recovery_codes(session, staff_id, now=now)


def check(session: Session, keyring: Keyring, staff_id: str, code: str, *, now: datetime) -> None:
    """Take a code of the authenticator, or a recovery code; each is good once.

    Raises:
        SecondFactorFailed: it is neither, or was taken before.
    """
    factor = session.get(SecondFactor, staff_id)
    if factor is None or factor.confirmed_at is None:
        raise SecondFactorFailed
    if is_of_authenticator(code):
        step = _step_of(keyring, factor, code, now)
        # In the database and not here: of two requests with one code, one may win.
        taken = (
            update(SecondFactor)
            .where(
                SecondFactor.staff_id == staff_id,
                or_(SecondFactor.last_step.is_(None), SecondFactor.last_step < step),
            )
            .values(last_step=step)
        )
    else:
        taken = (
            update(RecoveryCode)
            .where(
                RecoveryCode.staff_id == staff_id,
                RecoveryCode.code_hash == recovery_code_hash(code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
        )
    if session.execute(taken).rowcount != 1:
        raise SecondFactorFailed


def is_of_authenticator(code: str) -> bool:
    """Whether it looks like six digits of one; else it is taken for a recovery code."""
    digits = "".join(code.split())
    return len(digits) == 6 and digits.isascii() and digits.isdigit()


def renew_recovery_codes(session: Session, staff_id: str, *, now: datetime) -> list[str]:
    """New ones in place of all former ones; only their hashes are kept."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    session.add_all(
        RecoveryCode(
            id=new_id(), staff_id=staff_id, code_hash=recovery_code_hash(code), created_at=now
        )
        for code in codes
    )
    return codes


def recovery_codes_left(session: Session, staff_id: str) -> int:
    left = select(func.count()).where(
        RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(left) or 0


def switch_off(session: Session, staff_id: str, *, only_unconfirmed: bool = False) -> bool:
    """Forget authenticator and recovery codes; returns whether it was on.

    ``only_unconfirmed``: leave one that is on as it is.
    """
    was_on = is_on(session, staff_id)
    if was_on and only_unconfirmed:
        return False
    _forget(session, staff_id)
    return was_on


def _forget(session: Session, staff_id: str) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    session.execute(delete(SecondFactor).where(SecondFactor.staff_id == staff_id))


def _step_of(keyring: Keyring, factor: SecondFactor, code: str, now: datetime) -> int:
    """The step a code belongs to. Raises SecondFactorFailed where it is of none near ``now``."""
    totp = pyotp.TOTP(keyring.unseal(factor.sealed_secret))
    try:
        return totp.verify_and_get_timecode(
            "".join(code.split()), for_time=now, valid_window=DRIFT_STEPS
        )
    except OTPVerificationError:
        raise SecondFactorFailed from None
