"""Decisions: one or a hundred, each with its own result; undo; the history of a comment."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, Token, comment_json
from flask import Flask

from moderation.domain.staff import Scope
from moderation.services import review

DECISIONS = "/api/v1/decisions"


def order(comment: dict[str, Any], action: str = "approve", **more: Any) -> dict[str, Any]:
    return {"comment_id": comment["id"], "action": action, "version": comment["version"]} | more


def undo(client: CheckedClient, token: Token, decision_id: str):
    return client.post(f"{DECISIONS}/{decision_id}/undo", headers=token.headers)


def problem(result: dict[str, Any]) -> str:
    assert result["ok"] is False
    assert "decision_id" not in result
    assert result["problem"]["detail"]
    return result["problem"]["type"].removeprefix("/docs/problems#")


def queue_of(client: CheckedClient, site: SiteKit, number: int) -> list[dict[str, Any]]:
    comments = [client.post_comment(site, f"Comment {n:b}") for n in range(number)]
    client.service.judge_all()
    return [
        comment | {"version": client.service.comment(comment["id"]).version} for comment in comments
    ]


def test_one_decision(client: CheckedClient, site: SiteKit, token: Token) -> None:
    comment = client.queued(site)
    [result] = client.decide(token, order(comment))
    assert result.pop("decision_id")
    assert result == {
        "comment_id": comment["id"],
        "ok": True,
        "status": "approved",
        "version": comment["version"] + 1,
    }
    assert client.count(site) == 1


def test_a_hundred_decisions_each_with_its_own_result(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    theirs = client.queued(service.make_site())
    *comments, stale, pending, withdrawn, twice = queue_of(client, site, 97)
    client.decide(token, order(stale))
    assert client.count(site) == 1
    client.patch(
        f"/api/v1/comments/{pending['id']}", json={"body": "Edited."},
        headers=site.headers(X_Receipt=pending["receipt"]),
    )  # fmt: skip
    client.delete(
        f"/api/v1/comments/{withdrawn['id']}", headers=site.headers(X_Receipt=withdrawn["receipt"])
    )
    limited = service.make_token(Scope.DECISIONS, site_ids=[site.id])
    orders = [
        *(order(c, "reject" if n % 3 == 0 else "approve") for n, c in enumerate(comments)),
        order(stale, "reject"),
        {"comment_id": pending["id"], "action": "approve", "version": pending["version"] + 1},
        {"comment_id": withdrawn["id"], "action": "approve", "version": withdrawn["version"] + 1},
        order(twice),
        order(twice, "reject"),
        {"comment_id": "0" * 32, "action": "approve", "version": 1},
        order(theirs),
    ]
    assert len(orders) == 100
    results = client.decide(limited, *orders)
    assert [result["comment_id"] for result in results] == [o["comment_id"] for o in orders]
    assert all(result["ok"] for result in results[:93])
    assert [problem(result) for result in results[93:96]] == [
        "stale_version",
        "not_decidable",
        "not_decidable",
    ]
    assert results[96]["ok"]
    assert [problem(result) for result in results[97:]] == [
        "stale_version",
        "unknown_comment",
        "unknown_comment",
    ]
    approved = 1 + sum(n % 3 != 0 for n in range(93)) + 1
    assert client.count(site) == approved
    statuses = {r["comment_id"]: r["status"] for r in results if r["ok"]}
    assert all(service.comment(i).status == status for i, status in statuses.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"decisions": []},
        {"decisions": [{}]},
        {"decisions": "all"},
        {},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": 1}] * 101},
        {"decisions": [{"comment_id": "a", "action": "publish", "version": 1}]},
        {"decisions": [{"comment_id": "a", "action": "approve"}]},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": "1"}]},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": 0}]},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": 1.5}]},
        {"decisions": [{"comment_id": 1, "action": "approve", "version": 1}]},
        {"decisions": [{"comment_id": "a\x00", "action": "approve", "version": 1}]},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": 1, "resaon": "x"}]},
        {"decisions": [{"comment_id": "a", "action": "approve", "version": 1, "note": "a\x00"}]},
        {"decisions": [{"comment_id": "a", "action": "reject", "version": 1, "reason": "r" * 81}]},
        {"decisions": [{"comment_id": "a", "action": "reject", "version": 1, "reason": "a\x07"}]},
        {"decisions": [{"comment_id": "a", "action": "reject", "version": 1, "note": "n" * 2001}]},
    ],
    ids=lambda changes: str(changes)[:120] + str(len(str(changes))),
)
def test_a_call_that_is_wrong_as_a_whole(refused: Any, token: Token, changes: Any) -> None:
    refused(
        "POST", DECISIONS, json=changes, headers=token.headers, code="invalid_input", status=422
    )  # fmt: skip


def test_a_moderator_may_change_their_mind(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    comment = client.queued(site)
    counts = []
    for action in ("approve", "reject", "approve"):
        [result] = client.decide(token, order(comment, action))
        comment["version"] = result["version"]
        counts.append(client.count(site))
    assert counts == [1, 0, 1]
    [again] = client.decide(token, order(comment, "approve"))
    assert problem(again) == "not_decidable"
    assert "already" in again["problem"]["detail"]


def test_near_copies_are_decided_along(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    texts = ("Buy now at x.example!", "BUY NOW at y.example", "buy, now: z.example", "Other.")
    first, second, claimed, other = (client.queued(site, text) for text in texts)
    elsewhere = client.queued(service.make_site(), texts[0])
    colleague = service.make_token()
    client.post(
        "/api/v1/queue/claims", json={"comment_ids": [claimed["id"]]}, headers=colleague.headers
    )
    results = client.decide(
        token,
        order(first, "reject", include_similar=True, reason="Advertising"),
        order(other),
    )
    assert [(r["comment_id"], r.get("similar_to"), r["status"]) for r in results] == [
        (first["id"], None, "rejected"),
        (second["id"], first["id"], "rejected"),
        (other["id"], None, "approved"),
    ]
    # What a colleague holds, and another site's, is left alone.
    assert service.comment(claimed["id"]).status == "queued"
    assert service.comment(elsewhere["id"]).status == "queued"
    # Without the wish, nothing goes along.
    [alone] = client.decide(token, order(claimed, "reject"))
    assert alone["ok"]
    history = client.get(f"/api/v1/comments/{second['id']}/history", headers=token.headers).json[
        "items"
    ]
    assert (history[-1]["action"], history[-1]["reason"]) == ("reject", "Advertising")
    assert history[-1]["batch_id"]


LONG = "Earn four thousand a week from your sofa, ask me how, only few places are left for you"


def test_rejecting_takes_near_copies_along_and_approving_does_not(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    padded, edited = f"Hello everyone! {LONG}", LONG.replace("four", "five").replace("few", "no")
    seen, same, *others = (client.queued(site, b) for b in (LONG, LONG, padded, edited))
    first, *along = client.decide(token, order(seen, include_similar=True))
    assert [r["comment_id"] for r in along] == [same["id"]]
    assert first["similar_left"] == 2
    assert "similar_left" not in along[0]
    assert {service.comment(o["id"]).status for o in others} == {"queued"}
    # A mind changed: what is rejected takes along all that wait.
    seen["version"] = first["version"]
    first, *along = client.decide(token, order(seen, "reject", include_similar=True))
    assert {r["comment_id"] for r in along} == {o["id"] for o in others}
    assert first["similar_left"] == 0
    assert {service.comment(o["id"]).status for o in others} == {"rejected"}
    assert service.comment(same["id"]).status == "approved"  # decided already, by itself
    [alone] = client.decide(token, order(client.queued(site, LONG), "reject"))
    assert "similar_left" not in alone


def test_a_flood_is_rejected_in_several_calls_that_say_how_much_is_left(
    client: CheckedClient,
    service: Service,
    site: SiteKit,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(review, "MAX_SIMILAR", 3)
    comments = [client.queued(site, f"{LONG} {n:b}") for n in range(9)]
    left, decided = [], set()
    while len(decided) < 9:
        waiting = [c for c in comments if c["id"] not in decided]
        results = client.decide(token, order(waiting[0], "reject", include_similar=True))
        assert len(results) <= 4
        left.append(results[0]["similar_left"])
        decided |= {r["comment_id"] for r in results}
    assert left == [5, 1, 0]


def test_orders_in_one_call_share_the_room_for_copies(
    client: CheckedClient, site: SiteKit, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "MAX_SIMILAR", 3)
    one = [client.queued(site, f"{LONG} {n:b}") for n in range(4)]
    other = [
        client.queued(site, f"An offer of watches that nobody can refuse {n:b}") for n in range(4)
    ]
    results = client.decide(
        token,
        order(one[0], "reject", include_similar=True),
        order(one[1], "reject"),
        order(other[0], "reject", include_similar=True),
    )
    assert len(results) == 3 + 3
    assert [r["similar_left"] for r in results if "similar_left" in r] == [0, 2]


def test_approving_takes_along_only_what_is_the_same_to_the_letter(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    seen, same = client.queued(site, "What a read!"), client.queued(site, "What a read!")
    linked = client.queued(site, "What a read! http://phish.example/login 555-1234")
    results = client.decide(token, order(seen, include_similar=True))
    assert [r["comment_id"] for r in results] == [seen["id"], same["id"]]
    assert service.comment(linked["id"]).status == "queued"
    assert client.count(site) == 2


def test_equal_copies_are_found_among_many_near_ones(
    client: CheckedClient, site: SiteKit, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "MAX_SIMILAR", 2)
    seen, *_, same = (client.queued(site, f"{LONG}{end}") for end in ("", "!", " ok", " oh", ""))
    results = client.decide(token, order(seen, include_similar=True))
    assert [r["comment_id"] for r in results] == [seen["id"], same["id"]]
    assert results[0]["similar_left"] == 3


def test_what_is_no_longer_the_same_once_it_is_locked_is_not_approved(
    client: CheckedClient,
    service: Service,
    site: SiteKit,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if the copy had been edited between looking for it and locking it.
    monkeypatch.setattr(review, "equal_ids", review.similar_ids)
    seen, edited = client.queued(site, LONG), client.queued(site, f"{LONG} http://phish.example")
    results = client.decide(token, order(seen, include_similar=True))
    assert [r["comment_id"] for r in results] == [seen["id"]]
    assert service.comment(edited["id"]).status == "queued"


def test_near_copies_of_a_stale_decision_are_left_alone(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    first, copy = client.queued(site, "Buy now."), client.queued(site, "buy now!")
    before = service.snapshot()
    [result] = client.decide(token, order(first | {"version": 99}, "reject", include_similar=True))
    assert problem(result) == "stale_version"
    assert service.snapshot() == before
    assert service.comment(copy["id"]).status == "queued"


# --- Undo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_undo_puts_the_comment_back_in_its_place(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, action: str
) -> None:
    comments = queue_of(client, site, 3)
    order_before = client.get("/api/v1/queue", headers=token.headers).json["items"]
    [result] = client.decide(token, order(comments[1], action))
    undone = undo(client, token, result["decision_id"])
    assert undone.status_code == 200
    assert undone.json["status"] == "queued"
    assert undone.json["undoes"] == result["decision_id"]
    assert undone.json["version"] == result["version"] + 1
    assert undone.json["decision_id"] != result["decision_id"]
    assert client.count(site) == 0
    after = client.get("/api/v1/queue", headers=token.headers).json["items"]
    assert [item["id"] for item in after] == [item["id"] for item in order_before]
    # An undo is a decision: undone again, it is as decided.
    again = undo(client, token, undone.json["decision_id"])
    assert again.json["status"] == {"approve": "approved", "reject": "rejected"}[action]
    assert client.count(site) == (action == "approve")


def test_what_cannot_be_undone(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, refused: Any
) -> None:
    comment = client.queued(site)
    [first] = client.decide(token, order(comment))
    [second] = client.decide(
        token, {"comment_id": comment["id"], "action": "reject", "version": first["version"]}
    )
    history_url = f"/api/v1/comments/{comment['id']}/history"
    by_policy = client.get(history_url, headers=token.headers).json["items"][0]
    stranger = service.make_token(Scope.DECISIONS, site_ids=[service.make_site().id])
    for who, decision_id, code, status in (
        (token, first["decision_id"], "stale_version", 409),
        (token, by_policy["decision_id"], "not_undoable", 409),
        (token, "0" * 32, "unknown_decision", 404),
        (stranger, second["decision_id"], "unknown_decision", 404),
    ):
        refused(
            "POST", f"{DECISIONS}/{decision_id}/undo", headers=who.headers, code=code,
            status=status,
        )  # fmt: skip
    assert undo(client, token, second["decision_id"]).json["status"] == "approved"
    # Done once, it is not done again.
    refused(
        "POST", f"{DECISIONS}/{second['decision_id']}/undo", headers=token.headers,
        code="stale_version", status=409,
    )  # fmt: skip


def test_undo_after_the_author_withdrew(
    client: CheckedClient, site: SiteKit, token: Token, refused: Any
) -> None:
    comment = client.approved(site)
    client.delete(
        f"/api/v1/comments/{comment['id']}", headers=site.headers(X_Receipt=comment["receipt"])
    )
    refused(
        "POST", f"{DECISIONS}/{comment['decision_id']}/undo", headers=token.headers,
        code="stale_version", status=409,
    )  # fmt: skip


# --- History ------------------------------------------------------------------------------------


def test_the_history_tells_who_when_why_and_under_what(
    client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    ada = service.make_token(staff=service.make_staff("ada@news.example"))
    comment = client.queued(site, "awful")
    started = service.clock()
    service.clock.advance(minutes=1)
    [rejected] = client.decide(ada, order(comment, "reject", reason="Rude", note="Third time"))
    undo(client, ada, rejected["decision_id"])
    service.judge.model_version = "fake/2"
    client.patch(
        f"/api/v1/comments/{comment['id']}", json={"body": "Kind."},
        headers=site.headers(X_Receipt=comment["receipt"]),
    )  # fmt: skip
    service.judge_all()
    client.delete(
        f"/api/v1/comments/{comment['id']}", headers=site.headers(X_Receipt=comment["receipt"])
    )
    service.judge.model_version = "fake/1"
    response = client.get(f"/api/v1/comments/{comment['id']}/history", headers=token.headers)
    items = response.json["items"]
    assert response.json["next_cursor"] is None
    assert [(i["action"], i["decided_by"], i["previous_status"], i["status"]) for i in items] == [
        ("queue", "policy", "pending", "queued"),
        ("reject", "moderator", "queued", "rejected"),
        ("undo", "moderator", "rejected", "queued"),
        ("edit", "author", "queued", "pending"),
        ("queue", "policy", "pending", "queued"),
        ("withdraw", "author", "queued", "withdrawn"),
    ]
    versions = [item["version"] for item in items]
    assert versions == list(range(versions[0], versions[0] + 6))
    queue, reject, undone, *_, again, _ = items
    assert (reject["actor"], reject["reason"], reject["note"]) == ("ada", "Rude", "Third time")
    assert undone["undoes"] == reject["decision_id"]
    assert datetime.fromisoformat(queue["created_at"]) == started
    assert (queue["policy"], queue["rule"]) == ("strict", "every_comment_waits")
    assert queue["policy_version"].startswith("1+")
    assert (queue["model_version"], again["model_version"]) == ("fake/1", "fake/2")
    assert (queue["scores"]["toxicity"], again["scores"]["toxicity"]) == (0.97, 0.01)
    assert (queue["spans"], again["spans"]) == ([[0, 5]], [])
    assert (queue["language"], queue["unsupported"]) == ("en", None)
    # Under which scores and policy a person decided is told of their decision too.
    assert (reject["model_version"], reject["policy_version"]) == (
        "fake/1",
        queue["policy_version"],
    )


def test_the_history_of_an_unknown_comment(refused: Any, token: Token) -> None:
    refused(
        "GET", f"/api/v1/comments/{'0' * 32}/history", headers=token.headers,
        code="unknown_comment", status=404,
    )  # fmt: skip


# --- At the same time ---------------------------------------------------------------------------


def test_of_two_moderators_at_once_exactly_one_decides(
    app: Flask, client: CheckedClient, service: Service, site: SiteKit
) -> None:
    comments = queue_of(client, site, 6)
    tokens = [service.make_token() for _ in range(2)]
    together, results = threading.Barrier(2), [[], []]

    def work(place: int) -> None:
        # Each in an order of their own, which must not end in a deadlock.
        mine = comments if place == 0 else comments[::-1]
        action = ("approve", "reject")[place]
        together.wait()
        results[place] = app.test_client().decide(
            tokens[place], *(order(comment, action) for comment in mine)
        )

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [{r["comment_id"] for r in side if r["ok"]} for side in results]
    assert won[0] | won[1] == {comment["id"] for comment in comments}
    assert not won[0] & won[1]
    assert {problem(r) for side in results for r in side if not r["ok"]} <= {"stale_version"}
    assert client.count(site) == len(won[0])


def test_counts_are_exact_whatever_happens_at_once(
    app: Flask, client: CheckedClient, service: Service, site: SiteKit, token: Token
) -> None:
    """Moderators decide and undo, authors edit and withdraw, workers judge, all on one article."""
    comments = queue_of(client, site, 16)
    failures: list[BaseException] = []

    def moderate(action: str) -> None:
        mine = app.test_client()
        for comment in comments:
            version = service.comment(comment["id"]).version
            [result] = mine.decide(token, order(comment | {"version": version}, action))
            if result["ok"] and version % 2:
                undo(mine, token, result["decision_id"])

    def write() -> None:
        mine = app.test_client()
        for number, comment in enumerate(comments):
            headers = site.headers(X_Receipt=comment["receipt"])
            url = f"/api/v1/comments/{comment['id']}"
            if number % 3 == 0:
                mine.patch(url, json={"body": "Edited."}, headers=headers)
            elif number % 3 == 1:
                mine.delete(url, headers=headers)
            mine.post("/api/v1/comments", json=comment_json(f"New {number:b}"), headers=headers)
            service.judge_all()

    def run(act: Any, *args: Any) -> None:
        try:
            act(*args)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=args)
        for args in ((moderate, "approve"), (moderate, "reject"), (moderate, "approve"), (write,))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert service.drift() == []
