"""Changing accounts of staff: by themselves, by an administrator, by an operator.

Whoever changes a colleague's account may give and take nothing beyond the sites they work for
themselves; and there is always somebody left who administers all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.staff import Principal, Role, Staff
from moderation.errors import (
    BeyondYourSites,
    Forbidden,
    Invalid,
    LastAdmin,
    SignInFailed,
    UnknownStaff,
)
from moderation.services import access, audit, second_factor, sessions

# --- By themselves ------------------------------------------------------------------------------


def change_own_password(
    session: Session,
    staff_id: str,
    *,
    old_hash: str,
    new_hash: str,
    now: datetime,
    but_session: str | None = None,
) -> None:
    """Keep a new password, and end what was begun under the old one, but for this session.

    Args:
        old_hash: the hash for which the old password was found right.
        new_hash: from ``passwords.hashed``, made before this transaction.

    Raises:
        SignInFailed: the password was changed meanwhile, or the account closed.
    """
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    if not staff.is_active or staff.password_hash != old_hash:
        raise SignInFailed
    _keep_password(session, staff, new_hash, one_time=False, now=now, but_session=but_session)
    audit.record(
        session, access.principal_of(staff), "staff.password_changed", "staff", staff.id, now=now
    )


def rename(session: Session, staff_id: str, name: str) -> None:
    """Raises Invalid where it is no name."""
    session.get_one(Staff, staff_id).name = clean_name(name)


def clean_name(name: str) -> str:
    """As names are kept. Raises Invalid where it is no name."""
    clean = " ".join(name.split())
    if not 0 < len(clean) <= access.MAX_NAME_CODE_POINTS or not clean.isprintable():
        wanted = f"A name of 1 to {access.MAX_NAME_CODE_POINTS} characters, please."
        raise Invalid(errors={"name": [wanted]})
    return clean


def prefer(session: Session, staff_id: str, preferences: Mapping[str, Any]) -> None:
    """Keep how somebody wants the desk: each key named replaces what was, None takes it away."""
    staff = session.get_one(Staff, staff_id)
    kept = {**staff.preferences, **preferences}
    staff.preferences = {key: value for key, value in kept.items() if value is not None}


# --- By an administrator ------------------------------------------------------------------------


def colleague(session: Session, by: Principal, staff_id: str, *, lock: bool = False) -> Staff:
    """The account of somebody whom ``by`` may administer.

    Raises:
        UnknownStaff: there is none.
        BeyondYourSites: they work for sites that ``by`` does not work for.
    """
    staff = session.get(Staff, staff_id, with_for_update=lock or None)
    if staff is None:
        raise UnknownStaff(f"There is no account with the id {staff_id!r}")
    check_reach(by, staff.site_ids)
    return staff


def check_reach(by: Principal, site_ids: Sequence[str] | None) -> None:
    """Raises BeyondYourSites unless ``by`` works for all of these; None: every site there is."""
    if not reaches(by, site_ids):
        raise BeyondYourSites("You administer some sites only, and this is about others as well")


def reaches(by: Principal, site_ids: Sequence[str] | None) -> bool:
    """Whether ``by`` works for all of these sites; None: every site there is."""
    return by.site_ids is None or (site_ids is not None and set(site_ids) <= by.site_ids)


def change(
    session: Session,
    by: Principal,
    staff_id: str,
    *,
    role: Role,
    site_ids: Sequence[str] | None,
    now: datetime,
) -> Staff:
    """Give somebody another role, or other sites (None: all), from their next request on.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``; also for what they would get.
        LastAdmin: nobody would be left who administers all of it.
        Invalid: an unknown site.
    """
    admins = _lock_admins(session)
    staff = colleague(session, by, staff_id, lock=True)
    check_reach(by, site_ids)
    if message := access.unknown_sites(session, site_ids):
        raise Invalid(errors={"site_ids": [message]})
    if staff.is_active:
        _check_remaining(admins, staff, role=role, site_ids=site_ids)
    was = {"role": staff.role, "site_ids": staff.site_ids}
    staff.role = role
    staff.site_ids = list(site_ids) if site_ids is not None else None
    becomes = {"role": staff.role, "site_ids": staff.site_ids}
    if becomes != was:
        audit.record(
            session, by, "staff.changed", "staff", staff.id, now=now, was=was, becomes=becomes
        )
    return staff


def close(session: Session, by: Principal, staff_id: str, *, now: datetime) -> Staff:
    """Close an account: its sessions and tokens end at once, what its person decided stays.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
        LastAdmin: nobody would be left who administers all of it.
    """
    admins = _lock_admins(session)
    staff = colleague(session, by, staff_id, lock=True)
    if staff.is_active:
        _check_remaining(admins, staff, role=None, site_ids=[])
        staff.is_active = False
        audit.record(session, by, "staff.closed", "staff", staff.id, now=now)
    sessions.end_all(session, staff.id, now=now)
    access.revoke_all_of(session, staff.id, now=now)
    return staff


def reopen(session: Session, by: Principal, staff_id: str, *, now: datetime) -> Staff:
    """Open a closed account again, with its former password; its tokens stay revoked.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
    """
    staff = colleague(session, by, staff_id, lock=True)
    if not staff.is_active:
        staff.is_active = True
        audit.record(session, by, "staff.reopened", "staff", staff.id, now=now)
    return staff


def reset_password(
    session: Session,
    by: Principal,
    staff_id: str,
    *,
    new_hash: str,
    one_time: bool,
    now: datetime,
) -> Staff:
    """Give somebody another password; their sessions and sign-in tokens end.

    Args:
        new_hash: from ``passwords.hashed``, made before this transaction.
        one_time: they must replace it when they next sign in.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
        Forbidden: it is one's own.
    """
    staff = colleague(session, by, staff_id, lock=True)
    _check_not_own(by, staff)
    _keep_password(session, staff, new_hash, one_time=one_time, now=now)
    audit.record(session, by, "staff.password_reset", "staff", staff.id, now=now)
    return staff


def reset_second_factor(session: Session, by: Principal, staff_id: str, *, now: datetime) -> bool:
    """Switch off somebody's second factor, who lost it; returns whether it was on.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
        Forbidden: it is one's own.
    """
    staff = colleague(session, by, staff_id)
    _check_not_own(by, staff)
    was_on = second_factor.switch_off(session, staff.id)
    if was_on:
        audit.record(session, by, "staff.second_factor_reset", "staff", staff.id, now=now)
    return was_on


def end_sessions(session: Session, by: Principal, staff_id: str, *, now: datetime) -> int:
    """Sign a colleague out everywhere; returns how many sessions that ended.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
    """
    staff = colleague(session, by, staff_id)
    ended = sessions.end_all(session, staff.id, now=now)
    access.revoke_sign_ins(session, staff.id, now=now)
    audit.record(session, by, "staff.signed_out", "staff", staff.id, now=now, sessions=ended)
    return ended


def end_session(
    session: Session, by: Principal, staff_id: str, session_id: str, *, now: datetime
) -> None:
    """End one session of a colleague.

    Raises:
        UnknownStaff, BeyondYourSites: as ``colleague``.
        UnknownSession: it is none of theirs.
    """
    staff = colleague(session, by, staff_id)
    sessions.end(session, session_id, now=now, staff_id=staff.id)
    audit.record(session, by, "staff.session_ended", "staff", staff.id, now=now)


def _check_not_own(by: Principal, staff: Staff) -> None:
    """One's own account takes one's password: a desk left open must not be enough."""
    if by.key == access.principal_of(staff).key:
        raise Forbidden("Change your own way of signing in at your account, with your password")


def _keep_password(
    session: Session,
    staff: Staff,
    new_hash: str,
    *,
    one_time: bool,
    now: datetime,
    but_session: str | None = None,
) -> None:
    staff.password_hash = new_hash
    staff.password_is_one_time = one_time
    sessions.end_all(session, staff.id, now=now, but=but_session)
    access.revoke_sign_ins(session, staff.id, now=now)


def _lock_admins(session: Session) -> list[Staff]:
    """All who can administer, held until the end: two of them cannot demote each other at once."""
    return list(
        session.scalars(
            select(Staff)
            .where(Staff.role == Role.ADMIN, Staff.is_active)
            .order_by(Staff.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _check_remaining(
    admins: list[Staff], staff: Staff, *, role: Role | None, site_ids: Sequence[str] | None
) -> None:
    others = [admin for admin in admins if admin.id != staff.id]
    if staff.role != Role.ADMIN:
        return
    keeps_all = role is Role.ADMIN and site_ids is None
    if staff.site_ids is None and not keeps_all and all(o.site_ids is not None for o in others):
        raise LastAdmin(f"{staff.name} is the only one left who administers every site")
    if role is not Role.ADMIN and not others:
        raise LastAdmin(f"{staff.name} is the only administrator left")
