"""The whole life of a comment, lived through real processes on each stack."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from stacks import Doors, Installation, eventually

from moderation.adapters.policies import LOOK_EVERY_S
from moderation.domain.staff import Principal, Scope
from moderation.labels import LABELS
from moderation.services import policies
from moderation.services.counts import find_drift

KIND = "Thank you for this thoughtful article, I learned a lot from it."
HOSTILE = (
    "You are a stupid fucking idiot and everybody here hates you, you worthless piece of shit."
)
SPAM = (
    "Make $5000 a week from home!!! Check out my channel http://cheap-pills.example and subscribe"
)


@pytest.fixture
def installation(stack: Any) -> Installation:
    return stack.installation


@pytest.fixture
def doors(stack: Any) -> Doors:
    return stack.doors


@pytest.fixture
def article(request: pytest.FixtureRequest) -> str:
    """An article of this test's own."""
    return request.node.name


@pytest.fixture(autouse=True)
def counts_are_exact(installation: Installation) -> Iterator[None]:
    """After each test; `moderation counts check` says so at the end of the first."""
    yield
    with installation.inside.database.read() as session:
        assert find_drift(session) == []


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and the name of the problem's type."""
    return answer.status_code, answer.json()["type"].rpartition("#")[2]


def reader_token(doors: Doors, **claims: Any) -> dict[str, str]:
    """The header of a signed-in reader."""
    told = {"sub": "reader-7", "name": "Grace", "exp": int(time.time()) + 600, **claims}
    return {"Authorization": f"Bearer {jwt.encode(told, doors.sso_secret, algorithm='HS256')}"}


def test_a_comment_is_posted_scored_approved_listed_and_counted(
    installation: Installation, doors: Doors, article: str
) -> None:
    answer = doors.post(KIND, article=article, headers={"Idempotency-Key": article})
    assert answer.status_code == 202, answer.text
    posted = answer.json()
    assert posted["status"] == "pending"
    assert answer.headers["Location"] == f"/api/v1/comments/{posted['id']}"
    assert doors.posted(KIND, article=article, headers={"Idempotency-Key": article}) == posted

    # It waits for a moderator, with what the models say of it.
    item = doors.queued(posted["id"])
    assert (item["status"], item["body"]) == ("queued", KIND)
    assert set(item["scores"]) == set(LABELS)
    assert all(0 <= score <= 1 for score in item["scores"].values())
    assert item["scored"]
    assert item["verdict"]["rule"] == "every_comment_waits"
    assert item["verdict"]["policy"] == "strict"
    assert item["verdict"]["model_version"]
    assert item["author"]["name"] == "Ada"
    assert item["article"]["id"] == article
    assert doors.status(posted) == "queued"

    # Nobody else sees it yet.
    assert doors.listed(article)["items"] == []
    assert doors.count(article) == 0

    claimed = doors.staff("POST", "queue/claims", json={"comment_ids": [item["id"]]}).json()
    assert claimed["items"][0]["claim"]["mine"]
    decision = doors.decide(item, "approve")
    assert (decision["ok"], decision["status"]) == (True, "approved")
    assert decision["version"] == item["version"] + 1

    # Now everybody does.
    page = doors.listed(article)
    assert [(c["id"], c["body"], c["author"]["name"]) for c in page["items"]] == [
        (posted["id"], KIND, "Ada")
    ]
    assert page["count"] == doors.count(article) == 1
    assert doors.queue(article_id=article) == []

    trail = doors.history(posted["id"])
    assert [(e["action"], e["decided_by"], e["actor"], e["status"]) for e in trail] == [
        ("queue", "policy", None, "queued"),
        ("approve", "moderator", "desk", "approved"),
    ]
    assert trail[0]["model_version"] == item["verdict"]["model_version"]
    assert trail[0]["scores"] == item["scores"]
    assert installation.command("counts", "check").startswith("All counts are exact")


def test_what_happens_is_told_in_logs_and_metrics(
    installation: Installation, doors: Doors, article: str
) -> None:
    request_id = {"X-Request-Id": "followed-through-the-service"}
    posted = doors.posted(KIND, article=article, headers=request_id)
    doors.queued(posted["id"])

    logs = [line for program in installation.programs for line in program.log.splitlines()]
    told = [
        json.loads(line)
        for line in logs
        if '"followed-through-the-service"' in line and line.startswith("{")
    ]
    assert {(entry["part"], entry["event"]) for entry in told} == {
        ("web", "request"),
        ("worker", "comment_judged"),
    }
    metrics = installation.ask("/metrics")
    assert "moderation_scoring_batch_comments_count" in metrics  # counted by the worker
    assert 'moderation_waiting_comments{scored="yes",status="queued"}' in metrics
    assert "moderation_count_drift_articles" in metrics


