"""The second factor of signing in: an authenticator's secret, and codes for when it is lost.

Codes are those of RFC 6238 as every authenticator makes them: six digits, SHA-1, steps of 30 s.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id

RECOVERY_CODES = 10
"""How many a person gets at once."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that are not taken for one another."""
_GROUPS, _GROUP_CHARS = 4, 4


class SecondFactor(Base):
    """The authenticator of a member of staff; asked for once ``confirmed_at`` is set.

    ``last_step`` is the 30-second step (Unix time / 30) of the last code that was taken: neither
    it nor an earlier one is taken again (RFC 6238, section 5.2).
    """

    __tablename__ = "second_factors"

    staff_id: Mapped[str] = mapped_column(Id, ForeignKey("staff.id"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(String(255))
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """A code that once stands in for the authenticator; only its SHA-256 is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_staff_id", "staff_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    staff_id: Mapped[str] = mapped_column(Id, ForeignKey("staff.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def new_recovery_code() -> str:
    """``abcd-efgh-jkmn-pqrs``: 79 random bits, so that a plain hash is enough to keep them."""
    letters = [secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP_CHARS)]
    groups = [letters[at : at + _GROUP_CHARS] for at in range(0, len(letters), _GROUP_CHARS)]
    return "-".join("".join(group) for group in groups)


def recovery_code_hash(code: str) -> str:
    """The same however the code is spaced and whatever its case."""
    plain = "".join(c for c in code.lower() if c in _ALPHABET)
    return hashlib.sha256(plain.encode()).hexdigest()
