"""Broker and database go away and come back: nothing is lost, and nobody has to mend anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from stacks import Doors, Installation, Program, eventually

if TYPE_CHECKING:
    from conftest import Passage, StoppablePostgres, StoppableRedis

Make = Callable[..., Installation]
StartWorker = Callable[..., Program]


def assert_unavailable(doors: Doors) -> None:
    """Each kind of request is answered with a problem that says to come back."""
    for answer in (
        doors.post("during the outage"),
        doors.public("GET", "counts", params={"article_id": "a"}),
        doors.staff("GET", "queue"),
    ):
        assert answer.status_code == 503, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["status"] == 503


def test_comments_are_taken_without_a_broker_and_scored_once_it_is_back(
    make: Make, fake_worker: StartWorker, stoppable_redis: StoppableRedis
) -> None:
    installation = make(broker_url=stoppable_redis.url)
    doors = installation.set_up()
    web, worker = installation.serve(), fake_worker(installation)
    installation.wait_alive(web, worker)
    before = doors.posted("before the outage")
    doors.queued(before["id"])

    stoppable_redis.stop()
    during = [doors.posted(f"during the outage {number}") for number in range(3)]
    eventually(lambda: "broker_unreachable" in web.log, "the web process notices")
    # However long that lasts: readiness says so, and posting goes on.
    assert installation.ask("/readyz").startswith("503")
    during.append(doors.posted("still taken"))
    assert {doors.status(posted) for posted in during} == {"pending"}

    stoppable_redis.start()
    for posted in during:
        doors.queued(posted["id"], within_s=30)
    # The same worker goes on, and is nudged again by what is posted now.
    after = doors.posted("after the outage")
    doors.queued(after["id"])
    assert [len(doors.history(p["id"])) for p in [before, *during, after]] == [1] * 6
    for program in (web, worker):
        program.stop()
    installation.assert_nothing_runs()


def test_a_worker_finds_its_way_back_to_rabbitmq(
    make: Make, fake_worker: StartWorker, rabbitmq_passage: Passage
) -> None:
    installation = make(broker_url=rabbitmq_passage.url)
    doors = installation.set_up()
    web, worker = installation.serve(), fake_worker(installation)
    installation.wait_alive(web, worker)
    doors.queued(doors.posted("before the outage")["id"])

    rabbitmq_passage.cut()
    during = doors.posted("during the outage")
    eventually(lambda: "onnection refused" in worker.log, "the worker notices")
    rabbitmq_passage.open()

    doors.queued(during["id"], within_s=30)
    doors.queued(doors.posted("after the outage")["id"])
    for program in (web, worker):
        program.stop()


def test_a_worker_started_without_a_broker_waits_for_it(
    make: Make, fake_worker: StartWorker, stoppable_redis: StoppableRedis
) -> None:
    installation = make(broker_url=stoppable_redis.url)
    doors = installation.set_up()
    stoppable_redis.stop()
    web, worker = installation.serve(), fake_worker(installation)
    installation.wait_alive(web)
    posted = doors.posted("nobody to tell")
    eventually(lambda: "Cannot connect" in worker.log, "the worker says what it waits for")
    gone_meanwhile = fake_worker(installation)
    eventually(lambda: "Cannot connect" in gone_meanwhile.log, "and so does another")
    gone_meanwhile.stop()

    stoppable_redis.start()

    doors.queued(posted["id"], within_s=30)
    worker.stop()


def test_an_outage_of_postgresql_is_told_and_survived(
    make: Make, fake_worker: StartWorker, stoppable_postgres: StoppablePostgres, redis_url: str
) -> None:
    installation = make(database_url=stoppable_postgres.url, broker_url=redis_url)
    doors = installation.set_up()
    web, worker = installation.serve(), fake_worker(installation, slow_s=1)
    installation.wait_alive(web, worker)
    before = doors.posted("before the outage")
    doors.queued(before["id"])
    in_hand = doors.posted("slow, so in hand when it happens")
    wiring = installation.inside

    def is_taken() -> bool:
        from moderation.domain.comment import Comment

        with wiring.database.read() as session:
            return session.get_one(Comment, in_hand["id"]).score_attempts == 1

    eventually(is_taken, "the worker has it in hand")

    stoppable_postgres.stop()
    assert_unavailable(doors)
    assert installation.answers("/healthz")
    assert installation.ask("/readyz").startswith("503")
    wiring.database.dispose()

    stoppable_postgres.start()
    assert doors.count() == 0
    doors.queued(in_hand["id"])
    after = doors.posted("after the outage")
    doors.queued(after["id"])
    # One decision each, and nothing of what was refused.
    assert [len(doors.history(p["id"])) for p in (before, in_hand, after)] == [1, 1, 1]
    assert len(doors.queue()) == 3
    for program in (web, worker):
        program.stop()
    installation.assert_nothing_runs()


def test_a_killed_web_process_is_replaced(make: Make) -> None:
    installation = make()
    doors = installation.set_up()
    web = installation.serve("--workers", "2")
    installation.wait_alive(web)
    doors.posted("before")
    children = installation.pids_running("serve") - {web.pid}
    assert len(children) == 2

    for pid in children:
        os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: len(installation.pids_running("serve") - {web.pid} - children) == 2,
        "both are replaced",
    )

    eventually(lambda: installation.answers("/healthz"), "the new ones answer")
    assert doors.post("after").status_code == 202
    web.stop()
    installation.assert_nothing_runs()
