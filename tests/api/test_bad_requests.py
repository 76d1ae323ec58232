"""Ids, cursors, parameters and tokens that are not right: refused, changing nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from checked_client import CheckedClient, Refusal
from factories import Service, SiteKit, Token

from moderation.domain.staff import Role, Scope

COMMENTS = "/api/v1/comments"

# --- Comments that are not there, or not yours -------------------------------------------------

ODD_IDS = ["a.b", "a b", "%00", "%ff", "%F0%9F%99%82", "a" * 65, "'", "..%2f", "%2e%2e", "-%0a"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_comment(
    refused: Refusal, client: CheckedClient, site: SiteKit, foreign: SiteKit, method: str
) -> None:
    theirs = client.queued(foreign)
    request = {"json": {"body": "Better."}} if method == "PATCH" else {}
    for comment_id in ("0" * 32, "x", "-", theirs["id"]):
        refused(
            method,
            f"{COMMENTS}/{comment_id}",
            headers=site.headers(X_Receipt=theirs["receipt"]),
            **request,
            code="unknown_comment",
            status=404,
        )


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_with_odd_characters(refused: Refusal, site: SiteKit, token: Token, odd: str) -> None:
    for method, url in (
        ("GET", f"{COMMENTS}/{odd}"),
        ("DELETE", f"/api/v1/queue/claims/{odd}"),
        ("POST", f"/api/v1/decisions/{odd}/undo"),
        ("GET", f"{COMMENTS}/{odd}/history"),
    ):
        refused(
            method, url, headers=site.headers() | token.headers, code="unknown_page", status=404
        )


@pytest.mark.parametrize("receipt", [None, "", "wrong", "é", "a" * 200])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_comment_without_its_receipt(
    refused: Refusal, client: CheckedClient, site: SiteKit, method: str, receipt: str | None
) -> None:
    comment = client.post_comment(site)
    request = {"json": {"body": "Better."}} if method == "PATCH" else {}
    proof = {} if receipt is None else {"X_Receipt": receipt}
    refused(
        method,
        f"{COMMENTS}/{comment['id']}",
        headers=site.headers(**proof),
        **request,
        code="not_your_comment",
        status=403,
    )


def test_a_comment_with_the_receipt_or_sign_in_of_another(
    refused: Refusal, client: CheckedClient, site: SiteKit
) -> None:
    mine = client.post_comment(site, jwt=site.jwt(sub="me"))
    other = client.post_comment(site)
    for proof in (
        site.headers(X_Receipt=other["receipt"]),
        site.headers(Authorization=f"Bearer {site.jwt(sub='you')}"),
    ):
        refused(
            "GET", f"{COMMENTS}/{mine['id']}", headers=proof, code="not_your_comment", status=403
        )


# --- Lists and their cursors -------------------------------------------------------------------


def test_a_cursor_tampered_with_or_of_another_list(
    refused: Refusal, client: CheckedClient, site: SiteKit, token: Token
) -> None:
    for number in range(2):
        client.approved(site, f"Comment {number}")
        client.queued(site, f"Waiting {number}")
    listed = client.get(
        COMMENTS, query_string={"article_id": "story-1", "limit": 1}, headers=site.headers()
    )
    cursor = listed.json["next_cursor"]
    waiting = client.get("/api/v1/queue?limit=1", headers=token.headers).json["next_cursor"]
    assert cursor
    assert waiting
    flipped = ("B" if cursor[30] == "A" else "A").join((cursor[:30], cursor[31:]))
    for sort, bad in (
        ("newest", flipped),
        ("newest", cursor[:-1]),
        ("newest", cursor + "!"),
        ("newest", cursor + "A"),
        ("newest", "A"),
        ("newest", ""),
        ("newest", "🙂"),
        ("newest", "A" * 5000),
        ("newest", waiting),
        ("oldest", cursor),
    ):
        query = {"article_id": "story-1", "sort": sort, "cursor": bad}
        refused(
            "GET",
            COMMENTS,
            query_string=query,
            headers=site.headers(),
            code="invalid_cursor",
            status=400,
        )
    for sort, bad in (("priority", cursor), ("oldest", waiting)):
        refused(
            "GET",
            "/api/v1/queue",
            query_string={"sort": sort, "cursor": bad},
            headers=token.headers,
            code="invalid_cursor",
            status=400,
        )


@pytest.mark.parametrize(
    "query",
    [
        "",
        "article_id=",
        "article_id=%00",
        "article_id=" + "a" * 256,
        "article_id=a&limit=0",
        "article_id=a&limit=101",
        "article_id=a&limit=-1",
        "article_id=a&limit=" + "9" * 400,
        "article_id=a&limit=" + "9" * 5000,
        "article_id=a&limit=NaN",
        "article_id=a&limit=1e400",
        "article_id=a&limit=ten",
        "article_id=a&sort=best",
        "article_id=a&parent_id=%00",
        "article_id=a&parent_id=",
        "article_id=a&cursor=%00",
    ],
    ids=lambda query: f"{query[:30]} ({len(query)})",
)
def test_parameters_of_the_public_list(refused: Refusal, site: SiteKit, query: str) -> None:
    refused("GET", f"{COMMENTS}?{query}", headers=site.headers(), code="invalid_input", status=422)


@pytest.mark.parametrize(
    "query", ["", "article_id=%00", "article_id=", "&".join(f"article_id={n}" for n in range(101))]
)
def test_parameters_of_the_counts(refused: Refusal, site: SiteKit, query: str) -> None:
    refused(
        "GET", f"/api/v1/counts?{query}", headers=site.headers(), code="invalid_input", status=422
    )


@pytest.mark.parametrize(
    "query",
    [
        "min_toxicity=NaN",
        "min_toxicity=nan",
        "min_spam=inf",
        "min_spam=1e999",
        "min_spam=-0.1",
        "min_threat=1.01",
        "min_insult=high",
        "site_id=%00",
        "article_id=%00",
        "author_id=" + "a" * 65,
        "not_scored=perhaps",
        "sort=worst",
        "limit=101",
    ],
)
def test_parameters_of_the_queue(refused: Refusal, token: Token, query: str) -> None:
    refused(
        "GET", f"/api/v1/queue?{query}", headers=token.headers, code="invalid_input", status=422
    )


def test_invalid_utf8_in_a_query_finds_nothing(client: CheckedClient, site: SiteKit) -> None:
    response = client.get(f"{COMMENTS}?article_id=%ff%fe", headers=site.headers())
    assert (response.status_code, response.json["items"]) == (200, [])


# --- The staff's door --------------------------------------------------------------------------

STAFF_ROUTES = [
    ("GET", "/api/v1/queue", Scope.QUEUE),
    ("POST", "/api/v1/queue/claims", Scope.QUEUE),
    ("DELETE", "/api/v1/queue/claims/ID", Scope.QUEUE),
    ("POST", "/api/v1/decisions", Scope.DECISIONS),
    ("POST", "/api/v1/decisions/ID/undo", Scope.DECISIONS),
    ("GET", "/api/v1/comments/ID/history", Scope.QUEUE),
    ("GET", "/api/v1/sites", Scope.SITES),
    ("GET", "/api/v1/sites/ID", Scope.SITES),
    ("PATCH", "/api/v1/sites/ID", Scope.SITES),
    ("GET", "/api/v1/sites/ID/articles/a", Scope.SITES),
    ("PATCH", "/api/v1/sites/ID/articles/a", Scope.SITES),
]


@pytest.mark.parametrize(("method", "url", "scope"), STAFF_ROUTES)
def test_a_token_that_does_not_open_this_door(
    refused: Refusal, service: Service, site: SiteKit, method: str, url: str, scope: Scope
) -> None:
    request = {"json": {}} if method in ("POST", "PATCH") else {}

    def knock(code: str, status: int, headers: dict[str, str]) -> None:
        refused(method, url, headers=headers, **request, code=code, status=status)

    knock("sign_in_required", 401, {})
    knock("sign_in_required", 401, {"Authorization": "Basic YTpi"})
    knock("sign_in_required", 401, {"Authorization": "Bearer "})
    knock("invalid_token", 401, {"Authorization": "Bearer mod_unknown"})
    knock("invalid_token", 401, {"Authorization": "Bearer é"})
    knock("invalid_token", 401, {"Authorization": f"Bearer {site.jwt()}"})
    others = set(Scope) - {scope, Scope.ADMIN}
    knock("missing_scope", 403, service.make_token(*others).headers)

    soon = service.clock() + timedelta(seconds=1)
    expired = service.make_token(scope, expires_at=soon)
    service.clock.advance(seconds=1)
    knock("expired_token", 401, expired.headers)

    revoked = service.make_token(scope)
    service.revoke(revoked)
    knock("invalid_token", 401, revoked.headers)

    person = service.make_staff(role=Role.ADMIN)
    theirs = service.make_token(scope, staff=person)
    service.close_account(person)
    knock("invalid_token", 401, theirs.headers)


def test_a_stale_version(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comment = client.queued(site)
    before = service.snapshot()
    for version in (1, comment["version"] + 1, 10**30):
        [result] = client.decide(
            token, {"comment_id": comment["id"], "action": "approve", "version": version}
        )
        assert result["ok"] is False
        assert result["problem"]["type"] == "/docs/problems#stale_version"
        assert result["problem"]["status"] == 409
        assert f"version {comment['version']}" in result["problem"]["detail"]
    assert service.snapshot() == before
