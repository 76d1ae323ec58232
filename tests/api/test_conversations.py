"""Comments in conversations, and a link to one of them."""

from __future__ import annotations

from typing import Any

from checked_client import CheckedClient
from factories import Service, SiteKit, Token

COMMENTS = "/api/v1/comments"


def asked(client: CheckedClient, site: SiteKit, **query: Any) -> dict[str, Any]:
    response = client.get(
        COMMENTS, query_string={"site_key": site.key, "article_id": "story-1"} | query
    )
    assert response.status_code == 200, response.text
    return response.json


def bodies(page: dict[str, Any]) -> tuple[list[str], list[str]]:
    return [c["body"] for c in page["items"]], [c["body"] for c in page["replies"]]


def said(client: CheckedClient, site: SiteKit, body: str, parent: dict | None = None) -> dict:
    client.service.clock.advance(seconds=1)
    return client.approved(site, body, parent_id=parent and parent["id"])


def test_a_page_brings_what_stands_under_its_comments(client: CheckedClient, site: SiteKit) -> None:
    first = said(client, site, "First")
    said(client, site, "Second")
    reply = said(client, site, "Reply", first)
    said(client, site, "Deeper", reply)
    assert bodies(asked(client, site, threads=True)) == (["Second", "First"], ["Reply", "Deeper"])
    page = asked(client, site, threads=True, sort="oldest", limit=1)
    assert bodies(page) == (["First"], ["Reply", "Deeper"])
    page = asked(client, site, threads=True, sort="oldest", cursor=page["next_cursor"])
    assert bodies(page) == (["Second"], [])
    assert page["count"] == 4


def test_every_counted_comment_is_in_one_conversation(
    client: CheckedClient, site: SiteKit, token: Token
) -> None:
    """What replied to a comment that is gone begins a conversation of its own."""
    first = said(client, site, "First")
    gone = said(client, site, "Gone", first)
    said(client, site, "Left", gone)
    client.decide(token, {"comment_id": gone["id"], "action": "reject", "version": gone["version"]})
    page = asked(client, site, threads=True, sort="oldest")
    assert bodies(page) == (["First", "Left"], [])
    assert page["count"] == 2


def test_replies_beyond_what_fits_are_told_of(client: CheckedClient, site: SiteKit) -> None:
    first = said(client, site, "First")
    for number in range(22):
        said(client, site, f"No {number}", first)
    page = asked(client, site, threads=True)
    assert len(page["replies"]) == 20
    assert page["items"][0]["reply_count"] == 22
    [last] = [
        comment
        for comment in asked(client, site, parent_id=first["id"], limit=100)["items"]
        if comment["body"] == "No 21"
    ]
    linked = asked(client, site, comment_id=last["id"])
    assert [c["body"] for c in linked["items"]] == ["First"]
    assert "No 21" in [c["body"] for c in linked["replies"]]


def test_a_conversation_is_found_by_any_comment_in_it(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    reply = said(client, site, "Reply", said(client, site, "First"))
    said(client, site, "Other")
    assert bodies(asked(client, site, comment_id=reply["id"])) == (["First"], ["Reply"])
    waiting = client.queued(site, "Waits")
    for strange in (waiting["id"], "no-such-comment"):
        assert bodies(asked(client, site, comment_id=strange)) == ([], [])
    elsewhere = asked(client, service.make_site(), comment_id=reply["id"])
    assert bodies(elsewhere) == ([], [])
    assert bodies(asked(client, site, article_id="story-2", comment_id=reply["id"])) == ([], [])


def test_a_page_tells_who_may_comment(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    service.make_article(site, "closed", state="closed")
    page = asked(client, site, article_id="closed")
    assert (page["open"], page["guests_allowed"]) == (False, True)
    strict = service.make_site(guests_allowed=False, creates_articles=False)
    page = asked(client, strict, article_id="unknown")
    assert (page["open"], page["guests_allowed"]) == (False, False)


def test_a_cursor_of_the_plain_list_is_not_one_of_conversations(
    client: CheckedClient, site: SiteKit
) -> None:
    for number in range(2):
        said(client, site, str(number))
    cursor = asked(client, site, limit=1)["next_cursor"]
    response = client.get(
        COMMENTS,
        query_string={"article_id": "story-1", "threads": True, "cursor": cursor},
        headers=site.headers(),
    )
    assert response.status_code == 400


def test_a_filled_trap_is_refused(client: CheckedClient, site: SiteKit, service: Service) -> None:
    before = service.snapshot()
    told = {"article_id": "story-1", "body": "Hi", "author": {"name": "B"}, "website": "x"}
    response = client.post(COMMENTS, json=told, headers=site.headers())
    assert response.status_code == 422
    assert response.json["errors"] == {"website": ["Leave this field empty."]}
    assert service.snapshot() == before
