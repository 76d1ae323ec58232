"""Sites and articles as a publisher's CMS steers them."""

from __future__ import annotations

from typing import Any

import pytest
from checked_client import CheckedClient
from factories import ORIGIN, Service, SiteKit, Token, comment_json

from moderation.domain.staff import Scope

COMMENTS = "/api/v1/comments"


@pytest.fixture
def cms(service: Service, site: SiteKit) -> Token:
    """A CMS's token, for its own site only."""
    return service.make_token(Scope.SITES, site_ids=[site.id])


def post(client: CheckedClient, site: SiteKit, **told: Any) -> int:
    response = client.post(COMMENTS, json=comment_json(**told), headers=site.headers())
    return response.status_code


def test_what_a_cms_sees_of_its_site(
    client: CheckedClient, service: Service, site: SiteKit, cms: Token
) -> None:
    service.make_site()
    [listed] = client.get("/api/v1/sites", headers=cms.headers).json["items"]
    assert listed == client.get(f"/api/v1/sites/{site.id}", headers=cms.headers).json
    assert listed == {
        "id": site.id,
        "name": listed["name"],
        "site_key": site.key,
        "origins": [ORIGIN],
        "policy": "strict",
        "guests_allowed": True,
        "creates_articles": True,
        "edit_window_s": 300,
        "reasons": listed["reasons"],
    }
    assert [one["code"] for one in listed["reasons"]][:2] == ["spam", "insult"]
    assert site.sso_secret not in str(service.snapshot())


def test_closing_and_opening_an_article(client: CheckedClient, site: SiteKit, cms: Token) -> None:
    url = f"/api/v1/sites/{site.id}/articles/story-1"
    assert client.get(url, headers=cms.headers).status_code == 404
    approved = client.approved(site)
    closed = client.patch(url, json={"state": "closed"}, headers=cms.headers)
    assert closed.json == {
        "id": "story-1",
        "site_id": site.id,
        "url": None,
        "title": None,
        "state": "closed",
        "policy": None,
        "count": 1,
    }
    assert post(client, site) == 403
    assert post(client, site, parent_id=approved["id"]) == 403
    assert post(client, site, article_id="story-2") == 202
    # What is there stays to be read.
    assert client.count(site) == 1
    client.patch(url, json={"state": "open"}, headers=cms.headers)
    assert post(client, site) == 202


def test_an_articles_own_policy(
    client: CheckedClient, service: Service, site: SiteKit, cms: Token
) -> None:
    url = f"/api/v1/sites/{site.id}/articles/story-1"
    assert client.patch(url, json={"policy": "open"}, headers=cms.headers).status_code == 200
    at_once = client.queued(site)
    waits = client.queued(site, article_id="story-2")
    held = client.queued(site, "awful")
    status = {c["id"]: service.comment(c["id"]).status for c in (at_once, waits, held)}
    assert list(status.values()) == ["approved", "queued", "queued"]
    assert client.count(site) == 1
    client.patch(url, json={"policy": None}, headers=cms.headers)
    assert service.comment(client.queued(site)["id"]).status == "queued"


def test_a_sites_policy(client: CheckedClient, service: Service, site: SiteKit, cms: Token) -> None:
    client.patch(f"/api/v1/sites/{site.id}", json={"policy": "assisted"}, headers=cms.headers)
    outcomes = {
        body: service.comment(client.queued(site, body)["id"]).status
        for body in ("Fine words.", "spam", "A threat.")
    }
    assert outcomes == {"Fine words.": "queued", "spam": "rejected", "A threat.": "queued"}
    # Once an author is known, what is clear is published.
    client.approved(site, jwt=site.jwt(sub="known"))
    clear = client.queued(site, "More fine words.", jwt=site.jwt(sub="known"))
    assert service.comment(clear["id"]).status == "approved"
    fails = client.queued(site, "This fails.", jwt=site.jwt(sub="known"))
    for _ in range(3):
        service.clock.advance(minutes=1)
        service.judge_all()
    assert service.comment(fails["id"]).status == "queued"


def test_turning_off_guests_and_unknown_articles(
    client: CheckedClient, service: Service, site: SiteKit, cms: Token
) -> None:
    url = f"/api/v1/sites/{site.id}"
    changed = client.patch(
        url, json={"guests_allowed": False, "creates_articles": False}, headers=cms.headers
    ).json
    assert (changed["guests_allowed"], changed["creates_articles"]) == (False, False)
    assert post(client, site) == 403
    headers = site.headers(Authorization=f"Bearer {site.jwt()}")
    unknown = client.post(COMMENTS, json=comment_json(author=None), headers=headers)
    assert unknown.json["type"] == "/docs/problems#unknown_article"
    client.patch(f"{url}/articles/story-1", json={"title": "Known"}, headers=cms.headers)
    known = client.post(COMMENTS, json=comment_json(author=None), headers=headers)
    assert known.status_code == 202


