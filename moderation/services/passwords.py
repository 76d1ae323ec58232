"""Passwords: what one must be like, and how it is kept (Argon2id)."""

from __future__ import annotations

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from moderation.errors import Invalid

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 256

NO_PASSWORD = ""
"""What is kept of somebody who has none, because they sign in another way."""

_hasher = PasswordHasher()


def fault(password: str) -> str | None:
    """What is wrong with it as a password to be; None when nothing is."""
    if len(password) < MIN_PASSWORD_CHARS:
        return f"At least {MIN_PASSWORD_CHARS} characters, please; this has {len(password)}."
    if len(password) > MAX_PASSWORD_CHARS:
        return f"At most {MAX_PASSWORD_CHARS} characters, please."
    return None


def hashed(password: str, *, field: str = "password", unlike: str | None = None) -> str:
    """The hash to keep of a password somebody chose; slow on purpose.

    Never call this in a transaction that others wait for.

    Args:
        field: what the input is called in the error.
        unlike: the old password, which the new one must not be.

    Raises:
        Invalid: too short, too long, or the same as the old one.
    """
    message = fault(password)
    if unlike is not None and password == unlike:
        message = "Choose one that differs from the old one."
    if message:
        raise Invalid(errors={field: [message]})
    return _hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether it is the right one. Where there is none it takes as long to say no."""
    try:
        return _hasher.verify(password_hash or _hash_of_nothing(), password)
    except (VerificationError, InvalidHashError):
        return False


def renewed(password_hash: str, password: str) -> str | None:
    """A hash by today's rules, for a right password that is kept by older ones; else None."""
    return _hasher.hash(password) if _hasher.check_needs_rehash(password_hash) else None


def new_one_time_password() -> str:
    """120 random bits in letters and digits that are easy to copy."""
    return secrets.token_hex(15)


@lru_cache(maxsize=1)
def _hash_of_nothing() -> str:
    return _hasher.hash(secrets.token_hex(16))
