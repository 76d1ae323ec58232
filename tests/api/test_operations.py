"""What load balancers, monitoring and people who look for a fault rely on."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import structlog
from checked_client import CheckedClient
from factories import Service, SiteKit, Token, comment_json
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from moderation import readiness
from moderation.scoring import registry

MODEL_OK = {"model": "ok"}


@pytest.fixture
def ready(custom: Any, monkeypatch: pytest.MonkeyPatch) -> CheckedClient:
    """An installation of its own in which all is well; tests break a part of it."""
    client = custom()
    from moderation.adapters.broker import celery_config

    celery_config(client.service.wiring.settings)  # makes the embedded broker's folders
    monkeypatch.setattr(readiness, "_verified", lambda folder: None)
    return client


def checks(client: CheckedClient, status: int) -> dict[str, str]:
    response = client.get("/readyz", may_fail=True)
    assert response.status_code == status, response.text
    assert response.json["status"] == ("ready" if status == 200 else "not ready")
    assert response.headers["Cache-Control"] == "no-store"
    return response.json["checks"]


def test_alive(client: CheckedClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_ready(ready: CheckedClient) -> None:
    assert checks(ready, 200) == {"database": "ok", "broker": "ok", "model": "ok"}


def test_not_ready_without_the_database(ready: CheckedClient) -> None:
    database = ready.service.database
    database.dispose()
    Path(database.url.database).unlink()
    Path(database.url.database).mkdir()
    found = checks(ready, 503)
    assert found["database"].startswith("does not answer")
    assert found["broker"] == "ok"
    assert ready.get("/healthz").status_code == 200


def test_not_ready_with_another_schema(ready: CheckedClient) -> None:
    with ready.service.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert "moderation db upgrade" in checks(ready, 503)["database"]


def test_not_ready_without_any_schema(ready: CheckedClient) -> None:
    with ready.service.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert "nothing" in checks(ready, 503)["database"]


def test_not_ready_without_the_embedded_broker(ready: CheckedClient) -> None:
    shutil.rmtree(ready.service.wiring.settings.embedded_broker_path)
    assert checks(ready, 503)["broker"].startswith("does not answer")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1//"])
def test_not_ready_without_a_broker_elsewhere(ready: CheckedClient, url: str) -> None:
    wiring = ready.service.wiring
    wiring.settings = dataclasses.replace(wiring.settings, broker_url=url)
    found = checks(ready, 503)
    assert found["broker"].startswith("does not answer")
    assert "guest" not in found["broker"]


def test_not_ready_without_the_model(
    ready: CheckedClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(registry, "COMPACT_FOLDER", tmp_path / "compact")
    told = checks(ready, 503)["model"]
    assert told.startswith("toxicity_engine: compact/manifest.json is missing")


@pytest.mark.parametrize("engine", ["unbiased", "psychic"])
def test_not_ready_without_the_registered_model_that_is_chosen(
    ready: CheckedClient, engine: str
) -> None:
    wiring = ready.service.wiring
    wiring.settings = dataclasses.replace(wiring.settings, toxicity_engine=engine)
    assert f"no model {engine}" in checks(ready, 503)["model"]


def test_not_ready_without_the_engine_that_is_chosen(
    ready: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = ready.service.wiring
    wiring.settings = dataclasses.replace(wiring.settings, toxicity_engine="detoxify:original")
    monkeypatch.setattr(readiness.importlib.util, "find_spec", lambda name: None)
    assert "detoxify" in checks(ready, 503)["model"]


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("unbiased", "multilingual_engine: there is no model unbiased"),
        ("detoxify:multilingual", "multilingual_engine: detoxify:multilingual needs the extra"),
        ("auto", "ok"),
        ("off", "ok"),
    ],
)
def test_not_ready_without_the_second_model_that_is_chosen(
    ready: CheckedClient, monkeypatch: pytest.MonkeyPatch, engine: str, told: str
) -> None:
    wiring = ready.service.wiring
    wiring.settings = dataclasses.replace(wiring.settings, multilingual_engine=engine)
    monkeypatch.setattr(readiness.importlib.util, "find_spec", lambda name: None)
    assert checks(ready, 200 if told == "ok" else 503)["model"].startswith(told)


def test_not_ready_with_a_damaged_second_model(
    ready: CheckedClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    wiring = ready.service.wiring
    folder = wiring.settings.models_path / "multilingual"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert "multilingual_engine: multilingual/manifest.json" in checks(ready, 503)["model"]


def test_comments_are_refused_in_a_sentence_while_the_database_is_away(
    ready: CheckedClient,
) -> None:
    site = ready.service.make_site()
    with ready.service.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sites RENAME TO elsewhere"))
    answer = ready.get("/api/v1/comments?article_id=a", headers=site.headers(), may_fail=True)
    assert answer.status_code == 503
    assert answer.json["type"] == "/docs/problems#unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert "elsewhere" not in answer.text


# --- Metrics ------------------------------------------------------------------------------------


def samples(client: CheckedClient) -> dict[str, float]:
    """``name{label="value",…}`` -> value, parsed as Prometheus does."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}"
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def test_the_metrics(custom: Any) -> None:
    client = custom(scoring_max_attempts=2)
    service = client.service
    site = service.make_site()
    before = samples(client)
    client.queued(site, "Waits.")
    service.clock.advance(seconds=90)
    client.post_comment(site, "This fails.")
    for _ in range(2):
        service.judge_all()
        service.clock.advance(seconds=60)
    client.post_comment(site, "Pending.")
    client.get("/api/v1/comments?article_id=a")
    service.wiring.waiting._counted_at = float("-inf")
    after = samples(client)

    def grown(key: str) -> float:
        return after[key] - before.get(key, 0)

    posts = 'method="POST",route="/api/v1/comments"'
    assert grown(f'moderation_requests_total{{{posts},status="202"}}') == 3
    assert grown(f"moderation_request_seconds_count{{{posts}}}") == 3
    refused = 'method="GET",route="/api/v1/comments",status="401"'
    assert grown(f"moderation_requests_total{{{refused}}}") == 1
    assert grown("moderation_scoring_seconds_count{}") == 1
    assert grown("moderation_scoring_batch_comments_sum{}") == 1
    assert grown('moderation_scoring_attempts_total{outcome="scored"}') == 1
    assert grown('moderation_scoring_attempts_total{outcome="failed"}') == 2
    rule = 'action="queue",policy="strict",rule="not_scored"'
    assert grown(f"moderation_judged_total{{{rule}}}") == 1
    assert after['moderation_waiting_comments{scored="yes",status="queued"}'] == 1
    assert after['moderation_waiting_comments{scored="no",status="queued"}'] == 1
    assert after['moderation_waiting_comments{scored="no",status="pending"}'] == 1
    assert after['moderation_oldest_waiting_seconds{status="queued"}'] == 210
    assert after['moderation_oldest_waiting_seconds{status="pending"}'] == 0
    assert after["moderation_count_drift_articles{}"] == 0
    assert after["moderation_database_up{}"] == 1