def test_changing_the_edit_window_and_the_origins(
    client: CheckedClient, service: Service, site: SiteKit, cms: Token
) -> None:
    comment = client.post_comment(site)
    changed = client.patch(
        f"/api/v1/sites/{site.id}",
        json={
            "edit_window_s": 0,
            "origins": ["HTTPS://New.Example:443/", "http://localhost:8080", "https://new.example"],
        },
        headers=cms.headers,
    )
    assert changed.json["origins"] == ["https://new.example", "http://localhost:8080"]
    service.clock.advance(seconds=1)
    late = client.patch(
        f"{COMMENTS}/{comment['id']}",
        json={"body": "Late."},
        headers=site.headers(X_Receipt=comment["receipt"]),
    )
    assert late.json["type"] == "/docs/problems#edit_window_over"
    url = f"{COMMENTS}?article_id=a"
    for origin, status in ((ORIGIN, 403), ("https://new.example", 200)):
        assert client.get(url, headers=site.headers(Origin=origin)).status_code == status


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": "lenient"},
        {"policy": None},
        {"name": ""},
        {"name": "n" * 101},
        {"origins": ["news.example"]},
        {"origins": ["https://news.example/path"]},
        {"origins": ["javascript:alert(1)"]},
        {"origins": ["*"]},
        {"origins": ["https://[bad"]},
        {"origins": ["https://a:99999"]},
        {"origins": "https://news.example"},
        {"edit_window_s": -1},
        {"edit_window_s": 10**12},
        {"edit_window_s": "300"},
        {"guests_allowed": "perhaps"},
        {"site_key": "mine"},
        {"id": "mine"},
    ],
    ids=str,
)
def test_changes_to_a_site_that_are_refused(
    refused: Any, site: SiteKit, cms: Token, changes: dict[str, Any]
) -> None:
    response = refused(
        "PATCH", f"/api/v1/sites/{site.id}", json={"guests_allowed": False} | changes,
        headers=cms.headers, code="invalid_input", status=422,
    )  # fmt: skip
    [field] = changes
    assert any(name.split(".")[0] == field for name in response.json["errors"])


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "ajar"},
        {"policy": "lenient"},
        {"url": "ftp://news.example"},
        {"title": "t" * 251},
        {"count": 7},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_changes_to_an_article_that_are_refused(
    refused: Any, site: SiteKit, cms: Token, changes: dict[str, Any]
) -> None:
    refused(
        "PATCH", f"/api/v1/sites/{site.id}/articles/new", json=changes, headers=cms.headers,
        code="invalid_input", status=422,
    )  # fmt: skip


@pytest.mark.parametrize("article_id", ["%00", "a" * 256])
def test_article_ids_that_cannot_be(
    refused: Any, site: SiteKit, cms: Token, article_id: str
) -> None:
    for method, request in (("GET", {}), ("PATCH", {"json": {}})):
        refused(
            method, f"/api/v1/sites/{site.id}/articles/{article_id}", headers=cms.headers,
            **request, code="invalid_input", status=422,
        )  # fmt: skip


@pytest.mark.parametrize(
    "article_id",
    ["/2026/11/24/story", "a//b", "a/", "a b?c#d", "🙂", "https://news.example/1", "."],
)
def test_an_article_id_may_be_any_text(
    client: CheckedClient, site: SiteKit, cms: Token, article_id: str
) -> None:
    """An article closed through its address is the one that comments name."""
    from urllib.parse import quote

    url = f"/api/v1/sites/{site.id}/articles/{quote(article_id, safe='')}"
    closed = client.patch(url, json={"state": "closed"}, headers=cms.headers)
    assert closed.status_code == 200
    assert closed.json["id"] == article_id
    assert post(client, site, article_id=article_id) == 403


def test_another_sites_doors_stay_shut(
    refused: Any, service: Service, site: SiteKit, cms: Token
) -> None:
    other = service.make_site()
    for site_id in (other.id, "0" * 32):
        for method, url, request in (
            ("GET", "", {}),
            ("PATCH", "", {"json": {"policy": "open"}}),
            ("GET", "/articles/a", {}),
            ("PATCH", "/articles/a", {"json": {"state": "closed"}}),
        ):
            refused(
                method, f"/api/v1/sites/{site_id}{url}", headers=cms.headers, **request,
                code="unknown_site", status=404,
            )  # fmt: skip


def test_the_reasons_of_a_site(client: CheckedClient, site: SiteKit, cms: Token) -> None:
    url = f"/api/v1/sites/{site.id}"
    ours = [
        {"code": "rude", "name": "Rude", "statement": "Please say it kindly.", "key": "r"},
        {"code": "spam", "name": "Advert", "statement": "We take no adverts.", "key": None},
    ]
    changed = client.patch(url, json={"reasons": ours}, headers=cms.headers)
    assert changed.json["reasons"] == ours
    assert client.get(url, headers=cms.headers).json["reasons"] == ours
    twice = client.patch(url, json={"reasons": [ours[0], ours[0]]}, headers=cms.headers)
    assert twice.status_code == 422
    assert "there twice" in twice.json["errors"]["reasons"][0]
    defaults = client.patch(url, json={"reasons": None}, headers=cms.headers).json["reasons"]
    assert "off_topic" in [one["code"] for one in defaults]
