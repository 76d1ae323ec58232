"""What readers see: an article's approved comments, page by page, and counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, Token

COMMENTS = "/api/v1/comments"
COUNTS = "/api/v1/counts"


def approve_all(client: CheckedClient, token: Token) -> None:
    """Have everything that waits judged and approved."""
    client.service.judge_all()
    items = client.get("/api/v1/queue?limit=100", headers=token.headers).json["items"]
    orders = [
        {"comment_id": item["id"], "action": "approve", "version": item["version"]}
        for item in items
    ]
    assert all(result["ok"] for result in client.decide(token, *orders))


def listed(client: CheckedClient, site: SiteKit, **query: Any) -> dict[str, Any]:
    response = client.get(
        COMMENTS, query_string={"article_id": "story-1"} | query, headers=site.headers()
    )
    assert response.status_code == 200, response.text
    return response.json


def pages(client: CheckedClient, site: SiteKit, **query: Any) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = listed(client, site, **query, **cursor)
        yield page
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def test_only_what_is_approved_is_public(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    approved = client.approved(site, "Approved.")
    rejected = client.queued(site, "Rejected.")
    withdrawn = client.approved(site, "Withdrawn.")
    client.decide(
        token, {"comment_id": rejected["id"], "action": "reject", "version": rejected["version"]}
    )
    client.delete(
        f"{COMMENTS}/{withdrawn['id']}", headers=site.headers(X_Receipt=withdrawn["receipt"])
    )
    client.queued(site, "Queued.")
    client.post_comment(site, "Pending.")
    page = listed(client, site)
    assert [item["id"] for item in page["items"]] == [approved["id"]]
    assert page["count"] == client.count(site) == 1


def test_an_items_shape(client: CheckedClient, site: SiteKit) -> None:
    posted = client.approved(site, "Hello.", author={"name": "Grace"})
    [item] = listed(client, site)["items"]
    assert item == {
        "id": posted["id"],
        "article_id": "story-1",
        "parent_id": None,
        "author": {"name": "Grace"},
        "body": "Hello.",
        "created_at": posted["created_at"],
        "reply_count": 0,
    }
    assert item["created_at"].endswith("Z")
    assert datetime.fromisoformat(item["created_at"]) == client.service.clock()


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_pages_are_complete_and_without_duplicates_while_comments_arrive(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, sort: str
) -> None:
    posted = []
    for number in range(23):
        # Several at one instant: then the id decides their order.
        if number % 3 == 0:
            service.clock.advance(seconds=1)
        posted.append(client.post_comment(site, f"Comment {number}")["id"])
    approve_all(client, token)

    seen: list[dict[str, Any]] = []
    late = []
    for page in pages(client, site, sort=sort, limit=5):
        assert len(page["items"]) <= 5
        seen += page["items"]
        service.clock.advance(seconds=1)
        if len(late) < 3:
            late.append(client.approved(site, f"Late {len(late)}")["id"])

    ids = [item["id"] for item in seen]
    assert len(ids) == len(set(ids))
    assert set(posted) <= set(ids)
    keys = [(item["created_at"], item["id"]) for item in seen]
    assert keys == sorted(keys, reverse=sort == "newest")
    # What arrives while one reads shows up where the order puts it: at the far end, or not yet.
    assert set(late) & set(ids) == (set(late) if sort == "oldest" else set())


def test_a_page_that_is_just_full_is_the_last(
    client: CheckedClient, site: SiteKit, token: Token
) -> None:
    for number in range(4):
        client.post_comment(site, f"Comment {number}")
    approve_all(client, token)
    assert [len(page["items"]) for page in pages(client, site, limit=2)] == [2, 2]
    assert listed(client, site, limit=4)["next_cursor"] is None


def test_a_comment_that_goes_does_not_move_the_next_page(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    posted = []
    for number in range(6):
        service.clock.advance(seconds=1)
        posted.append(client.post_comment(site, f"Comment {number}"))
    approve_all(client, token)
    first = listed(client, site, sort="oldest", limit=3)
    last_seen = posted[2]
    client.delete(
        f"{COMMENTS}/{last_seen['id']}", headers=site.headers(X_Receipt=last_seen["receipt"])
    )
    second = listed(client, site, sort="oldest", limit=3, cursor=first["next_cursor"])
    assert [item["id"] for item in second["items"]] == [comment["id"] for comment in posted[3:]]


def test_replies_and_their_number(client: CheckedClient, site: SiteKit, token: Token) -> None:
    parent = client.approved(site, "Parent.")
    other = client.approved(site, "Other.")
    replies = [client.post_comment(site, f"Reply {n}", parent_id=parent["id"]) for n in range(3)]
    approve_all(client, token)
    client.queued(site, "A reply that waits.", parent_id=parent["id"])
    nested = client.approved(site, "Nested.", parent_id=replies[0]["id"])

    found = {item["id"]: item["reply_count"] for item in listed(client, site)["items"]}
    assert found[parent["id"]] == 3
    assert found[other["id"]] == 0
    assert found[replies[0]["id"]] == 1

    of_parent = listed(client, site, parent_id=parent["id"])
    assert {item["id"] for item in of_parent["items"]} == {reply["id"] for reply in replies}
    top = listed(client, site, parent_id="none")
    assert {item["id"] for item in top["items"]} == {parent["id"], other["id"]}
    assert [i["id"] for i in listed(client, site, parent_id=replies[0]["id"])["items"]] == [
        nested["id"]
    ]
    assert listed(client, site, parent_id="0" * 32)["items"] == []
    two = [page["items"] for page in pages(client, site, parent_id=parent["id"], limit=2)]
    assert [len(items) for items in two] == [2, 1]


def test_articles_and_sites_do_not_mix(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    client.approved(site)
    assert listed(client, site, article_id="story-2") == {
        "items": [],
        "next_cursor": None,
        "count": 0,
        "open": True,
        "guests_allowed": True,
    }
    assert listed(client, service.make_site())["items"] == []


# --- Counts -------------------------------------------------------------------------------------


def test_counts_of_a_hundred_articles(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    for article_id, number in {"a": 3, "b/c?d=é": 1}.items():
        for place in range(number):
            client.post_comment(site, f"Comment {place}", article_id=article_id)
    approve_all(client, token)
    client.queued(site, "Not yet.", article_id="waiting")
    wanted = ["a", "b/c?d=é", "waiting", *(f"unknown-{n}" for n in range(97))]
    response = client.get(COUNTS, query_string={"article_id": wanted}, headers=site.headers())
    counts = response.json["counts"]
    assert list(counts) == wanted
    assert (counts["a"], counts["b/c?d=é"]) == (3, 1)
    assert sum(counts.values()) == 4
    # Another site's articles of the same names are other articles.
    other = client.get(
        COUNTS, query_string={"article_id": "a"}, headers=service.make_site().headers()
    )
    assert other.json == {"counts": {"a": 0}}


@pytest.mark.parametrize("url", [f"{COUNTS}?article_id=story-1", f"{COMMENTS}?article_id=story-1"])
def test_an_unchanged_answer_is_not_sent_twice(
    client: CheckedClient, site: SiteKit, token: Token, url: str
) -> None:
    comment = client.queued(site)
    first = client.get(url, headers=site.headers())
    etag = first.headers["ETag"]
    assert "max-age" in first.headers["Cache-Control"]
    assert "X-Site-Key" in first.vary

    def again(tag: str):
        return client.get(url, headers=site.headers(If_None_Match=tag))

    unchanged = again(etag)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["ETag"] == etag
    assert again('"another"').status_code == 200

    [result] = client.decide(
        token, {"comment_id": comment["id"], "action": "approve", "version": comment["version"]}
    )
    changed = again(etag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag
    client.post(f"/api/v1/decisions/{result['decision_id']}/undo", headers=token.headers)
    assert again(changed.headers["ETag"]).status_code == 200
    assert again(etag).status_code == 304