def test_the_metrics_name_no_path_and_no_person(client: CheckedClient, site: SiteKit) -> None:
    comment = client.post_comment(site, author={"name": "Zaphod"})
    client.get(f"/api/v1/comments/{comment['id']}", headers=site.headers())
    client.get("/some/hushed/path")
    shown = client.get("/metrics").text
    for personal in (comment["id"], "Zaphod", "hushed", site.key):
        assert personal not in shown
    assert 'route="(none)"' in shown


def test_the_metrics_say_when_the_database_is_away(ready: CheckedClient) -> None:
    with ready.service.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE comments RENAME TO elsewhere"))
    assert samples(ready)["moderation_database_up{}"] == 0


# --- Following a request ------------------------------------------------------------------------


def test_a_request_id_comes_back_and_goes_into_the_comment(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    headers = site.headers(X_Request_Id="trace-1.2_3")
    assert client.get("/healthz", headers=headers).headers["X-Request-Id"] == "trace-1.2_3"
    answer = client.post("/api/v1/comments", json=comment_json(), headers=headers)
    assert service.comment(answer.json["id"]).request_id == "trace-1.2_3"
    refused = client.post("/api/v1/comments", json=comment_json(""), headers=headers)
    assert refused.json["request_id"] == "trace-1.2_3"


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "é", "a;b", "<script>"])
def test_a_request_id_that_is_none_is_replaced(client: CheckedClient, given: str) -> None:
    answers = [client.get("/healthz", headers={"X-Request-Id": given}) for _ in range(2)]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 2
    assert given not in ids


