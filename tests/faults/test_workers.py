"""Workers that are killed, held up or poisoned: no comment is lost and none is judged twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
import servers
from sqlalchemy import select
from stacks import Installation, Program, eventually

from moderation.domain.comment import Comment
from moderation.domain.decision import DecidedBy, Decision
from moderation.domain.score import Judgement
from workers.time_limit import EXIT_CODE

Make = Callable[..., Installation]
StartWorker = Callable[..., Program]


@pytest.fixture(params=["embedded", "postgresql-redis"])
def installation(request: pytest.FixtureRequest, make: Make) -> Iterator[Installation]:
    """An installation on each pair of database and broker, with a site named by ``doors``."""
    if request.param == "embedded":
        yield make()
        return
    postgres: servers.Postgres = request.getfixturevalue("postgres_server")
    url = postgres.create_database()
    made = make(database_url=url, broker_url=request.getfixturevalue("redis_url"))
    yield made
    made.close()
    postgres.drop_database(url)


def post_all(installation: Installation, bodies: Sequence[str]) -> list[str]:
    """Post comments through the web application, in this process; their ids."""
    from moderation.web import create_app

    doors = installation.set_up()
    client = create_app(installation.inside).test_client()
    ids = []
    for number, body in enumerate(bodies):
        answer = client.post(
            "/api/v1/comments",
            headers={"X-Site-Key": doors.site_key},
            json={"article_id": "a", "body": body, "author": {"name": f"Ada {number}"}},
        )
        assert answer.status_code == 202, answer.text
        ids.append(answer.json["id"])
    return ids


def comments(installation: Installation) -> dict[str, Comment]:
    with installation.inside.database.read() as session:
        return {comment.id: comment for comment in session.scalars(select(Comment))}


def all_taken(installation: Installation) -> bool:
    return all(comment.score_attempts == 1 for comment in comments(installation).values())


def wait_until_judged(installation: Installation, *, within_s: float = 25) -> dict[str, Comment]:
    def judged() -> dict[str, Comment] | None:
        found = comments(installation)
        return found if all(c.status != "pending" for c in found.values()) else None

    return eventually(judged, "no comment is pending", within_s=within_s)


def assert_judged_once_each(installation: Installation, ids: Sequence[str]) -> None:
    """Every comment is there, with one judgement and one decision of the policy."""
    with installation.inside.database.read() as session:
        judgements = Counter(session.scalars(select(Judgement.comment_id)))
        decisions = Counter(
            session.scalars(
                select(Decision.comment_id).where(Decision.decided_by == DecidedBy.POLICY)
            )
        )
    once = dict.fromkeys(ids, 1)
    assert (dict(judgements), dict(decisions)) == (once, once)


def test_another_worker_finishes_what_a_killed_one_had_in_hand(
    installation: Installation, fake_worker: StartWorker
) -> None:
    ids = post_all(installation, [f"slow {number}" for number in range(5)])
    doomed = fake_worker(installation, slow_s=10)
    eventually(lambda: all_taken(installation), "the first worker has taken all")
    heir = fake_worker(installation)  # while it starts, the lease is still good
    doomed.kill()

    found = wait_until_judged(installation)

    assert_judged_once_each(installation, ids)
    assert {c.status for c in found.values()} == {"queued"}
    assert [found[i].score_attempts for i in ids] == [2] * len(ids)
    heir.stop()


def test_a_worker_that_wakes_up_after_its_lease_writes_nothing(
    make: Make, fake_worker: StartWorker
) -> None:
    installation = make()
    ids = post_all(installation, ["slow one", "slow two"])
    sleeper = fake_worker(installation, slow_s=1.5)
    eventually(lambda: all_taken(installation), "the first worker has taken all")
    sleeper.process.send_signal(signal.SIGSTOP)
    other = fake_worker(installation)

    wait_until_judged(installation)
    sleeper.process.send_signal(signal.SIGCONT)
    eventually(lambda: '"stale":2' in sleeper.log, "the late worker has dropped its results")

    assert_judged_once_each(installation, ids)
    for worker in (sleeper, other):
        worker.stop()


def test_a_comment_that_kills_its_workers_ends_in_the_queue_alone(
    make: Make, fake_worker: StartWorker
) -> None:
    installation = make(scoring_lease_s=1, scoring_max_attempts=2)
    poison, *others = post_all(installation, ["it kills", "one", "two", "three"])

    deaths = 0
    while comments(installation)[poison].status == "pending":
        worker = fake_worker(installation)
        worker.wait_until(
            lambda w=worker: (
                w.process.poll() is not None or comments(installation)[poison].status != "pending"
            ),
            "a death or a verdict",
        ) if worker.process.poll() is None else None
        deaths += worker.process.poll() == -signal.SIGKILL
        assert deaths <= 2, "no more workers may die of it than there are attempts"

    found = wait_until_judged(installation)
    assert deaths == 2
    assert_judged_once_each(installation, [poison, *others])
    assert (found[poison].status, found[poison].not_scored) == ("queued", True)
    for other in others:
        # Taken together with the poison once, then alone, and scored.
        assert (found[other].status, found[other].not_scored) == ("queued", False)
        assert found[other].score_attempts == 2


def test_a_model_that_hangs_hands_its_comment_to_moderators_and_the_rest_is_scored(
    make: Make, fake_worker: StartWorker
) -> None:
    installation = make(scoring_timeout_s=1, scoring_lease_s=600)  # no lease ends in this test
    hanging, *others = post_all(installation, ["it hangs", "one", "two", "three"])

    ends = []
    while comments(installation)[hanging].status == "pending" or len(ends) < 2:
        worker = fake_worker(installation)
        ends.append(worker.process.wait(40))
        assert '"event":"scoring_timed_out"' in worker.log
        assert len(ends) <= 2, "once with the others, once alone"
    worker = fake_worker(installation)  # as what supervises it would
    found = wait_until_judged(installation)

    assert ends == [EXIT_CODE, EXIT_CODE]
    assert_judged_once_each(installation, [hanging, *others])
    assert (found[hanging].status, found[hanging].not_scored) == ("queued", True)
    for other in others:
        assert (found[other].status, found[other].not_scored) == ("queued", False)
    worker.stop()


def test_a_model_that_hangs_and_gives_no_thread_a_turn_ends_in_the_queue_too(
    make: Make, fake_worker: StartWorker
) -> None:
    installation = make(scoring_timeout_s=1, scoring_lease_s=2, scoring_max_attempts=1)
    (stalling,) = post_all(installation, ["it stalls"])

    stuck = fake_worker(installation)
    assert stuck.process.wait(40) == 1
    assert "Timeout (" in stuck.log  # and where each thread was
    assert "fake_worker.py" in stuck.log
    worker = fake_worker(installation)
    found = wait_until_judged(installation)

    assert_judged_once_each(installation, [stalling])
    assert (found[stalling].status, found[stalling].not_scored) == ("queued", True)
    worker.stop()


def test_a_worker_told_to_stop_finishes_the_batch_in_hand(
    installation: Installation, fake_worker: StartWorker
) -> None:
    ids = post_all(installation, ["slow and last"])
    worker = fake_worker(installation, slow_s=2)
    eventually(lambda: all_taken(installation), "the worker has taken it")

    worker.stop()

    assert [c.status for c in comments(installation).values()] == ["queued"]
    assert_judged_once_each(installation, ids)
    installation.assert_nothing_runs()


def test_a_worker_told_to_stop_leaves_a_batch_that_takes_too_long_to_its_lease(
    make: Make, fake_worker: StartWorker
) -> None:
    installation = make(scoring_lease_s=1)
    ids = post_all(installation, ["slow without end"])
    worker = fake_worker(installation, slow_s=60, stop_within_s=2)
    eventually(lambda: all_taken(installation), "the worker has taken it")

    assert worker.stop(signal.SIGINT) >= 2
    assert "batch_abandoned" in worker.log

    fake_worker(installation)
    wait_until_judged(installation)
    assert_judged_once_each(installation, ids)


@pytest.mark.parametrize("broker", ["embedded", "redis", "amqp"])
def test_an_idle_worker_stops_at_once(
    request: pytest.FixtureRequest, make: Make, fake_worker: StartWorker, broker: str
) -> None:
    url = "" if broker == "embedded" else request.getfixturevalue(f"{broker}_url")
    # Without a schedule that wakes it up just then.
    installation = make(broker_url=url, sweep_interval_s=600)
    installation.set_up()
    worker = fake_worker(installation)
    installation.wait_alive(worker)
    worker.stop()
    assert "batch_abandoned" not in worker.log
