"""Policies changed at the desk: revisions in the database that go before the files.

The newest revision of a name is in force. One that this program cannot read any more leaves its
name without a policy, so that the comments under it wait for a person (see
``judging.FALLBACK_POLICY``), and never falls back to what a file might publish.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.policy import Policy, PolicyError, Preset, read_policy
from moderation.domain.policy.written import as_toml
from moderation.domain.policy_revision import PolicyRevision
from moderation.domain.site import Article, Site
from moderation.domain.staff import Principal
from moderation.errors import Conflict, Invalid, StaleRevision, UnknownPolicy
from moderation.services.audit import record
from moderation.services.judging import FALLBACK_POLICY
from moderation.services.rows import insert_if_absent

MAX_NOTE_CHARS = 1000
MAX_SERIAL = 2**31 - 1
"""What the column holds."""

Heads = Mapping[str, str]
"""Name -> id of its newest revision: what is the same as long as nothing was saved. Not its serial,
which would be the same again in a database brought back from a copy."""


@dataclass(frozen=True, slots=True)
class Book:
    """All policies in force, and where each comes from."""

    policies: Mapping[str, Policy]
    files: Mapping[str, Policy]
    revisions: Mapping[str, PolicyRevision]
    """The newest of each name; one without content says that the file is in force again."""
    broken: Mapping[str, PolicyError]
    """Of the newest revisions those that cannot be read, by name."""

    def serial(self, name: str) -> int:
        """Of the newest revision; 0 where there was none yet."""
        revision = self.revisions.get(name)
        return revision.serial if revision else 0

    def revision_in_force(self, name: str) -> PolicyRevision | None:
        """The revision that is used instead of a file; None where the file is."""
        revision = self.revisions.get(name)
        return revision if revision is not None and revision.content is not None else None


# --- Looking ----------------------------------------------------------------------------------


def heads(session: Session) -> Heads:
    rows = _newest_of_each().with_only_columns(PolicyRevision.name, PolicyRevision.id)
    return dict(session.execute(rows).all())


def newest(session: Session) -> list[PolicyRevision]:
    """The newest revision of each name that was ever changed at the desk."""
    return list(session.scalars(_newest_of_each()))


def _newest_of_each() -> Select[tuple[PolicyRevision]]:
    last = (
        select(PolicyRevision.name, func.max(PolicyRevision.serial).label("serial"))
        .group_by(PolicyRevision.name)
        .subquery()
    )
    is_last = and_(PolicyRevision.name == last.c.name, PolicyRevision.serial == last.c.serial)
    return select(PolicyRevision).join(last, is_last)


def book(files: Mapping[str, Policy], revisions: Sequence[PolicyRevision]) -> Book:
    """The policies in force, of the files and the newest revisions."""
    policies, broken = dict(files), {}
    for revision in revisions:
        if revision.content is None:
            continue
        policies.pop(revision.name, None)
        try:
            policies[revision.name] = read(revision)
        except PolicyError as error:
            broken[revision.name] = error
    # Whatever happens there is one policy under which everything waits.
    policies.setdefault(FALLBACK_POLICY, files[FALLBACK_POLICY])
    return Book(policies, files, {one.name: one for one in revisions}, broken)


def read(revision: PolicyRevision) -> Policy:
    """The policy of a revision that has content.

    Raises:
        PolicyError: this program cannot use it.
    """
    return read_policy(revision.content or "", source_of(revision))


def source_of(revision: PolicyRevision) -> str:
    """How messages call a revision."""
    return f"{revision.name}, revision {revision.serial} of the desk"


def history(session: Session, name: str, *, limit: int = 200) -> list[PolicyRevision]:
    """The revisions of a policy, the newest first."""
    return list(
        session.scalars(
            select(PolicyRevision)
            .where(PolicyRevision.name == name)
            .order_by(PolicyRevision.serial.desc())
            .limit(limit)
        )
    )


def revision(session: Session, name: str, serial: int) -> PolicyRevision:
    """Raises UnknownPolicy."""
    found = None
    if 0 < serial <= MAX_SERIAL:
        one = PolicyRevision.name == name, PolicyRevision.serial == serial
        found = session.scalars(select(PolicyRevision).where(*one)).one_or_none()
    if found is None:
        raise UnknownPolicy(f"The policy {name!r} has no revision {serial}")
    return found


def used_by(session: Session, name: str) -> tuple[list[Site], int]:
    """The sites under a policy, and how many articles have it for their own."""
    sites = session.scalars(select(Site).where(Site.policy == name).order_by(Site.name, Site.id))
    articles = select(func.count()).select_from(Article).where(Article.policy == name)
    return list(sites), session.scalar(articles) or 0


# --- Changing ---------------------------------------------------------------------------------


def save(
    session: Session,
    files: Mapping[str, Policy],
    policy: Policy,
    *,
    base: int,
    by: Principal,
    now: datetime,
    note: str | None = None,
    restores: int | None = None,
) -> PolicyRevision:
    """Put a policy in force as the next revision of its name; a new name makes a new policy.

    What is written is read again the way a file is, so that every process can.

    Args:
        base: serial of the revision that was looked at; 0 where there was none.

    Raises:
        StaleRevision: another was saved since.
        UnknownPolicy: there is no revision ``restores``.
        Invalid: it is no policy, changes the preset of one there is, or the note is too long.
    """
    if restores is not None:
        revision(session, policy.name, restores)
    before = _newest_of(session, policy.name)
    present = _present(files, before, policy.name)
    if policy.name == FALLBACK_POLICY and policy.preset is not Preset.STRICT:
        raise Invalid(errors={"preset": [f"{FALLBACK_POLICY} is what holds everything back."]})
    if present is not None and present.preset is not policy.preset:
        raise Invalid(errors={"preset": [f"{policy.name} is {present.preset}, and stays so."]})
    serial = base + 1
    written = dataclasses.replace(policy, declared_version=f"desk-{serial}")
    content = as_toml(written)
    try:
        written = read_policy(content, policy.name)
    except PolicyError as error:
        raise Invalid(errors={"policy": list(error.messages)}) from None
    return _add(
        session,
        policy.name,
        base=base,
        by=by,
        now=now,
        note=note,
        content=content,
        policy_version=written.version,
        restores=restores,
        act="policy.restored" if restores else "policy.changed",
    )


def back_to_file(
    session: Session,
    files: Mapping[str, Policy],
    name: str,
    *,
    base: int,
    by: Principal,
    now: datetime,
    note: str | None = None,
) -> PolicyRevision:
    """Let the file's policy be in force again; one that has no file is no more.

    Raises:
        UnknownPolicy: nothing of that name was changed at the desk.
        StaleRevision: as for :func:`save`.
        Conflict: it has no file, and a site or an article is under it.
    """
    before = _newest_of(session, name)
    if before is None or before.content is None:
        raise UnknownPolicy(f"The policy {name!r} is not changed at the desk")
    if name not in files:
        sites, articles = used_by(session, name)
        if sites or articles:
            used = ", ".join([site.name for site in sites] + ["articles"] * bool(articles))
            raise Conflict(f"The policy {name!r} is in use: {used}")
    return _add(
        session,
        name,
        base=base,
        by=by,
        now=now,
        note=note,
        content=None,
        policy_version=files[name].version if name in files else None,
        restores=None,
        act="policy.returned_to_file" if name in files else "policy.removed",
    )


def _newest_of(session: Session, name: str) -> PolicyRevision | None:
    return session.scalars(
        select(PolicyRevision)
        .where(PolicyRevision.name == name)
        .order_by(PolicyRevision.serial.desc())
        .limit(1)
    ).one_or_none()


def _present(
    files: Mapping[str, Policy], newest: PolicyRevision | None, name: str
) -> Policy | None:
    if newest is None or newest.content is None:
        return files.get(name)
    try:
        return read(newest)
    except PolicyError:
        return None


def _add(
    session: Session,
    name: str,
    *,
    base: int,
    by: Principal,
    now: datetime,
    note: str | None,
    content: str | None,
    policy_version: str | None,
    restores: int | None,
    act: str,
) -> PolicyRevision:
    note = (note or "").strip() or None
    if note is not None and (len(note) > MAX_NOTE_CHARS or "\x00" in note):
        raise Invalid(errors={"note": [f"At most {MAX_NOTE_CHARS} characters."]})
    before = _newest_of(session, name)
    values = {
        "id": new_id(),
        "name": name,
        "serial": base + 1,
        "content": content,
        "policy_version": policy_version,
        "restores": restores,
        "actor": by.key,
        "actor_name": by.name,
        "note": note,
        "created_at": now,
    }
    # The database has the last word: of two with the same base one inserts nothing.
    fits = base == (before.serial if before else 0)
    if not fits or not insert_if_absent(session, PolicyRevision, values, unique=("name", "serial")):
        newer = _newest_of(session, name)
        who = f"{newer.actor_name} saved revision {newer.serial}" if newer else "It was changed"
        raise StaleRevision(f"{who} of {name!r} since you looked; nothing of yours was saved")
    record(
        session,
        by,
        act,
        "policy",
        name,
        now=now,
        serial=base + 1,
        policy_version=policy_version,
        note=note,
        **({"restores": restores} if restores else {}),
    )
    return revision(session, name, base + 1)