def test_a_count_is_sent_again_only_when_it_has_changed(doors: Doors, article: str) -> None:
    item = doors.queued(doors.posted(KIND, article=article)["id"])
    query = {"params": {"article_id": [article, "unknown"]}}
    before = doors.public("GET", "counts", **query)
    assert before.json() == {"counts": {article: 0, "unknown": 0}}
    known = {"headers": {"If-None-Match": before.headers["ETag"]}}
    assert doors.public("GET", "counts", **query, **known).status_code == 304

    doors.decide(item, "approve")
    after = doors.public("GET", "counts", **query, **known)
    assert (after.status_code, after.json()["counts"][article]) == (200, 1)


def test_a_reply_is_counted_under_what_it_replies_to(doors: Doors, article: str) -> None:
    parent = doors.posted("First", article=article)
    refused = doors.post("Too early", article=article, parent_id=parent["id"])
    assert problem_of(refused) == (422, "invalid_parent")
    doors.decide(doors.queued(parent["id"]), "approve")
    reply = doors.posted("I agree", article=article, parent_id=parent["id"], author="Grace")
    doors.decide(doors.queued(reply["id"]), "approve")

    page = doors.listed(article, sort="oldest")
    assert [(c["id"], c["parent_id"], c["reply_count"]) for c in page["items"]] == [
        (parent["id"], None, 1),
        (reply["id"], parent["id"], 0),
    ]
    assert [c["id"] for c in doors.listed(article, parent_id=parent["id"])["items"]] == [
        reply["id"]
    ]
    assert doors.count(article) == 2


def test_a_rejection_is_explained_undone_and_decided_again(doors: Doors, article: str) -> None:
    posted = doors.posted("Rather off topic", article=article)
    item = doors.queued(posted["id"])
    rejected = doors.decide(item, "reject", reason="off topic", note="seen before")
    assert doors.own(posted)["statement_of_reasons"]["reason"] == "off topic"
    assert doors.listed(article)["items"] == []

    undone = doors.staff("POST", f"decisions/{rejected['decision_id']}/undo")
    assert (undone.status_code, undone.json()["status"]) == (200, "queued")
    assert doors.own(posted)["statement_of_reasons"] is None

    # What another moderator saw before all this is out of date.
    late = doors.decide(item, "approve")
    assert (late["ok"], late["problem"]["status"]) == (False, 409)
    approved = doors.decide(doors.queued(posted["id"]), "approve")
    assert doors.count(article) == 1
    doors.staff("POST", f"decisions/{approved['decision_id']}/undo")
    assert doors.count(article) == 0
    assert [e["action"] for e in doors.history(posted["id"])] == [
        *("queue", "reject", "undo", "approve", "undo")
    ]


def test_a_signed_in_reader_edits_and_withdraws(doors: Doors, article: str) -> None:
    signed_in = reader_token(doors)
    posted = doors.posted(KIND, article=article, author=None, headers=signed_in)
    item = doors.queued(posted["id"])
    assert (item["author"]["name"], item["author"]["kind"]) == ("Grace", "reader")
    doors.decide(item, "approve")
    assert doors.listed(article)["items"][0]["author"] == {"name": "Grace"}

    path = f"comments/{posted['id']}"
    edited = doors.public("PATCH", path, json={"body": HOSTILE}, headers=signed_in)
    assert (edited.status_code, edited.json()["status"]) == (200, "pending")
    assert doors.count(article) == 0  # the new text has not been seen by anybody
    again = doors.queued(posted["id"])
    assert again["body"] == HOSTILE
    assert again["scores"]["toxicity"] > item["scores"]["toxicity"]

    stranger = reader_token(doors, sub="reader-8")
    assert doors.public("DELETE", path, headers=stranger).status_code == 403
    assert doors.public("DELETE", path, headers=signed_in).status_code == 204
    assert doors.status(posted) == "withdrawn"
    assert [i["id"] for i in doors.queue(article_id=article)] == []
    expired = doors.post(KIND, author=None, headers=reader_token(doors, exp=int(time.time()) - 60))
    assert problem_of(expired) == (401, "expired_token")


def test_real_models_tell_kind_hostile_and_spam_apart(doors: Doors, article: str) -> None:
    kind, hostile, spam = (
        doors.queued(doors.posted(body, article=article)["id"])["scores"]
        for body in (KIND, HOSTILE, SPAM)
    )
    assert kind["toxicity"] < 0.1 < 0.9 < hostile["toxicity"]
    assert hostile["insult"] > 0.5
    assert kind["spam"] < 0.5 < spam["spam"]


