"""Site keys, origins and sign-ins that are not right: refused with a reason, changing nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from checked_client import CheckedClient, Refusal
from factories import Service, SiteKit, comment_json

from moderation.services import sites

COMMENTS = "/api/v1/comments"

# --- Site, page and reader ---------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "", "unknown", "a" * 5000, "\x00", "' OR 1=1 --", "é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_site_key_or_a_wrong_one(
    refused: Refusal, site: SiteKit, method: str, key: str | None
) -> None:
    request = {"json": comment_json()} if method == "POST" else {"query_string": "article_id=a"}
    refused(
        method,
        COMMENTS,
        headers={} if key is None else {"X-Site-Key": key},
        **request,
        code="invalid_site_key",
        status=401,
    )


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://news.example", "https://news.example.evil"]
)
def test_a_page_of_another_origin(refused: Refusal, site: SiteKit, origin: str) -> None:
    response = refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(Origin=origin),
        code="origin_not_allowed",
        status=403,
    )
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_guest_where_only_readers_may_post(refused: Refusal, service: Service) -> None:
    site = service.make_site(guests_allowed=False)
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(),
        code="guests_not_allowed",
        status=403,
    )


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: str, payload: str, secret: str, digest: str = "sha256") -> str:
    """A token put together by hand, so that anything can stand in it."""
    told = f"{unpadded(header.encode())}.{unpadded(payload.encode())}"
    mac = hmac.digest(secret.encode(), told.encode(), digest)
    return f"{told}.{unpadded(mac)}"


HS256 = '{"alg":"HS256","typ":"JWT"}'
LATER = 4_000_000_000


def bad_tokens(site: SiteKit, foreign: SiteKit) -> dict[str, str]:
    claims = {"sub": "reader-1", "name": "Ada", "exp": int(time.time()) + 3600}
    good = site.jwt()
    head, body, mac = good.split(".")
    public = hashlib.sha256(b"x").hexdigest()
    return {
        "another site's": foreign.jwt(),
        "alg none": jwt.encode(claims, None, algorithm="none"),
        "alg none, signature kept": signed('{"alg":"none"}', json.dumps(claims), site.sso_secret),
        "HS512": jwt.encode(claims, site.sso_secret, algorithm="HS512"),
        "HS384": jwt.encode(claims, site.sso_secret, algorithm="HS384"),
        "signed with the site key": jwt.encode(claims, site.key.ljust(32, "0")),
        "signed with a digest": jwt.encode(claims, public),
        "no sub": site.jwt(sub=None),
        "numeric sub": site.jwt(sub=17),
        "empty sub": site.jwt(sub=""),
        "sub too long": site.jwt(sub="a" * 256),
        "sub with NUL": site.jwt(sub="a\x00"),
        "sub with half a surrogate pair": signed(
            HS256, f'{{"sub":"\\ud800","name":"Ada","exp":{LATER}}}', site.sso_secret
        ),
        "no name": site.jwt(name=None),
        "numeric name": site.jwt(name=17),
        "invisible name": site.jwt(name="\u200b"),
        "name too long": site.jwt(name="a" * 61),
        "name with half a surrogate pair": signed(
            HS256, f'{{"sub":"a","name":"\\ud800","exp":{LATER}}}', site.sso_secret
        ),
        "no exp": site.jwt(exp=None),
        "exp as text": site.jwt(exp="tomorrow"),
        "exp infinite": signed(HS256, '{"sub":"a","name":"Ada","exp":1e999}', site.sso_secret),
        "exp NaN": signed(HS256, '{"sub":"a","name":"Ada","exp":NaN}', site.sso_secret),
        "exp a list": site.jwt(exp=[LATER]),
        "not yet valid": site.jwt(nbf=LATER),
        "claims are a list": signed(HS256, "[]", site.sso_secret),
        "claims are no JSON": signed(HS256, "hello", site.sso_secret),
        "claims nested deep": signed(HS256, "[" * 3000 + "]" * 3000, site.sso_secret),
        "header nested deep": f"{unpadded(b'[' * 3000)}.e30.AAAA",
        "header a number": signed("17", json.dumps(claims), site.sso_secret),
        "header with a huge number": f"{unpadded(b'9' * 5000)}.e30.AAAA",
        "header of invalid UTF-8": f"{unpadded(bytes([0xFF, 0xFE]))}.e30.AAAA",
        "an extension it must understand": signed(
            '{"alg":"HS256","crit":["x"],"x":1}', json.dumps(claims), site.sso_secret
        ),
        "alg a list": signed('{"alg":["HS256"]}', json.dumps(claims), site.sso_secret),
        "signature cut": f"{head}.{body}.{mac[:-4]}",
        "claims changed": f"{head}.{body[:-2]}AA.{mac}",
        "two parts": f"{head}.{body}",
        "words": "not a token",
        "not ASCII": "é.é.é",
        "staff's": "mod_abc",
    }


BAD_TOKENS = sorted(bad_tokens(SiteKit("", "k" * 32, "s" * 64), SiteKit("", "k", "t" * 64)))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("which", BAD_TOKENS)
def test_a_readers_token_that_is_none_of_the_sites(
    refused: Refusal, site: SiteKit, foreign: SiteKit, which: str
) -> None:
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(Authorization=f"Bearer {bad_tokens(site, foreign)[which]}"),
        code="invalid_token",
        status=401,
    )


def test_a_readers_token_that_has_expired(refused: Refusal, site: SiteKit) -> None:
    expired = site.jwt(exp=int(time.time()) - 60)
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(Authorization=f"Bearer {expired}"),
        code="expired_token",
        status=401,
    )


def test_a_readers_token_of_a_secret_that_was_replaced(
    client: CheckedClient, service: Service, site: SiteKit, refused: Refusal
) -> None:
    with service.database.write() as session:
        new = sites.rotate_sso_secret(sites.by_id(session, site.id), service.wiring.keyring)
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(Authorization=f"Bearer {site.jwt()}"),
        code="invalid_token",
        status=401,
    )
    client.post_comment(site, jwt=SiteKit(site.id, site.key, new).jwt())
