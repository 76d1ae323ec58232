"""The scoring task, from a posted comment to what moderators and readers see of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from factories import Service, SiteKit, comment_json
from fakes import FakeJudge
from flask.testing import FlaskClient

from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import Assessment
from moderation.web import create_app
from workers import judging
from workers.judging import judge_batch, judge_comments
from workers.upkeep import cluster_the_rest


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service.wiring).test_client()


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


@pytest.fixture
def post(client: FlaskClient, site: SiteKit) -> Callable[..., dict[str, Any]]:
    """Post a comment on the site, or another; what the author is told."""

    def post(body: str, on: SiteKit = site, **changes: Any) -> dict[str, Any]:
        answer = client.post(
            "/api/v1/comments", json=comment_json(body, **changes), headers=on.headers()
        )
        assert answer.status_code == 202, answer.text
        return answer.json

    return post


def queue(service: Service, client: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    token = service.make_token()
    answer = client.get("/api/v1/queue", query_string=query, headers=token.headers)
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def test_comments_are_scored_in_one_pass_up_to_the_batch_size(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    service = Service(tmp_path_factory.mktemp("small"), scoring_batch_size=3)
    site, client = service.make_site(), create_app(service.wiring).test_client()
    for number in range(5):
        body = comment_json(f"number {number}")
        client.post("/api/v1/comments", json=body, headers=site.headers())

    judge_comments(service.wiring)

    assert [len(batch) for batch in service.judge.batches] == [3, 2]
    service.close()


def test_a_judge_that_fails_hands_the_comment_to_moderators_in_the_end(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    posted = {
        policy: post("it fails", service.make_site(policy=policy))["id"]
        for policy in ("strict", "assisted", "open")
    }
    for wait_s in (5, 10, 0):
        assert queue(service, client) == []
        judge_comments(service.wiring)
        service.clock.advance(seconds=wait_s)

    found = queue(service, client, not_scored="true")
    assert {item["id"] for item in found} == set(posted.values())
    for item in found:
        assert item["status"] == "queued"
        assert (item["scored"], item["scores"]) == (False, None)
        assert item["verdict"]["rule"] == "not_scored"
        assert item["verdict"]["model_version"] is None
        assert "not_scored" in item["reasons"]
        assert item["article"]["count"] == 0
    assert queue(service, client, not_scored="false") == []
    assert [service.comment(comment_id).score_attempts for comment_id in posted.values()] == [3] * 3


def test_a_failing_comment_does_not_drag_its_batch_along(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    fine = [post("a fine one")["id"] for _ in range(3)]
    failing = post("it fails")["id"]
    judge_comments(service.wiring)  # all four fail together
    service.clock.advance(seconds=5)
    judge_comments(service.wiring)  # each alone

    assert {item["id"] for item in queue(service, client)} == set(fine)
    assert queue(service, client, not_scored="true") == []
    assert service.comment(failing).status == "pending"
    service.clock.advance(seconds=10)
    judge_comments(service.wiring)
    assert [i["id"] for i in queue(service, client, not_scored="true")] == [failing]


def test_a_comment_taken_more_often_than_allowed_is_not_tried_again(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    comment_id = post("it kills workers")["id"]
    for _ in range(3):  # three workers took it and were never heard of again
        with service.database.write() as session:
            judging.judging.take_jobs(session, now=service.clock(), limit=64, lease_s=60)
        service.clock.advance(seconds=60)

    judge_comments(service.wiring)

    assert service.judge.batches == []
    assert [i["id"] for i in queue(service, client, not_scored="true")] == [comment_id]


def _raise_on(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Have the making of a sketch raise for texts with ``word``, as a fault in it would."""
    sound = judging.judging.Sketch.of

    def of(text: str) -> Any:
        if word in text:
            raise OverflowError("a text that nobody thought of")
        return sound(text)

    monkeypatch.setattr(judging.judging.Sketch, "of", of)


