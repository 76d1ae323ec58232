"""The audit log: who changed what and when, for admins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response

from moderation.desk import presenting
from moderation.desk.door import blueprint, page, staff_page
from moderation.desk.forms import asked
from moderation.desk.spreadsheet import download
from moderation.desk.text import catalogue, language, say
from moderation.domain.audit import AuditEntry
from moderation.domain.staff import Scope
from moderation.gate import principal
from moderation.schemas.fields import rfc3339
from moderation.services import audit_log
from moderation.services.audit_log import AuditFilter
from moderation.wiring import wired

COLUMNS = ("time", "actor", "actor_name", "act", "subject_kind", "subject_id", "site_id", "detail")
NAMES = ("author", "name", "email")
"""What in an entry's detail says of whom it tells, the most telling first."""
PAGES = {"author": "/desk/authors/", "site": "/desk/settings/sites/"}
"""Kind of a subject -> where its page is."""


@blueprint.get("/settings/audit")
@staff_page(Scope.ADMIN)
def show_audit_log() -> Response:
    """The log, the latest first, of a person or about a subject where that is asked for."""
    wiring, who, wanted = wired(), principal(), _wanted()
    with wiring.database.read() as session:
        found = audit_log.page(session, wiring.keyring, who, wanted, cursor=asked("cursor") or None)
        actors = audit_log.actors(session, who)
        kinds = audit_log.subject_kinds(session, who)
    return page(
        "desk/settings/audit.html",
        found=found,
        actors=actors,
        kinds=kinds,
        wanted=wanted,
        words=_words,
        label=_label,
        details=_details,
        subject_page=_subject_page,
        address=_address,
    )


@blueprint.get("/settings/audit.csv")
@staff_page(Scope.ADMIN)
def download_audit_log() -> Response:
    """The same entries as a file, times in UTC."""
    wiring = wired()
    entries = audit_log.every(wiring.database.read, principal(), _wanted())
    return download("audit-log", COLUMNS, (_row(entry) for entry in entries))


def _wanted() -> AuditFilter:
    return AuditFilter(
        actor=asked("actor") or None,
        subject_kind=asked("subject_kind") or None,
        subject_id=asked("subject_id") or None,
    )


def _address(path: str, wanted: AuditFilter, **more: str | None) -> str:
    fields = {
        "actor": wanted.actor,
        "subject_kind": wanted.subject_kind,
        "subject_id": wanted.subject_id,
    } | more
    return f"{path}?{urlencode({name: value for name, value in fields.items() if value})}"


def _row(entry: AuditEntry) -> tuple[Any, ...]:
    return (
        rfc3339(entry.created_at),
        entry.actor,
        entry.actor_name,
        entry.act,
        entry.subject_kind,
        entry.subject_id,
        entry.site_id,
        json.dumps(entry.detail, ensure_ascii=False),
    )


def _words(table: str, code: str) -> str:
    """What the catalogue calls a code; the code where it knows none."""
    key = f"audit.{table}.{code}"
    return say(key) if isinstance(catalogue(language()).get(key), str) else code


def _label(entry: AuditEntry) -> str:
    """Whom or what an entry is about, as people would say it."""
    named = (entry.detail.get(name) for name in NAMES)
    return next((name for name in named if isinstance(name, str) and name), entry.subject_id)


def _subject_page(entry: AuditEntry) -> str | None:
    page_of = PAGES.get(entry.subject_kind)
    return page_of + entry.subject_id if page_of and len(entry.subject_id) == 32 else None


def _details(entry: AuditEntry) -> Mapping[str, str]:
    """What else was noted that people can read: name -> value. The file has all of it."""
    return {
        name: _value(name, value)
        for name, value in entry.detail.items()
        if value is not None and name not in NAMES and not name.endswith("_id")
    }


def _value(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if name == "kind":
        return _words("sanction", value)
    if name.endswith("_at"):
        return presenting.exact(datetime.fromisoformat(value))
    return value
