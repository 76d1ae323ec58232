"""API tokens as administrators see them: made, listed and revoked within their own sites."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from moderation.domain.staff import ApiToken, Principal, Scope, Staff
from moderation.errors import MissingScope, UnknownApiToken
from moderation.services import access, accounts, audit
from moderation.services.access import NewToken


def make(
    session: Session,
    by: Principal,
    *,
    name: str,
    scopes: Collection[Scope],
    site_ids: Sequence[str] | None,
    expires_at: datetime | None,
    now: datetime,
) -> NewToken:
    """Make a token for a program; it gets nothing that ``by`` has not.

    Raises:
        BeyondYourSites, MissingScope: it would.
        Invalid: as ``access.create_token``.
    """
    accounts.check_reach(by, site_ids)
    if beyond := sorted(scope for scope in scopes if not by.may(scope)):
        raise MissingScope(f"You do not have {', '.join(beyond)} yourself")
    new = access.create_token(
        session, name=name, scopes=scopes, now=now, site_ids=site_ids, expires_at=expires_at
    )
    audit.record(
        session,
        by,
        "token.made",
        "token",
        new.row.id,
        now=now,
        name=name,
        scopes=new.row.scopes,
        site_ids=new.row.site_ids,
    )
    return new


def list_live(session: Session, by: Principal, *, now: datetime) -> list[ApiToken]:
    """Tokens that work and that ``by`` may revoke, the latest first; no sign-ins of people."""
    found = session.execute(
        select(ApiToken, Staff)
        .outerjoin(Staff, Staff.id == ApiToken.staff_id)
        .where(
            ApiToken.revoked_at.is_(None),
            ApiToken.by_sign_in.is_(False),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
        )
        .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    )
    return [token for token, staff in found if _reaches(by, token, staff)]


def revoke(session: Session, by: Principal, token_id: str, *, now: datetime) -> ApiToken:
    """Revoke a token at once; doing so twice is fine.

    Raises:
        UnknownApiToken: there is none, or none of the sites ``by`` works for.
    """
    row = session.get(ApiToken, token_id)
    owner = session.get(Staff, row.staff_id) if row is not None and row.staff_id else None
    if row is None or not _reaches(by, row, owner):
        raise UnknownApiToken(f"There is no token with the id {token_id!r}")
    if row.revoked_at is None:
        access.revoke_token(session, token_id, now=now)
        audit.record(session, by, "token.revoked", "token", token_id, now=now, name=row.name)
    return row


def _reaches(by: Principal, token: ApiToken, owner: Staff | None) -> bool:
    """Whether all the token may do is about sites of ``by``; its owner's sites limit it too."""
    limits = [ids for ids in (token.site_ids, owner.site_ids if owner else None) if ids is not None]
    reach = set.intersection(*map(set, limits)) if limits else None
    return accounts.reaches(by, None if reach is None else sorted(reach))