def test_under_assisted_clear_cases_need_nobody(installation: Installation, article: str) -> None:
    doors = installation.add_site(policy="assisted", name=f"Assisted {article}")
    first = doors.posted(KIND, article=article)
    doors.decide(doors.queued(first["id"]), "approve")  # a newcomer's first always waits

    kind = doors.posted("A really lovely piece, thank you!", article=article)
    hostile = doors.posted(HOSTILE, article=article)
    assert doors.judged(kind) == "approved"
    assert doors.judged(hostile) in ("rejected", "queued")

    assert doors.count(article) == 2
    (entry,) = doors.history(kind["id"])
    assert (entry["decided_by"], entry["action"], entry["rule"]) == ("policy", "approve", "clear")
    assert doors.history(hostile["id"])[0]["rule"] in ("score_rejects", "score_high")
    assert {c["id"] for c in doors.listed(article)["items"]} == {first["id"], kind["id"]}


def test_under_open_comments_appear_at_once_unless_held_back(
    installation: Installation, article: str
) -> None:
    doors = installation.add_site(policy="open", name=f"Open {article}")
    kind, hostile = (doors.posted(body, article=article) for body in (KIND, HOSTILE))
    assert (doors.judged(kind), doors.judged(hostile)) == ("approved", "queued")
    assert [c["id"] for c in doors.listed(article)["items"]] == [kind["id"]]
    assert doors.count(article) == 1

    # Moderators look afterwards.
    version = doors.history(kind["id"])[0]["version"]
    assert doors.decide({"id": kind["id"], "version": version}, "reject")["ok"]
    assert doors.count(article) == 0


def test_a_hundred_comments_are_decided_in_one_call(doors: Doors, article: str) -> None:
    ids = {doors.posted(f"Number {n}", article=article, author=f"A{n}")["id"] for n in range(100)}
    items = eventually(
        lambda: len(found := doors.queue(article_id=article)) == 100 and found,
        "all hundred are in the queue",
        within_s=30,
    )
    orders = [{"comment_id": i["id"], "version": i["version"], "action": "approve"} for i in items]
    results = doors.staff("POST", "decisions", json={"decisions": orders}).json()["results"]
    assert {r["comment_id"] for r in results if r["ok"]} == ids
    assert doors.count(article) == 100
    seen, cursor = [], None
    while cursor or not seen:
        page = doors.listed(article, limit=30, **({"cursor": cursor} if cursor else {}))
        seen += [c["id"] for c in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == 100
    assert set(seen) == ids


def test_a_spam_decision_is_heard_for_the_next_near_copy_without_a_restart(
    doors: Doors, article: str
) -> None:
    def feedback(item: dict[str, Any]) -> float:
        return sum(p["log_odds"] for p in item["spam_parts"] if p["name"] == "feedback")

    text = "Our harbour museum sells the finest ropes of all, come and see them on the quay."
    copy = "Our harbour museum sells the FINEST ropes of all... come, and see them on the quay!"
    first = doors.queued(doors.posted(text, article=article, author="Ria")["id"])
    assert feedback(first) == 0
    total = sum(part["log_odds"] for part in first["spam_parts"])
    assert first["scores"]["spam"] == pytest.approx(1 / (1 + math.exp(-total)))
    decided = doors.decide(first, "reject", reason="spam")
    second = doors.queued(doors.posted(copy, article=article, author="Rob")["id"])
    assert feedback(second) > 0
    assert second["scores"]["spam"] > first["scores"]["spam"]

    undone = doors.staff("POST", f"decisions/{decided['decision_id']}/undo")
    assert undone.status_code == 200, undone.text
    third = doors.queued(doors.posted(copy, article=article, author="Rik")["id"])
    assert feedback(third) == 0


def test_a_policy_saved_at_the_desk_decides_within_seconds_without_a_restart(
    installation: Installation, article: str
) -> None:
    """In every worker: each of several comments, whoever takes it, hears of the new words."""
    inside = installation.inside
    assisted = inside.policy_files["assisted"]

    def save(base: int, **changed: Any) -> str:
        policy = dataclasses.replace(assisted, name="local", trusted_after=0, **changed)
        ada = Principal("staff:a", "Ada", frozenset(Scope))
        with inside.database.write() as session:
            saved = policies.save(
                session, inside.policy_files, policy, base=base, by=ada, now=inside.clock()
            )
        time.sleep(LOOK_EVERY_S + 0.5)
        assert saved.policy_version is not None
        return saved.policy_version

    save(0)
    doors = installation.add_site(policy="local", name="Local")
    first = doors.posted("The grelbo is a fine animal, thank you for the article.", article=article)
    assert doors.judged(first) != "rejected"
    version = save(1, blocked_words=("grelbo",))
    for number in range(6):
        posted = doors.posted(f"What a grelbo that was, number {number}.", article=article)
        assert doors.judged(posted) == "rejected"
        assert doors.history(posted["id"])[-1]["policy_version"] == version
