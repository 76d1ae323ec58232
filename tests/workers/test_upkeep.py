"""The schedule's tasks, and the Celery application that they are registered with."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from factories import Service, comment_json
from sqlalchemy import update

from moderation import jobs
from moderation.adapters import metrics
from moderation.cli import cli
from moderation.domain.site import Article
from moderation.web import create_app
from workers.app import FORGET_EVERY_S, TALLY_EVERY_S, TASKS, make_app, schedule
from workers.upkeep import announce_what_was_left, check_counts

DRIFT = "moderation_count_drift_articles"


def post(service: Service) -> None:
    client = create_app(service.wiring).test_client()
    headers = service.make_site().headers()
    assert client.post("/api/v1/comments", json=comment_json(), headers=headers).status_code == 202


def test_the_sweep_nudges_for_what_is_due_and_for_nothing_else(service: Service) -> None:
    announced = service.announcer.announced
    announce_what_was_left(service.wiring)
    assert announced == []

    post(service)
    announced.clear()  # the nudge of posting is lost
    announce_what_was_left(service.wiring)
    assert announced == [jobs.JUDGE_COMMENTS]

    service.judge_all()
    announced.clear()
    announce_what_was_left(service.wiring)
    assert announced == []


def test_drift_is_counted_and_logged_and_left_as_it_is(service: Service) -> None:
    post(service)
    check_counts(service.wiring)
    assert metrics.PROCESSES.get_sample_value(DRIFT) == 0

    with service.database.write() as session:
        session.execute(update(Article).values(approved_count=7))
    with structlog.testing.capture_logs() as logs:
        check_counts(service.wiring)
    assert metrics.PROCESSES.get_sample_value(DRIFT) == 1
    (told,) = [entry for entry in logs if entry["event"] == "count_drift"]
    assert (told["stored"], told["counted"], told["article_id"]) == (7, 0, "story-1")
    assert [found.stored for found in service.drift()] == [7]

    with service.database.write() as session:
        session.execute(update(Article).values(approved_count=0))


def test_every_task_has_a_queue_and_every_queue_a_worker(service: Service) -> None:
    assert set(TASKS) == set(jobs.QUEUES)
    app = make_app(service.wiring)
    assert set(TASKS) <= set(app.tasks)
    assert {queue.name for queue in app.conf.task_queues} == set(jobs.QUEUES.values())
    for task, queue in jobs.QUEUES.items():
        assert app.amqp.router.route({}, task)["queue"].name == queue


def test_a_worker_tells_of_weights_it_cannot_use_before_it_takes_any_work(tmp_path: Path) -> None:
    environ = {
        "MODERATION_VAR_DIR": str(tmp_path),
        "MODERATION_SPAM_SIGNALS_FILE": str(tmp_path / "signals.toml"),
    }
    (tmp_path / "signals.toml").write_text("posting_window_min = 'ten'", "utf-8")
    result = CliRunner().invoke(cli, ["worker"], env=environ)
    assert result.exit_code == 1
    assert "posting_window_min: expected a number" in result.output
    assert "weights.link: missing" in result.output


def test_the_schedule_follows_the_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    service = Service(
        tmp_path_factory.mktemp("var"), sweep_interval_s=3, counts_check_interval_s=77
    )
    entries = {e["task"]: e["schedule"] for e in schedule(service.wiring.settings).values()}
    followed = {jobs.SWEEP: 3, jobs.CHECK_COUNTS: 77}
    assert entries == followed | {
        jobs.FORGET_TRACES: FORGET_EVERY_S,
        jobs.TALLY: TALLY_EVERY_S,
    }
    service.close()
