"""Nudges: sent soon, sent together, and never at the cost of a request."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from factories import settings_for
from kombu import Connection, Queue
from processes import free_port
from stacks import eventually

from moderation.adapters.broker import CeleryNudger, celery_config, ping_broker
from moderation.jobs import JUDGE_COMMENTS, QUEUE_SCORING, QUEUE_UPKEEP, QUEUES, SWEEP


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_nudges_of_one_kind_are_sent_together(
    tmp_path: Path, redis_url: str, client: redis.Redis
) -> None:
    nudger = CeleryNudger(settings_for(tmp_path, broker_url=redis_url))
    for _ in range(2000):
        nudger.announce(JUDGE_COMMENTS)
    nudger.announce(SWEEP)
    eventually(lambda: client.llen(QUEUE_UPKEEP) == 1, "the last one is sent")
    assert 1 <= client.llen(QUEUE_SCORING) < 20


def test_every_nudge_is_followed_by_a_message(
    tmp_path: Path, redis_url: str, client: redis.Redis
) -> None:
    nudger = CeleryNudger(settings_for(tmp_path, broker_url=redis_url))
    for _ in range(3):
        nudger.announce(JUDGE_COMMENTS)
        eventually(lambda: client.lpop(QUEUE_SCORING), "a message for this very nudge")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_costs_the_caller_nothing(tmp_path: Path, scheme: str) -> None:
    settings = settings_for(tmp_path, broker_url=f"{scheme}://127.0.0.1:{free_port()}//")
    nudger = CeleryNudger(settings)
    started = time.monotonic()
    for _ in range(1000):
        nudger.announce(JUDGE_COMMENTS)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_ping_says_that_the_broker_is_down(tmp_path: Path, scheme: str) -> None:
    settings = settings_for(tmp_path, broker_url=f"{scheme}://127.0.0.1:{free_port()}//")
    with pytest.raises(Exception, match="Connection refused"):
        ping_broker(settings)


def test_a_nudger_works_in_a_child_that_was_forked_from_one_that_nudged(
    tmp_path: Path, redis_url: str, client: redis.Redis
) -> None:
    nudger = CeleryNudger(settings_for(tmp_path, broker_url=redis_url))
    nudger.announce(JUDGE_COMMENTS)
    eventually(lambda: client.lpop(QUEUE_SCORING), "the parent's message")
    child = os.fork()
    if child == 0:
        nudger.announce(SWEEP)
        time.sleep(10)
        os._exit(0)
    try:
        eventually(lambda: client.llen(QUEUE_UPKEEP) == 1, "the child's message")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_working_broker_answers_a_ping(tmp_path: Path, redis_url: str) -> None:
    ping_broker(settings_for(tmp_path, broker_url=redis_url))


def test_on_rabbitmq_both_sides_speak_of_the_same_quorum_queues(
    tmp_path: Path, amqp_url: str
) -> None:
    settings = settings_for(tmp_path, broker_url=amqp_url)
    ping_broker(settings)
    CeleryNudger(settings).announce(JUDGE_COMMENTS)  # the web side declares what it sends to
    app = Celery(set_as_current=False)
    app.conf.update(celery_config(settings))
    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(connection.default_channel)  # as the workers' side does
        assert {queue.name for queue in consumer.queues} == set(QUEUES.values())
        scoring = next(queue for queue in consumer.queues if queue.name == QUEUE_SCORING)
        message = eventually(lambda: scoring.get(no_ack=True), "the nudge is there")
        assert message.headers["task"] == JUDGE_COMMENTS
    with (
        Connection(amqp_url) as connection,
        pytest.raises(connection.channel_errors, match="x-queue-type"),
    ):
        Queue(QUEUE_SCORING).bind(connection.default_channel).declare()  # a classic one
