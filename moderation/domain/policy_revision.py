"""Policies as they were changed at the desk: one row for each saving, and nothing ever removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id


class PolicyRevision(Base):
    """What a policy became, who made it so, when and why. The one with the highest ``serial`` of
    its ``name`` is in force, before the file of that name.

    ``serial`` counts from 1 for each name; two who change the same revision want the same serial,
    and the database gives it to one of them.
    """

    __tablename__ = "policy_revisions"
    __table_args__ = (UniqueConstraint("name", "serial"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(63))
    serial: Mapped[int] = mapped_column(Integer)
    content: Mapped[str | None] = mapped_column(Text)
    """The policy as TOML, as its file would be; None: the file's from here on."""
    policy_version: Mapped[str | None] = mapped_column(String(60))
    """What judgements made under it name."""
    restores: Mapped[int | None]
    """The serial of the revision that this one brings back."""
    actor: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