def test_a_text_that_cannot_be_prepared_reaches_moderators_alone(
    service: Service,
    client: FlaskClient,
    post: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _raise_on(monkeypatch, "odd")
    fine, odd = post("a fine one")["id"], post("an odd one")["id"]
    for wait_s in (5, 10, 0):
        judge_comments(service.wiring)
        service.clock.advance(seconds=wait_s)

    assert [i["id"] for i in queue(service, client, not_scored="false")] == [fine]
    (item,) = queue(service, client, not_scored="true")
    assert (item["id"], item["verdict"]["rule"]) == (odd, "not_scored")
    assert service.comment(odd).cluster_id is None
    monkeypatch.undo()
    cluster_the_rest(service.wiring)
    assert service.comment(odd).cluster_id is not None


def test_spam_signals_that_cannot_be_weighed_count_as_a_failed_try(
    service: Service,
    client: FlaskClient,
    post: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def weigh(*_: object, **__: object) -> None:
        raise OverflowError("math range error")

    monkeypatch.setattr(judging.spam_context, "weigh", weigh)
    comment_id = post("a fine one")["id"]
    for wait_s in (5, 10, 0):
        assert queue(service, client) == []
        judge_comments(service.wiring)
        service.clock.advance(seconds=wait_s)
    assert [i["id"] for i in queue(service, client, not_scored="true")] == [comment_id]
    assert service.comment(comment_id).cluster_id is not None  # preparing it was no trouble


class LoadingJudge(FakeJudge):
    """A judge that does something when it is loaded: the first models, and the second one."""

    def __init__(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        super().__init__()
        self._load, self._load_second = first, second

    @property
    def model_version(self) -> str:
        self._load()
        return "fake/1"

    @model_version.setter
    def model_version(self, _: str) -> None: ...

    @property
    def versions_by_language(self) -> dict[str, str]:
        self._load_second()
        return {"fr": "other/1"}

    @versions_by_language.setter
    def versions_by_language(self, _: dict[str, str]) -> None: ...

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        self._load = self._load_second = lambda: None
        return super().assess(texts)


def test_all_models_are_loaded_before_a_comment_is_taken(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    comment_id = post("a fine one")["id"]
    attempts: list[int] = []

    def look() -> None:
        attempts.append(service.comment(comment_id).score_attempts)

    service.wiring.judge = LoadingJudge(look, look)
    judge_comments(service.wiring)
    assert attempts == [0, 0]
    assert [i["id"] for i in queue(service, client, not_scored="false")] == [comment_id]


def test_a_second_model_that_cannot_be_loaded_holds_nobody_up(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    def fail() -> None:
        raise ScoringUnavailable("no such file")

    comment_id = post("a fine one")["id"]
    service.wiring.judge = LoadingJudge(lambda: None, fail)
    judge_comments(service.wiring)
    assert [i["id"] for i in queue(service, client, not_scored="false")] == [comment_id]


def _fail_to_load() -> None:
    raise ScoringUnavailable("no such file")


def _hang() -> None:
    raise _HangError


class _HangError(BaseException):
    """Stands for a call that its time limit ends."""


@contextmanager
def _runs_out(limit_s: float, give_up: Callable[[], None]) -> Iterator[None]:
    try:
        yield
    except _HangError:
        give_up()
        raise


@pytest.mark.parametrize("loading", [_fail_to_load, _hang])
def test_a_model_that_can_never_be_loaded_leaves_all_to_moderators_in_the_end(
    service: Service,
    client: FlaskClient,
    post: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    loading: Callable[[], None],
) -> None:
    monkeypatch.setattr(judging, "time_limit", _runs_out)
    service.wiring.judge = LoadingJudge(loading, loading)
    alone = [post("alone")["id"]]  # no more to blame than one of many
    for wait_s in (5, 10, 0):
        assert queue(service, client) == []
        assert service.judge.batches == []
        with suppress(_HangError):
            judge_comments(service.wiring)
        service.clock.advance(seconds=wait_s)
    assert [i["id"] for i in queue(service, client, not_scored="true")] == alone


def test_after_loading_hung_once_all_are_scored(
    service: Service,
    client: FlaskClient,
    post: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "time_limit", _runs_out)
    comment_id = post("a fine one")["id"]
    sound, service.wiring.judge = service.wiring.judge, LoadingJudge(_hang, _hang)
    with pytest.raises(_HangError):
        judge_comments(service.wiring)
    service.wiring.judge = sound
    service.clock.advance(seconds=5)
    judge_comments(service.wiring)
    assert [i["id"] for i in queue(service, client, not_scored="false")] == [comment_id]


class HeldJudge(FakeJudge):
    """A judge in the middle of whose work a test can do something."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        self.begun.set()
        assert self.go_on.wait(10)
        return super().assess(texts)


@pytest.mark.parametrize("change", ["edit", "withdraw"])
def test_a_comment_changed_while_it_is_scored_keeps_nothing_of_the_old_result(
    service: Service,
    client: FlaskClient,
    site: SiteKit,
    post: Callable[..., dict[str, Any]],
    change: str,
) -> None:
    service.make_article(site, "story-1", policy="open")  # a stale result would publish it
    posted = post("a fine comment")
    held = HeldJudge()
    service.wiring.judge = held
    worker = threading.Thread(target=judge_batch, args=(service.wiring,))
    worker.start()
    assert held.begun.wait(10)
    path, headers = f"/api/v1/comments/{posted['id']}", site.headers(X_Receipt=posted["receipt"])
    if change == "edit":
        answer = client.patch(path, json={"body": "an awful comment"}, headers=headers)
    else:
        answer = client.delete(path, headers=headers)
    assert answer.status_code in (200, 204), answer.text
    held.go_on.set()
    worker.join(10)

    listed = {"article_id": "story-1"}
    count = client.get("/api/v1/comments", query_string=listed, headers=site.headers())
    assert count.json["count"] == 0
    assert (
        service.comment(posted["id"]).status == {"edit": "pending", "withdraw": "withdrawn"}[change]
    )
    judge_comments(service.wiring)
    if change == "edit":
        (item,) = queue(service, client)
        assert item["body"] == "an awful comment"
        assert item["scores"]["toxicity"] > 0.9
    else:
        assert queue(service, client) == []


def test_scores_that_are_no_probabilities_are_no_scores(
    service: Service, client: FlaskClient, post: Callable[..., dict[str, Any]]
) -> None:
    class BrokenJudge(FakeJudge):
        def assess(self, texts: Sequence[str]) -> list[Assessment]:
            sound = super().assess(texts)
            return [Assessment({**a.scores, "toxicity": float("nan")}, "broken/1") for a in sound]

    service.wiring.judge = BrokenJudge()
    comment_id = post("a fine comment", service.make_site(policy="open"))["id"]
    judge_comments(service.wiring)
    (item,) = queue(service, client, not_scored="true")
    assert (item["id"], item["scores"]) == (comment_id, None)


def test_a_long_backlog_gives_other_tasks_their_turn(
    service: Service, post: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MAX_BATCHES", 2)
    post("one")
    judge_comments(service.wiring)
    service.announcer.announced.clear()
    for _ in range(3):
        service.clock.advance(seconds=1)
        post("it fails")
    service.announcer.announced.clear()
    judge_comments(service.wiring)  # one batch of three, and then there is nothing due
    assert service.announcer.announced == []
    service.clock.advance(seconds=60)
    judge_comments(service.wiring)  # alone, so two of three
    assert service.announcer.announced == ["judging.judge_comments"]
