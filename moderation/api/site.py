"""The site a public request is for, the page it comes from, and the reader it comes from."""

from __future__ import annotations

import jwt
from flask import Response, g, request

from moderation import posting
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.site import Site
from moderation.domain.text import InvalidText, clean_line
from moderation.errors import (
    ExpiredToken,
    Invalid,
    InvalidSiteKey,
    InvalidToken,
    OriginNotAllowed,
)
from moderation.gate import bearer
from moderation.schemas.comment import MAX_NAME_CHARS, MAX_NAME_CODE_POINTS
from moderation.services import sites
from moderation.wiring import wired

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Receipt, X-Site-Key"
)
EXPOSED_HEADERS = "ETag, Location, Retry-After, X-Request-Id"
PREFLIGHT_CACHED_S = 600
JWT_LEEWAY_S = 10
MAX_SUBJECT_CHARS = 255


def current_site() -> Site:
    """The site whose key was sent; found once a request.

    Raises:
        InvalidSiteKey, OriginNotAllowed
    """
    return g.site


def find_site() -> None:
    """Before every public view: which site, and may this page use it?"""
    origin = request.headers.get("Origin")
    wiring = wired()
    if request.method == "OPTIONS":
        if origin:
            with wiring.database.read() as session:
                if _same_origin(origin) or sites.any_site_allows(session, origin):
                    g.cors_origin = origin
        return
    with wiring.database.read() as session:
        try:
            key = request.headers.get("X-Site-Key", request.args.get("site_key"))
            g.site = sites.by_key(session, key)
        except InvalidSiteKey:
            # So that the page's own script can read what is wrong with its key.
            if origin and sites.any_site_allows(session, origin):
                g.cors_origin = origin
            raise
    if origin is not None:
        if origin not in g.site.origins and not _same_origin(origin):
            raise OriginNotAllowed(f"{origin} is not among the origins of this site")
        g.cors_origin = origin


def add_cors_headers(response: Response) -> Response:
    """After every public view: let the page at an allowed origin read the answer (Fetch, CORS)."""
    response.vary.update(["Origin", "X-Site-Key"])
    origin = g.get("cors_origin")
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET")
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_CACHED_S)
    return response


def reader(site: Site) -> Signature | None:
    """The signed-in reader of ``Authorization: Bearer <JWT>``, or None without that header.

    The token is HS256 (RFC 7519) under the site's SSO secret, with ``sub``, ``name`` and ``exp``.

    Raises:
        InvalidToken, ExpiredToken
    """
    token = bearer()
    if token is None:
        return None
    secret = wired().keyring.unseal(site.sealed_sso_secret)
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            leeway=JWT_LEEWAY_S,
            options={"require": ["exp", "sub"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise ExpiredToken(
            "The reader's token has expired; the page must fetch a new one"
        ) from None
    except jwt.PyJWTError as error:
        raise InvalidToken(f"The reader's token is not one of this site: {error}") from None
    except ValueError:
        raise InvalidToken("The reader's token cannot be read") from None
    subject = claims["sub"]
    if not subject or len(subject) > MAX_SUBJECT_CHARS or not _storable(subject):
        raise InvalidToken("The claim sub of the reader's token is not usable")
    name = claims.get("name")
    try:
        clean_name = (
            clean_line(name, MAX_NAME_CHARS, max_code_points=MAX_NAME_CODE_POINTS)
            if isinstance(name, str)
            else ""
        )
    except InvalidText as error:
        raise InvalidToken(f"The claim name of the reader's token: {error.message}") from None
    if not clean_name:
        raise InvalidToken("The reader's token lacks the claim name")
    return Signature(
        AuthorKind.READER,
        identity=subject,
        name=clean_name,
        email=_optional(claims.get("email"), 320),
        picture=_optional(claims.get("picture"), 2048),
    )


def signature(site: Site, guest_name: str | None) -> Signature:
    """Who signs a comment: the signed-in reader, else the guest of that name.

    Raises:
        InvalidToken, ExpiredToken, GuestsNotAllowed
        Invalid: neither a token nor a name came.
    """
    if (signed_in := reader(site)) is not None:
        return signed_in
    if guest_name is None and site.guests_allowed:
        raise Invalid(errors={"author.name": ["Missing: a guest needs a name."]})
    return posting.guest_signature(site, guest_name or "", address())


def address() -> str:
    """The network address the request came from; behind proxies as ``trusted_proxies`` allows."""
    return request.remote_addr or "unknown"


def _same_origin(origin: str) -> bool:
    return origin == request.host_url.rstrip("/")


def _optional(value: object, max_chars: int) -> str | None:
    """A claim that is only passed on: left out rather than refused when it is not usable."""
    usable = isinstance(value, str) and 0 < len(value) <= max_chars and _storable(value)
    return value if usable else None  # type: ignore[return-value]


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
