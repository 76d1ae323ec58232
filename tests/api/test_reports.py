"""Readers report a public comment; moderators keep or reject it."""

from __future__ import annotations

from typing import Any

import pytest
from checked_client import CheckedClient, Refusal
from factories import ORIGIN, Service, SiteKit, Token
from werkzeug.test import TestResponse

from moderation.domain.comment import Status
from moderation.domain.report import Report

QUEUE = "/api/v1/queue"


def address_of(comment: dict[str, Any]) -> str:
    return f"/api/v1/comments/{comment['id']}/reports"


def report(
    client: CheckedClient,
    site: SiteKit,
    comment: dict[str, Any],
    *,
    at: str = "192.0.2.1",
    jwt: str | None = None,
    **told: Any,
) -> TestResponse:
    headers = site.headers() | ({"Authorization": f"Bearer {jwt}"} if jwt else {})
    return client.post(
        address_of(comment),
        json={"reason": "spam"} | told,
        headers=headers,
        environ_overrides={"REMOTE_ADDR": at},
    )


def reported(client: CheckedClient, token: Token) -> list[dict[str, Any]]:
    query = {"view": "reported"}
    return client.get(QUEUE, query_string=query, headers=token.headers).json["items"]


def test_a_reported_comment_stays_public_and_stands_before_the_moderators(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comment = client.approved(site)
    other = client.approved(site, "Never reported.")
    first = report(client, site, comment, note="An advert\nfor shoes")
    assert (first.status_code, first.json) == (202, {"received": True})
    again = report(client, site, comment, reason="hate")
    assert (again.status_code, again.text) == (204, "")
    assert report(client, site, comment, at="192.0.2.2").status_code == 202
    for name, status in (("ada", 202), ("ada", 204), ("ben", 202)):
        answer = report(client, site, comment, jwt=site.jwt(name), reason="hate")
        assert answer.status_code == status

    assert client.count(site) == 2
    [item] = reported(client, token)
    assert (item["id"], item["status"], item["report_count"]) == (comment["id"], "approved", 4)
    assert item["reports"] == {"hate": 2, "spam": 2}
    history = client.get(f"/api/v1/comments/{comment['id']}/history", headers=token.headers).json
    assert [one["by"] for one in history["reports"]] == ["guest", "guest", "reader", "reader"]
    assert history["reports"][0]["note"] == "An advert\nfor shoes"
    # Who reported is kept as a pseudonym or the publisher's own id, and told to nobody.
    with service.database.read() as session:
        assert "192.0.2.1" not in {one.reporter for one in session.query(Report)}

    [kept] = client.decide(
        token, {"comment_id": comment["id"], "action": "approve", "version": item["version"]}
    )
    assert (kept["ok"], kept["status"]) == (True, "approved")
    assert reported(client, token) == []
    assert client.count(site) == 2
    undone = client.post(f"/api/v1/decisions/{kept['decision_id']}/undo", headers=token.headers)
    assert undone.status_code == 200
    [item] = reported(client, token)
    client.decide(
        token,
        {
            "comment_id": comment["id"],
            "action": "reject",
            "version": item["version"],
            "reason": "spam",
        },
    )
    assert reported(client, token) == []
    assert client.count(site) == 1
    assert service.comment(other["id"]).status == Status.APPROVED


def test_what_cannot_be_reported(
    client: CheckedClient, service: Service, site: SiteKit, foreign: SiteKit, refused: Refusal
) -> None:
    public, waiting = client.approved(site), client.queued(site, "Waits.")

    def no(comment: dict[str, Any], code: str, status: int, **request: Any) -> None:
        request = {"headers": site.headers(), "json": {"reason": "spam"}} | request
        refused("POST", address_of(comment), code=code, status=status, **request)

    no(waiting, "unknown_comment", 404)
    no({"id": "0" * 32}, "unknown_comment", 404)
    no(public, "unknown_comment", 404, headers=foreign.headers())
    no(public, "invalid_site_key", 401, headers={})
    no(public, "origin_not_allowed", 403, headers=site.headers(Origin="https://evil.example"))
    no(public, "invalid_token", 401, headers=site.headers(Authorization="Bearer nonsense"))
    for body in ({}, {"reason": "because"}, {"reason": "spam", "note": "x" * 1001}):
        no(public, "invalid_input", 422, json=body)


def test_pages_of_the_site_may_report(client: CheckedClient, site: SiteKit) -> None:
    comment = client.approved(site)
    asked = client.options(
        address_of(comment),
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"},
    )
    assert asked.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_reports_are_limited_by_address(custom: Any) -> None:
    client: CheckedClient = custom(rate_limits="on", rate_limit_report="2/minute")
    site = client.service.make_site()
    comments = [client.approved(site, f"Number {word}") for word in ("one", "two", "three")]
    answers = [report(client, site, comment).status_code for comment in comments]
    assert answers == [202, 202, 429]
    assert report(client, site, comments[2], at="192.0.2.9").status_code == 202


def test_a_threshold_says_how_many_reports_it_takes(custom: Any) -> None:
    client: CheckedClient = custom(report_threshold=2)
    site, token = client.service.make_site(), client.service.make_token()
    comment = client.approved(site)
    report(client, site, comment)
    assert reported(client, token) == []
    report(client, site, comment, at="192.0.2.9")
    assert [item["id"] for item in reported(client, token)] == [comment["id"]]


@pytest.mark.parametrize("policy", ["open"])
def test_what_was_reported_and_then_edited_waits(
    client: CheckedClient, service: Service, token: Token, policy: str
) -> None:
    site = service.make_site(policy=policy)
    comment = client.queued(site, jwt=site.jwt())
    client.decide(
        token,
        {"comment_id": comment["id"], "action": "approve", "version": comment["version"]},
    )
    report(client, site, comment)
    edited = client.patch(
        f"/api/v1/comments/{comment['id']}",
        json={"body": "Something nicer."},
        headers=site.headers(X_Receipt=comment["receipt"]),
    )
    assert edited.status_code == 200
    service.judge_all()
    [item] = client.get(QUEUE, headers=token.headers).json["items"]
    assert item["verdict"]["rule"] == "reported"
    assert "reported" in item["reasons"]
    assert item["report_count"] == 1
