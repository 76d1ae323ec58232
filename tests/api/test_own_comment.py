"""What authors do with their own comments: look, edit within the window, withdraw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, Token
from werkzeug.test import TestResponse

from moderation.domain.reason import Reason
from moderation.services import sites

COMMENTS = "/api/v1/comments"

Act = Callable[..., TestResponse]


def change_reasons(service: Service, site: SiteKit, reasons: list[Reason] | None) -> None:
    with service.database.write() as session:
        sites.change_site(sites.by_id(session, site.id), service.wiring.policies, reasons=reasons)


@pytest.fixture
def act(client: CheckedClient, site: SiteKit) -> Act:
    """Do something with one's own comment: ``act("GET", comment)``."""

    def act(method: str, comment: dict[str, Any], **request: Any) -> TestResponse:
        return client.open(
            f"{COMMENTS}/{comment['id']}",
            method=method,
            headers=site.headers(X_Receipt=comment["receipt"]),
            **request,
        )

    return act


def test_a_look_at_ones_own_comment(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.post_comment(site, "Hello.")
    answer = act("GET", comment)
    assert answer.headers["Cache-Control"] == "no-store"
    seen = answer.json
    until = datetime.fromisoformat(seen.pop("editable_until"))
    assert until - service.clock() == timedelta(seconds=300)
    assert seen == {
        "id": comment["id"],
        "article_id": "story-1",
        "parent_id": None,
        "body": "Hello.",
        "status": "pending",
        "created_at": comment["created_at"],
        "edited_at": None,
        "statement_of_reasons": None,
    }
    service.judge_all()
    assert act("GET", comment).json["status"] == "queued"


def test_the_author_signed_in_needs_no_receipt(client: CheckedClient, site: SiteKit) -> None:
    comment = client.post_comment(site, jwt=site.jwt(sub="me"))
    headers = site.headers(Authorization=f"Bearer {site.jwt(sub='me', name='Renamed')}")
    url = f"{COMMENTS}/{comment['id']}"
    assert client.get(url, headers=headers).json["status"] == "pending"
    assert client.patch(url, json={"body": "Better."}, headers=headers).json["body"] == "Better."
    assert client.delete(url, headers=headers).status_code == 204


def test_with_the_receipt_a_sign_in_that_has_expired_is_no_matter(
    client: CheckedClient, site: SiteKit
) -> None:
    comment = client.post_comment(site, jwt=site.jwt(sub="me"))
    headers = site.headers(
        Authorization=f"Bearer {site.jwt(sub='me', exp=1)}", X_Receipt=comment["receipt"]
    )
    assert client.get(f"{COMMENTS}/{comment['id']}", headers=headers).json["id"] == comment["id"]


def test_a_guest_of_the_same_name_is_not_signed_in(client: CheckedClient, site: SiteKit) -> None:
    """A reader whose ``sub`` is a guest's pseudonym is still not that guest."""
    comment = client.post_comment(site)
    with client.service.database.read() as session:
        from moderation.domain.author import Author

        identity = session.get_one(Author, client.service.comment(comment["id"]).author_id).identity
    headers = site.headers(Authorization=f"Bearer {site.jwt(sub=identity, name='Grace')}")
    assert client.get(f"{COMMENTS}/{comment['id']}", headers=headers).status_code == 403


def test_an_edit_goes_back_to_be_judged_and_leaves_the_public(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.approved(site, "Good.")
    assert client.count(site) == 1
    service.clock.advance(seconds=10)
    edited = act("PATCH", comment, json={"body": "  Changed: awful.\r\n"})
    assert edited.status_code == 200
    assert (edited.json["status"], edited.json["body"]) == ("pending", "Changed: awful.")
    assert datetime.fromisoformat(edited.json["edited_at"]) == service.clock()
    assert client.count(site) == 0
    listed = client.get(f"{COMMENTS}?article_id=story-1", headers=site.headers()).json
    assert listed["items"] == []

    service.judge_all()
    assert service.judge.batches[-1] == ["Changed: awful."]
    token = service.make_token()
    [item] = client.get("/api/v1/queue", headers=token.headers).json["items"]
    assert (item["body"], item["scores"]["toxicity"]) == ("Changed: awful.", 0.97)
    assert item["version"] > comment["version"]


def test_an_edit_while_it_is_being_scored_is_what_counts(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.post_comment(site, "Before.")
    assess = service.judge.assess

    def edited_meanwhile(texts):
        service.judge.assess = assess
        assert act("PATCH", comment, json={"body": "After: awful."}).status_code == 200
        return assess(texts)

    service.judge.assess = edited_meanwhile  # type: ignore[method-assign]
    service.judge_all()
    token = service.make_token()
    [item] = client.get("/api/v1/queue", headers=token.headers).json["items"]
    assert (item["body"], item["scores"]["toxicity"]) == ("After: awful.", 0.97)


def test_an_edit_that_changes_nothing(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.approved(site, "Good.")
    before = service.snapshot()
    assert act("PATCH", comment, json={"body": " Good. "}).json["status"] == "approved"
    assert service.snapshot() == before


def test_an_edit_out_of_its_time(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.approved(site)
    service.clock.advance(seconds=300)
    assert act("PATCH", comment, json={"body": "Just in time."}).status_code == 200
    service.clock.advance(microseconds=1)
    before = service.snapshot()
    late = act("PATCH", comment, json={"body": "Too late."})
    assert (late.status_code, late.json["type"]) == (403, "/docs/problems#edit_window_over")
    assert "300 seconds" in late.json["detail"]
    assert service.snapshot() == before


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "invalid_body"), ("a" * 301, "invalid_body"), (17, "invalid_input"), ({}, None)],
)
def test_an_edit_that_cannot_be_taken(
    client: CheckedClient, service: Service, site: SiteKit, act: Act, body: Any, code: str | None
) -> None:
    comment = client.post_comment(site)
    before = service.snapshot()
    refused = act("PATCH", comment, json={} if code is None else {"body": body})
    assert refused.status_code == 422
    assert refused.json["type"] == f"/docs/problems#{code or 'invalid_input'}"
    assert service.snapshot() == before


def test_what_was_rejected_or_withdrawn_is_not_edited(
    client: CheckedClient, site: SiteKit, token: Token, act: Act
) -> None:
    rejected, withdrawn = client.queued(site), client.queued(site)
    client.decide(
        token, {"comment_id": rejected["id"], "action": "reject", "version": rejected["version"]}
    )
    act("DELETE", withdrawn)
    for comment in (rejected, withdrawn):
        assert act("GET", comment).json["editable_until"] is None
        refused = act("PATCH", comment, json={"body": "Better."})
        assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#not_editable")


@pytest.mark.parametrize("decided", [None, "approve", "reject"])
def test_withdrawing_is_for_good_and_may_be_repeated(
    client: CheckedClient,
    service: Service,
    site: SiteKit,
    token: Token,
    act: Act,
    decided: str | None,
) -> None:
    comment = client.queued(site)
    version = comment["version"]
    if decided:
        order = {"comment_id": comment["id"], "action": decided, "version": version}
        [result] = client.decide(token, order)
        version = result["version"]
    assert act("DELETE", comment).status_code == 204
    assert client.count(site) == 0
    once = service.snapshot()
    assert act("DELETE", comment).status_code == 204
    assert service.snapshot() == once
    assert act("GET", comment).json["status"] == "withdrawn"

    order = {"comment_id": comment["id"], "action": "approve", "version": version + 1}
    [result] = client.decide(token, order)
    assert result["problem"]["type"] == "/docs/problems#not_decidable"
    assert client.get("/api/v1/queue", headers=token.headers).json["items"] == []


def test_what_is_withdrawn_before_scoring_is_not_scored(
    client: CheckedClient, service: Service, site: SiteKit, act: Act
) -> None:
    comment = client.post_comment(site)
    act("DELETE", comment)
    service.judge_all()
    assert service.judge.batches == []


def test_the_statement_of_reasons(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, act: Act
) -> None:
    comment = client.queued(site)
    order = {"comment_id": comment["id"], "action": "reject", "version": comment["version"]}
    [result] = client.decide(token, order | {"reason": "Off topic", "note": "For colleagues only"})
    seen = act("GET", comment)
    statement = seen.json["statement_of_reasons"]
    assert statement["reason"] == "Off topic"
    assert statement["decided_by"] == "moderator"
    assert datetime.fromisoformat(statement["decided_at"]) == service.clock()
    assert "colleagues" not in seen.text
    client.post(f"/api/v1/decisions/{result['decision_id']}/undo", headers=token.headers)
    assert act("GET", comment).json["statement_of_reasons"] is None


def test_a_reason_of_the_sites_list_is_told_as_its_statement(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, act: Act
) -> None:
    comment = client.queued(site)
    order = {"comment_id": comment["id"], "action": "reject", "version": comment["version"]}
    client.decide(token, order | {"reason": "off_topic"})

    def told() -> str:
        return act("GET", comment).json["statement_of_reasons"]["reason"]

    assert told() == "It has nothing to do with the article."
    history = client.get(f"{COMMENTS}/{comment['id']}/history", headers=token.headers).json
    assert history["items"][-1]["reason"] == "off_topic"
    ours = Reason("off_topic", "Elsewhere, please", "We would like to stay with the ferry.", "1")
    change_reasons(service, site, [ours])
    assert told() == "We would like to stay with the ferry."
    change_reasons(service, site, [Reason("rude", "Rude", "Say it kindly.", "r")])
    assert told() == "We would like to stay with the ferry.", "what left the list is still told"
    with service.database.read() as session:
        found = sites.reasons(sites.by_id(session, site.id))
    assert [reason.code for reason in found] == ["rude"]
    change_reasons(service, site, None)
    assert told() == "It has nothing to do with the article."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("spam", "An automatic check found spam or advertising"),
        ("spam and hateful", "An automatic check found spam or advertising"),
        ("awful", "An automatic check found hostile language"),
    ],
)
def test_the_statement_of_reasons_of_a_machine(
    client: CheckedClient, service: Service, body: str, reason: str
) -> None:
    """Who was rejected by the policy is told that, in words and without the scores."""
    site = service.make_site(policy="assisted")
    comment = client.queued(site, body)
    seen = client.get(
        f"{COMMENTS}/{comment['id']}", headers=site.headers(X_Receipt=comment["receipt"])
    ).json
    assert seen["status"] == "rejected"
    assert seen["statement_of_reasons"]["decided_by"] == "policy"
    assert seen["statement_of_reasons"]["reason"] == reason
