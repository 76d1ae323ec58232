"""Setting up sites and steering their articles."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from moderation.domain import reason
from moderation.domain.base import new_id
from moderation.domain.reason import Reason, ReasonsError
from moderation.domain.site import Article, ArticleState, Site, new_site_key, new_sso_secret
from moderation.errors import AlreadyExists, Invalid, InvalidSiteKey, UnknownSite
from moderation.keyring import Keyring
from moderation.services.rows import insert_if_absent

_SITE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

MAX_NAME_CODE_POINTS = 200


@dataclass(frozen=True, slots=True)
class NewSite:
    """A site just made, with the secret that is shown this once."""

    site: Site
    sso_secret: str


def create_site(
    session: Session,
    keyring: Keyring,
    policies: Collection[str],
    *,
    name: str,
    now: datetime,
    edit_window_s: int,
    origins: Sequence[str] = (),
    policy: str = "strict",
    guests_allowed: bool = True,
    creates_articles: bool = True,
    site_key: str | None = None,
) -> NewSite:
    """Make a site.

    Args:
        policies: the names of the presets there are.

    Raises:
        Invalid: an origin that is none, an unknown policy, an empty name, an unusable key.
        AlreadyExists: the given ``site_key`` is taken.
    """
    if site_key is not None and not _SITE_KEY.fullmatch(site_key):
        raise Invalid(errors={"site_key": ["1 to 64 letters, digits, - or _."]})
    sso_secret = new_sso_secret()
    site = Site(
        id=new_id(),
        site_key=site_key or new_site_key(),
        sealed_sso_secret=keyring.seal(sso_secret),
        created_at=now,
    )
    if site_key and session.scalar(select(Site.id).where(Site.site_key == site_key)):
        raise AlreadyExists(f"There is a site with the key {site_key!r} already")
    change_site(
        site,
        policies,
        name=name,
        origins=list(origins),
        policy=policy,
        guests_allowed=guests_allowed,
        creates_articles=creates_articles,
        edit_window_s=edit_window_s,
    )
    session.add(site)
    session.flush()
    return NewSite(site, sso_secret)


def change_site(site: Site, policies: Collection[str], **changes: Any) -> None:
    """Set the named columns of a site; ``reasons`` as :class:`Reason`, None for the defaults.

    Raises:
        Invalid: with a message for each field that is not right; nothing is set then.
    """
    wrong: dict[str, list[str]] = {}
    if "name" in changes and not 0 < len((changes["name"] or "").strip()) <= MAX_NAME_CODE_POINTS:
        wrong["name"] = [f"A site needs a name, of at most {MAX_NAME_CODE_POINTS} characters."]
    if "policy" in changes and changes["policy"] not in policies:
        wrong["policy"] = [_no_such_policy(changes["policy"], policies)]
    if "origins" in changes:
        clean: list[str] = []
        for origin in changes["origins"]:
            try:
                clean.append(clean_origin(origin))
            except ValueError as error:
                wrong.setdefault("origins", []).append(str(error))
        changes["origins"] = list(dict.fromkeys(clean))
    if "reasons" in changes:
        try:
            given = changes["reasons"]
            clean_reasons = None if given is None else reason.checked(given)
        except ReasonsError as error:
            wrong["reasons"] = list(error.messages)
        else:
            changes["reasons"] = reason.as_stored(clean_reasons, site.reasons)
    if wrong:
        raise Invalid(errors=wrong)
    for column, value in changes.items():
        setattr(site, column, value)


def reasons(site: Site) -> tuple[Reason, ...]:
    """What a moderator may pick from when rejecting on this site, in order."""
    return site.listed_reasons


def rotate_sso_secret(site: Site, keyring: Keyring) -> str:
    """Give the site a new SSO secret; tokens signed with the old one stop at once."""
    sso_secret = new_sso_secret()
    site.sealed_sso_secret = keyring.seal(sso_secret)
    return sso_secret


def list_sites(session: Session) -> list[Site]:
    return list(session.scalars(select(Site).order_by(Site.created_at, Site.id)))


def by_id(session: Session, site_id: str) -> Site:
    """Raises UnknownSite."""
    site = session.get(Site, site_id)
    if site is None:
        raise UnknownSite
    return site


# On the way of every public request: built once.
_BY_KEY = select(Site).where(Site.site_key == bindparam("site_key"))


def by_key(session: Session, site_key: str | None) -> Site:
    """The site a public request is for.

    Raises:
        InvalidSiteKey: there is no key, or none of ours.
    """
    if not site_key:
        raise InvalidSiteKey("Send the site's key in the X-Site-Key header")
    # A text with NUL is none that PostgreSQL would even look for.
    known = "\x00" not in site_key
    site = session.scalars(_BY_KEY, {"site_key": site_key}).one_or_none() if known else None
    if site is None:
        raise InvalidSiteKey("No site has this X-Site-Key")
    return site


def any_site_allows(session: Session, origin: str) -> bool:
    """Whether some site lists ``origin``: all a preflight request lets us know."""
    return any(origin in origins for origins in session.scalars(select(Site.origins)))


def find_article(session: Session, site: Site, external_id: str) -> Article | None:
    return session.scalars(
        select(Article).where(Article.site_id == site.id, Article.external_id == external_id)
    ).one_or_none()


def put_article(
    session: Session,
    site: Site,
    external_id: str,
    policies: Collection[str],
    *,
    now: datetime,
    **changes: Any,
) -> Article:
    """Make an article known, or change it: ``url``, ``title``, ``state``, ``policy``.

    Raises:
        Invalid: an unknown state or policy.
    """
    wrong: dict[str, list[str]] = {}
    if (policy := changes.get("policy")) is not None and policy not in policies:
        wrong["policy"] = [_no_such_policy(policy, policies)]
    if "state" in changes and changes["state"] not in list(ArticleState):
        wrong["state"] = [f"One of {', '.join(ArticleState)}."]
    if wrong:
        raise Invalid(errors=wrong)
    insert_if_absent(
        session,
        Article,
        {
            "id": new_id(),
            "site_id": site.id,
            "external_id": external_id,
            "state": ArticleState.OPEN,
            "approved_count": 0,
            "public_version": 0,
            "created_at": now,
        },
        unique=("site_id", "external_id"),
    )
    article = find_article(session, site, external_id)
    assert article is not None
    for column, value in changes.items():
        setattr(article, column, value)
    session.flush()
    return article


def clean_origin(origin: str) -> str:
    """An origin as a browser sends it (RFC 6454 section 6.2): scheme, host, port if unusual.

    Raises:
        ValueError: it is not one; the message says what to write instead.
    """
    example = "Write it like https://news.example."
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        raise ValueError(f"{origin!r} is not an origin. {example}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{origin!r} is not an origin. {example}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{origin!r} is more than an origin. {example}")
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")


def _no_such_policy(policy: object, policies: Collection[str]) -> str:
    return f"There is no policy {policy!r}; there are {', '.join(sorted(policies))}."