def test_addresses_that_are_none(client: CheckedClient, token: Token) -> None:
    for method, url, status, code in (
        ("GET", "/nothing/here", 404, "unknown_page"),
        ("GET", "/api/v1/", 404, "unknown_page"),
        ("GET", "/%00", 404, "unknown_page"),
        ("GET", "/%ff%fe", 404, "unknown_page"),
        ("PUT", "/api/v1/comments", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/queue", 405, "method_not_allowed"),
    ):
        answer = client.open(url, method=method, headers=token.headers)
        assert (answer.status_code, answer.json["type"]) == (status, f"/docs/problems#{code}")
    allowed = client.put("/api/v1/comments").headers["Allow"]
    assert {"GET", "POST"} <= set(allowed.split(", "))


@pytest.mark.parametrize(
    "header",
    [
        {"Range": "bytes=9-1"},
        {"If-Modified-Since": "yesterday"},
        {"If-None-Match": 'W/"a", \x00'},
        {"If-Match": '"a"'},
        {"If-Range": "x", "Range": "bytes=1-"},
        {"Accept": "text/html"},
        {"Accept-Encoding": "x"},
        {"Cookie": "a=\x00;;="},
        {"Content-Length": "many"},
        {"X-Forwarded-For": "\x00"},
        {"Host": "a b"},
        {"Host": "[::1"},
        {"Host": "é:99999"},
    ],
    ids=str,
)
def test_headers_that_make_no_sense_are_passed_over(
    client: CheckedClient, site: SiteKit, header: dict[str, str]
) -> None:
    for url in ("/api/v1/comments?article_id=a", "/openapi.json", "/healthz", "/"):
        assert client.get(url, headers=site.headers() | header).status_code == 200


def test_the_worker_logs_the_request_a_comment_came_with(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    comment = client.post(
        "/api/v1/comments", json=comment_json(), headers=site.headers(X_Request_Id="trace-1")
    ).json
    with structlog.testing.capture_logs() as logs:
        service.judge_all()
    [judged] = [entry for entry in logs if entry["event"] == "comment_judged"]
    assert (judged["request_id"], judged["comment_id"]) == ("trace-1", comment["id"])


def test_logs_hold_nothing_personal_and_no_secret(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    reader = site.jwt(name="Zaphod", email="zaphod@galaxy.example")
    with structlog.testing.capture_logs() as logs:
        comment = client.post_comment(site, "Secret thoughts.", jwt=reader)
        client.get(
            f"/api/v1/comments/{comment['id']}", headers=site.headers(X_Receipt=comment["receipt"])
        )
        service.judge_all()
    assert {"request", "comment_judged"} <= {entry["event"] for entry in logs}
    told = str(logs)
    for secret in (comment["receipt"], reader, "Zaphod", "zaphod", "thoughts", "127.0.0.1"):
        assert secret not in told


def test_answers_are_not_sniffed_for_another_type(client: CheckedClient) -> None:
    assert client.get("/healthz").headers["X-Content-Type-Options"] == "nosniff"


def test_invented_methods_are_one_series(client: CheckedClient) -> None:
    for number in range(5):
        client.open("/healthz", method=f"INVENTED{number}")
    told = client.get("/metrics").get_data(as_text=True)
    assert "INVENTED" not in told
    assert 'method="OTHER"' in told
