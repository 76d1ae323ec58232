"""The moderators' queue: its orders, filters and near-copies; claims."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, Token
from flask import Flask

from moderation.domain.comment import Comment
from moderation.domain.staff import Role, Scope
from moderation.labels import LABELS

QUEUE = "/api/v1/queue"
CLAIMS = "/api/v1/queue/claims"


def waiting(client: CheckedClient, token: Token, **query: Any) -> list[dict[str, Any]]:
    response = client.get(QUEUE, query_string=query, headers=token.headers)
    assert response.status_code == 200, response.text
    return response.json["items"]


def bodies(client: CheckedClient, token: Token, **query: Any) -> list[str]:
    return [item["body"] for item in waiting(client, token, **query)]


def claim(client: CheckedClient, token: Token, **wanted: Any) -> list[str]:
    response = client.post(CLAIMS, json=wanted, headers=token.headers)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json["items"]]


def test_an_item_tells_all_that_deciding_needs(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    client.approved(site, "Before.")
    article = {"url": "https://news.example/1", "title": "A title"}
    comment = client.queued(site, "Rather rude.", article_id="story-2", article=article)
    [item] = waiting(client, token)
    assert {name: item[name] for name in ("id", "site_id", "parent_id", "body", "status")} == {
        "id": comment["id"],
        "site_id": site.id,
        "parent_id": None,
        "body": "Rather rude.",
        "status": "queued",
    }
    assert item["version"] == comment["version"]
    assert item["scored"] is True
    assert set(item["scores"]) == set(LABELS)
    assert item["scores"]["toxicity"] == pytest.approx(0.6)
    assert "toxicity_high" in item["reasons"]
    assert (item["spans"], item["language"], item["unsupported"]) == ([[7, 11]], "en", None)
    verdict = item["verdict"]
    assert (verdict["action"], verdict["rule"]) == ("queue", "every_comment_waits")
    assert verdict["policy"] == "strict"
    assert verdict["policy_version"].startswith("1+")
    assert verdict["model_version"] == "fake/1"
    assert set(verdict["thresholds"]) == set(LABELS)
    assert item["article"] == {"id": "story-2", **article, "count": 0}
    assert item["author"]["name"] == "Grace"
    assert item["author"]["kind"] == "guest"
    assert item["author"]["record"] == {"approved": 1, "rejected": 0}
    assert item["claim"] is None
    assert item["similar_count"] == 0


def test_spans_count_code_points_of_the_body_as_it_is_served(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    # Trimmed and in NFC before it is scored: what was sent is longer than what is stored.
    client.queued(site, "   Cafe\u0301 👩‍👩‍👧 rude!  ")
    [item] = waiting(client, token)
    [[start, end]] = item["spans"]
    assert item["body"][start:end] == "rude"


def test_an_item_says_why_no_model_is_made_for_it(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    client.queued(site, "Hyvä kissa")
    [item] = waiting(client, token)
    assert (item["language"], item["unsupported"]) == ("fi", "language")
    assert item["verdict"]["rule"] == "unsupported"
    assert "unsupported" in item["reasons"]
    assert set(item["scores"]) == set(LABELS)


def test_the_orders(client: CheckedClient, service: Service, site: SiteKit, token: Token) -> None:
    for body in ("Quite harmless.", "A threat.", "Also harmless here."):
        client.post_comment(site, body)
        service.clock.advance(minutes=1)
    service.judge_all()
    assert bodies(client, token, sort="oldest") == [
        "Quite harmless.",
        "A threat.",
        "Also harmless here.",
    ]
    assert bodies(client, token, sort="newest") == bodies(client, token, sort="oldest")[::-1]
    assert bodies(client, token)[0] == "A threat."
    assert bodies(client, token) == bodies(client, token, sort="priority")


def test_priority_does_not_starve_what_has_waited_long(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    client.post_comment(site, "Harmless and old.")
    service.clock.advance(hours=13)
    client.post_comment(site, "A threat.")
    service.judge_all()
    assert bodies(client, token)[0] == "Harmless and old."


@pytest.mark.parametrize("sort", ["priority", "oldest", "newest"])
def test_pages_are_complete_while_others_decide(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, sort: str
) -> None:
    posted = set()
    for number in range(12):
        if number % 2:
            service.clock.advance(seconds=1)
        posted.add(client.post_comment(site, f"Comment {'abcdefghijkl'[number]}")["id"])
    service.judge_all()
    seen: list[str] = []
    query: dict[str, Any] = {"sort": sort, "limit": 5}
    while True:
        page = client.get(QUEUE, query_string=query, headers=token.headers).json
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        first = page["items"][0]
        client.decide(
            token, {"comment_id": first["id"], "action": "approve", "version": first["version"]}
        )
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert set(seen) == posted


def test_the_filters(client: CheckedClient, service: Service, site: SiteKit, token: Token) -> None:
    other = service.make_site()
    client.post_comment(site, "Plain.")
    client.post_comment(site, "awful", article_id="story-2", author={"name": "Hopper"})
    client.post_comment(other, "spam")
    service.judge_all()
    client.post_comment(site, "This fails.")
    for _ in range(3):
        service.judge_all()
        service.clock.advance(minutes=1)

    def found(**query: Any) -> set[str]:
        return set(bodies(client, token, **query))

    everything = {"Plain.", "awful", "spam", "This fails."}
    assert found() == everything
    assert found(site_id=other.id) == {"spam"}
    assert found(site_id="0" * 32) == set()
    assert found(article_id="story-2") == {"awful"}
    assert found(article_id="story-2", site_id=other.id) == set()
    assert found(min_toxicity=0.9) == {"awful"}
    assert found(min_toxicity=0.005) == everything - {"This fails."}
    assert found(min_spam=0.9) == {"spam"}
    assert found(min_spam=0.9, min_insult=0.9) == set()
    for label in LABELS:
        assert "Plain." not in found(**{f"min_{label}": 0.5})
    assert found(not_scored="true") == {"This fails."}
    assert found(not_scored="false") == everything - {"This fails."}
    [hoppers] = [i for i in waiting(client, token) if i["author"]["name"] == "Hopper"]
    assert found(author_id=hoppers["author"]["id"]) == {"awful"}

    [failed] = waiting(client, token, not_scored="true")
    assert (failed["scored"], failed["scores"]) == (False, None)
    assert "not_scored" in failed["reasons"]
    assert failed["verdict"]["model_version"] is None


def test_near_copies_are_counted_within_the_site(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    for body in ("Buy now at x.example!", "BUY  NOW at y.example", "B-u-y now!", "Different."):
        client.post_comment(site, body)
    client.post_comment(service.make_site(), "Buy now at x.example!")
    service.judge_all()
    counted = {item["body"]: item["similar_count"] for item in waiting(client, token)}
    assert counted["Different."] == 0
    assert counted["BUY  NOW at y.example"] >= 1
    of_site = waiting(client, token, site_id=site.id)
    copies = [item for item in of_site if item["similar_count"]]
    assert all(item["similar_count"] == len(copies) - 1 for item in copies)


LONG = "Earn four thousand a week from your sofa, ask me how, only few places are left for you"
COPIES = (
    LONG.replace("four", "f0ur").replace("places", "plaaaces"),
    f"Hello everyone! {LONG} http://a.example/1",
    LONG.replace("only few", "just a few"),
)


def test_near_copies_are_one_cluster_and_can_be_listed_and_claimed(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    other = client.queued(site, "The council sold the old harbour to its friends for a song.")
    first, *copies = (client.queued(site, body) for body in (LONG, *COPIES))
    there = client.queued(service.make_site(), LONG)
    cluster = {first["id"], *(copy["id"] for copy in copies)}

    items = waiting(client, token)
    assert {i["id"] for i in items if i["similar_count"] == 3} == cluster
    assert {i["id"] for i in items if i["similar_count"] == 0} == {other["id"], there["id"]}
    assert len({i["cluster_id"] for i in items}) == 3
    for asked in cluster:
        assert {i["id"] for i in waiting(client, token, similar_to=asked)} == cluster
    assert [i["id"] for i in waiting(client, token, similar_to=other["id"])] == [other["id"]]
    page = client.get(
        QUEUE, query_string={"similar_to": first["id"], "limit": 3}, headers=token.headers
    ).json
    rest = waiting(client, token, similar_to=first["id"], cursor=page["next_cursor"])
    assert {i["id"] for i in page["items"] + rest} == cluster

    assert set(claim(client, token, similar_to=first["id"], limit=100)) == cluster
    elsewhere = service.make_token(Scope.QUEUE, site_ids=[service.make_site().id])
    for token_of, unknown in ((token, "0" * 32), (elsewhere, first["id"])):
        for answer in (
            client.get(QUEUE, query_string={"similar_to": unknown}, headers=token_of.headers),
            client.post(CLAIMS, json={"similar_to": unknown}, headers=token_of.headers),
        ):
            told = (answer.status_code, answer.json["type"])
            assert told == (404, "/docs/problems#unknown_comment")


def test_what_waits_without_a_cluster_is_similar_to_itself(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    old, _ = client.queued(site, LONG), client.queued(site, COPIES[0])
    with service.database.write() as session:
        session.get_one(Comment, old["id"]).cluster_id = None
    assert [i["id"] for i in waiting(client, token, similar_to=old["id"])] == [old["id"]]


def test_only_what_waits_is_counted_as_similar(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comments = [client.queued(site, body) for body in (LONG, *COPIES)]
    decided, withdrawn, edited, left = comments
    client.decide(
        token, {"comment_id": decided["id"], "action": "reject", "version": decided["version"]}
    )
    counted = {i["id"]: i["similar_count"] for i in waiting(client, token)}
    assert counted == {c["id"]: 2 for c in (withdrawn, edited, left)}
    for method, comment, changes in (
        ("DELETE", withdrawn, None),
        ("PATCH", edited, {"body": "Something else altogether, about the weather of today."}),
    ):
        answer = client.open(
            f"/api/v1/comments/{comment['id']}",
            method=method,
            json=changes,
            headers=site.headers(X_Receipt=comment["receipt"]),
        )
        assert answer.status_code in (200, 204)
    assert [i["similar_count"] for i in waiting(client, token)] == [0]
    service.judge_all()
    assert [i["similar_count"] for i in waiting(client, token)] == [0, 0]
    # A decided comment's copies can be listed as well: it does not wait itself.
    [item] = waiting(client, token, similar_to=decided["id"])
    assert item["id"] == left["id"]


def test_a_moderator_sees_their_own_sites_only(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    other = service.make_site()
    mine, theirs = client.queued(site, "Mine."), client.queued(other, "Theirs.")
    token = service.make_token(Scope.QUEUE, Scope.DECISIONS, site_ids=[site.id])
    assert bodies(client, token) == ["Mine."]
    assert bodies(client, token, site_id=other.id) == []
    assert claim(client, token, limit=10) == [mine["id"]]
    assert claim(client, token, comment_ids=[theirs["id"]]) == []
    before = service.snapshot()
    for method, url in (
        ("DELETE", f"{CLAIMS}/{theirs['id']}"),
        ("GET", f"/api/v1/comments/{theirs['id']}/history"),
    ):
        answer = client.open(url, method=method, headers=token.headers)
        assert (answer.status_code, answer.json["type"]) == (404, "/docs/problems#unknown_comment")
    [result] = client.decide(
        token, {"comment_id": theirs["id"], "action": "approve", "version": theirs["version"]}
    )
    assert result["problem"]["type"] == "/docs/problems#unknown_comment"
    assert service.snapshot() == before


# --- Claims -------------------------------------------------------------------------------------


def test_claims_go_to_one_moderator_each_and_expire(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    for number in range(5):
        client.post_comment(site, f"Comment {'abcde'[number]}")
    service.judge_all()
    ada, ben = (
        service.make_token(staff=service.make_staff(f"{name}@news.example"))
        for name in ("ada", "ben")
    )
    order = [item["id"] for item in waiting(client, ada)]
    assert claim(client, ada, limit=2) == order[:2]
    assert claim(client, ben, limit=2) == order[2:4]
    assert claim(client, ben, limit=10) == order[4:]
    assert claim(client, ada, limit=10) == []

    held = {item["id"]: item["claim"] for item in waiting(client, ada)}
    assert held[order[0]]["by"] == "ada"
    assert (held[order[0]]["mine"], held[order[2]]["mine"]) == (True, False)
    expires = datetime.fromisoformat(held[order[0]]["expires_at"])
    assert expires - service.clock() == timedelta(seconds=300)

    service.clock.advance(seconds=299)
    assert claim(client, ben, comment_ids=order[:2]) == []
    assert claim(client, ada, comment_ids=[order[0]]) == [order[0]]  # renewed
    service.clock.advance(seconds=1)
    assert claim(client, ben, comment_ids=order[:2]) == [order[1]]
    assert {item["id"] for item in waiting(client, ada) if item["claim"]} == set(order[:2])


def test_claims_take_filters_and_the_first_in_the_queue(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    client.post_comment(site, "Plain.")
    client.post_comment(site, "awful")
    service.judge_all()
    [awful] = claim(client, token, limit=5, min_toxicity=0.9)
    assert service.comment(awful).body == "awful"
    # Without a body at all: the next one.
    response = client.post(CLAIMS, headers=token.headers)
    assert [item["body"] for item in response.json["items"]] == ["Plain."]


def test_a_claim_is_given_back(client: CheckedClient, service: Service, site: SiteKit) -> None:
    comment = client.queued(site)
    ada, ben = (service.make_token(staff=service.make_staff()) for _ in range(2))
    admin = service.make_token(Scope.ADMIN, staff=service.make_staff(role=Role.ADMIN))
    url = f"{CLAIMS}/{comment['id']}"
    claim(client, ada)
    before = service.snapshot()
    refused = client.delete(url, headers=ben.headers)
    assert (refused.status_code, refused.json["type"]) == (
        409,
        "/docs/problems#claimed_by_another",
    )
    assert service.snapshot() == before
    assert client.delete(url, headers=ada.headers).status_code == 204
    assert client.delete(url, headers=ada.headers).status_code == 204  # held by nobody: fine
    assert claim(client, ben) == [comment["id"]]
    assert client.delete(url, headers=admin.headers).status_code == 204
    assert claim(client, ada) == [comment["id"]]
    service.clock.advance(seconds=301)
    assert client.delete(url, headers=ben.headers).status_code == 204


def test_a_claim_ends_with_the_decision_and_holds_up_nobody(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    """A claim is a courtesy; the version is the guard."""
    comment = client.queued(site)
    claim(client, service.make_token())
    [result] = client.decide(
        token, {"comment_id": comment["id"], "action": "approve", "version": comment["version"]}
    )
    assert result["ok"]
    assert service.comment(comment["id"]).claimed_by is None


def test_claiming_at_the_same_time_nobody_gets_what_another_has(
    app: Flask, client: CheckedClient, service: Service, site: SiteKit
) -> None:
    for number in range(12):
        client.post_comment(site, f"Comment {'abcdefghijkl'[number]}")
    service.judge_all()
    tokens = [service.make_token() for _ in range(4)]
    together, got = threading.Barrier(4), [[] for _ in tokens]

    def work(place: int) -> None:
        together.wait()
        for _ in range(3):
            got[place] += claim(app.test_client(), tokens[place], limit=2)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [comment_id for ids in got for comment_id in ids]
    assert len(everything) == len(set(everything)) == 12


# --- Views ----------------------------------------------------------------------------------------


def test_the_views(client: CheckedClient, service: Service, site: SiteKit, token: Token) -> None:
    _, approved, rejected, escalated = (
        client.queued(site, body) for body in ("Waits.", "Good.", "Bad.", "Hard.")
    )
    for comment, action in ((approved, "approve"), (rejected, "reject"), (escalated, "escalate")):
        [result] = client.decide(
            token,
            {
                "comment_id": comment["id"],
                "action": action,
                "version": comment["version"],
                "note": "A note",
            },
        )
        assert result["ok"]
    for view, found in (
        ("waiting", ["Waits."]),
        ("approved", ["Good."]),
        ("rejected", ["Bad."]),
        ("escalated", ["Hard."]),
        ("mine", ["Hard.", "Bad.", "Good."]),
        ("reported", []),
        ("not_scored", []),
    ):
        assert bodies(client, token, view=view) == found
    assert bodies(client, token) == ["Waits."]
    [item] = waiting(client, token, view="escalated")
    assert item["escalation"]["note"] == "A note"
    assert item["decision"]["action"] == "escalate"
    [result] = client.decide(
        token,
        {"comment_id": item["id"], "action": "approve", "version": item["version"]},
    )
    assert result["problem"]["type"] == "/docs/problems#waits_for_admin"
    admin = service.make_token(Scope.ADMIN, staff=service.make_staff(role=Role.ADMIN))
    [result] = client.decide(
        admin, {"comment_id": item["id"], "action": "approve", "version": item["version"]}
    )
    assert result["ok"]
    counts = client.get("/api/v1/queue/counts", headers=token.headers).json["counts"]
    assert {view: count["number"] for view, count in counts.items()} == {
        "waiting": 1,
        "escalated": 0,
        "reported": 0,
        "not_scored": 0,
        "approved": 2,
        "rejected": 1,
    }


def test_a_flood_is_gathered_on_request(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    client.queued(site, "The council sold the old harbour to its friends for a song.")
    for body in (LONG, *COPIES):
        client.queued(site, body)
    assert len(waiting(client, token)) == 5
    gathered = waiting(client, token, gather="true", text="SOFA")
    assert [(item["body"], item["similar_count"]) for item in gathered] == [(LONG, 3)]


def test_a_batch_is_undone_by_its_id(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comments = [client.queued(site, body) for body in ("One.", "Two.")]
    answer = client.post(
        "/api/v1/decisions",
        json={
            "decisions": [
                {"comment_id": c["id"], "action": "approve", "version": c["version"]}
                for c in comments
            ]
        },
        headers=token.headers,
    ).json
    assert client.count(site) == 2
    url = f"/api/v1/decisions/batches/{answer['batch_id']}/undo"
    undone = client.post(url, headers=token.headers)
    assert undone.status_code == 200
    assert [result["ok"] for result in undone.json["results"]] == [True, True]
    assert client.count(site) == 0
    again = client.post(url, headers=token.headers).json
    assert {r["problem"]["type"] for r in again["results"]} == {"/docs/problems#stale_version"}
    assert again["batch_id"] is None
    unknown = client.post(f"/api/v1/decisions/batches/{'0' * 32}/undo", headers=token.headers)
    assert (unknown.status_code, unknown.json["type"]) == (404, "/docs/problems#unknown_decision")


def test_notes_stand_in_the_history(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comment = client.queued(site)
    url = f"/api/v1/comments/{comment['id']}"
    answer = client.post(f"{url}/notes", json={"text": "Ask the author."}, headers=token.headers)
    assert answer.status_code == 201
    history = client.get(f"{url}/history", headers=token.headers).json
    assert [note["text"] for note in history["notes"]] == ["Ask the author."]
    own = client.get(url, headers=site.headers(X_Receipt=comment["receipt"]))
    assert "Ask the author." not in own.text
    elsewhere = service.make_token(site_ids=[service.make_site().id])
    refused = client.post(f"{url}/notes", json={"text": "?"}, headers=elsewhere.headers)
    assert (refused.status_code, refused.json["type"]) == (404, "/docs/problems#unknown_comment")
