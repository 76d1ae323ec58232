"""Writing the audit log. Comments' decisions are not here: they are their own trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from moderation.domain.audit import AuditEntry
from moderation.domain.base import new_id
from moderation.domain.staff import Principal


def record(
    session: Session,
    principal: Principal,
    act: str,
    subject_kind: str,
    subject_id: str,
    *,
    now: datetime,
    site_id: str | None = None,
    **detail: Any,
) -> AuditEntry:
    """Add an entry in the transaction of the act itself: neither stands without the other.

    Args:
        act: a word of the program, ``noun.verb`` in the past tense: ``author.banned``.
        detail: what was changed, in JSON's types; never a secret.
    """
    entry = AuditEntry(
        id=new_id(),
        actor=principal.key,
        actor_name=principal.name,
        act=act,
        subject_kind=subject_kind,
        subject_id=subject_id,
        site_id=site_id,
        detail=detail,
        created_at=now,
    )
    session.add(entry)
    return entry
