"""`moderation up` as a group of processes: killed in part or whole, stopped, started twice."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable

import httpx
from sqlalchemy import select
from stacks import Doors, Installation, eventually

from moderation.domain.comment import Comment
from moderation.services.counts import find_drift

Make = Callable[..., Installation]


def test_there_is_one_on_a_folder_and_on_a_port_and_ctrl_c_stops_it(make: Make) -> None:
    first, second = make(), make()
    up = first.up()
    first.wait_alive(up)
    password = re.search(r"One-time password +(\S+)", up.log)[1]
    signed_in = httpx.post(
        f"{first.base_url}/api/v1/tokens",
        json={"email": "admin@localhost", "password": password, "new_password": "long enough now"},
    )
    assert signed_in.status_code == 201, signed_in.text

    same_folder = first.command("up", ok=False)
    assert "is running already" in same_folder
    assert "MODERATION_VAR_DIR" in same_folder
    same_port = second.command("up", "--port", str(first.port), ok=False)
    assert f"Cannot listen on 127.0.0.1:{first.port}" in same_port
    assert "--port" in same_port
    assert "Traceback" not in same_folder + same_port

    assert first.answers("/healthz")  # the first was not disturbed
    assert up.stop(signal.SIGINT) < 12
    first.assert_nothing_runs()


def test_it_takes_the_settings_of_a_real_deployment(
    make: Make, postgres_url: str, redis_url: str
) -> None:
    installation = make(database_url=postgres_url, broker_url=redis_url, http_workers=2)
    up = installation.up()
    installation.wait_alive(up)
    assert "admin@localhost" in up.log
    doors = installation.add_site()
    doors.queued(doors.posted("on PostgreSQL and Redis")["id"])
    assert len(installation.pids_running("serve")) == 3
    assert not (installation.folder / "var" / "moderation.db").exists()
    assert not (installation.folder / "var" / "broker").exists()
    up.stop(signal.SIGINT)
    installation.assert_nothing_runs()
    installation.close()


def test_killed_parts_are_started_again(make: Make) -> None:
    installation = make()
    up = installation.up()
    installation.wait_alive(up)

    for part in ("worker", "serve"):
        before = installation.pids_running(part)
        assert before
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda p=part, b=before: installation.pids_running(p) - b, f"a new {part}")
        eventually(lambda p=part: f"The {p} process ended (signal SIGKILL)" in up.log, "its word")
    eventually(lambda: up.log.count("worker_ready") == 2, "the new worker works")
    eventually(lambda: installation.answers("/healthz"), "the new web process answers")

    up.stop()
    installation.assert_nothing_runs()


def test_without_its_supervisor_the_group_ends_by_itself(make: Make) -> None:
    installation = make()
    up = installation.up()
    installation.wait_alive(up)

    up.kill()
    eventually(lambda: not installation.pids(), "web and worker have stopped", within_s=14)

    again = installation.up()
    installation.wait_alive(again)
    assert "password" in up.log
    assert "password" not in again.log  # it is not a new installation
    again.stop()


def test_a_group_killed_while_readers_post_and_moderators_decide_loses_nothing(make: Make) -> None:
    installation = make()
    doors = installation.set_up()
    up = installation.up()
    installation.wait_alive(up)
    tried: list[tuple[int, int]] = []
    accepted: dict[tuple[int, int], str] = {}
    approved: set[str] = set()
    killed = threading.Event()

    def post(reader: int) -> None:
        for number in range(10_000):
            tried.append((reader, number))
            if not _while_it_lives(lambda n=number: accepted.update(_posted(doors, reader, n))):
                return

    def decide() -> None:
        while not killed.is_set():
            _while_it_lives(lambda: approved.update(_approve_all(doors)))

    threads = [threading.Thread(target=post, args=(reader,)) for reader in range(4)]
    threads.append(threading.Thread(target=decide))
    for thread in threads:
        thread.start()
    eventually(lambda: len(accepted) > 60, "readers have posted")
    for pid in [up.pid, *installation.pids()]:  # the supervisor first: it would start them anew
        os.kill(pid, signal.SIGKILL)
    killed.set()
    for thread in threads:
        thread.join(30)
    up.process.wait()
    installation.assert_nothing_runs()

    again = installation.up()
    installation.wait_alive(again)

    def waiting() -> int:
        with installation.inside.database.read() as session:
            return len(session.scalars(select(Comment.id).where(Comment.status == "pending")).all())

    eventually(lambda: waiting() == 0, "everything is judged", within_s=30)
    # Readers whose answer was lost send again, with the key they sent before.
    repeated: dict[tuple[int, int], str] = {}
    for key in tried:
        repeated |= _posted(doors, *key)
    assert accepted.items() <= repeated.items()
    eventually(lambda: waiting() == 0, "the last ones are judged")
    with installation.inside.database.read() as session:
        stored = dict(session.execute(select(Comment.id, Comment.status)).all())
        assert find_drift(session) == []
    assert set(stored) == set(repeated.values())
    assert len(stored) == len(tried)
    assert {stored[comment_id] for comment_id in approved} <= {"approved"}
    assert doors.count() == sum(status == "approved" for status in stored.values())
    assert "All counts are exact" in installation.command("counts", "check")
    again.stop()
    installation.assert_nothing_runs()


def _posted(doors: Doors, reader: int, number: int) -> dict[tuple[int, int], str]:
    """Post one comment of a reader's; reader and number -> its id."""
    posted = doors.posted(
        f"Comment {number} of reader {reader}",
        author=f"Reader {reader}",
        headers={"Idempotency-Key": f"{reader}-{number}"},
    )
    return {(reader, number): posted["id"]}


def _approve_all(doors: Doors) -> set[str]:
    """Approve what waits; ids of what the service says it approved."""
    orders = [
        {"comment_id": item["id"], "version": item["version"], "action": "approve"}
        for item in doors.queue()
    ]
    if not orders:
        return set()
    answer = doors.staff("POST", "decisions", json={"decisions": orders})
    return {result["comment_id"] for result in answer.json()["results"] if result["ok"]}


def _while_it_lives(act: Callable[[], object]) -> bool:
    """Whether the act was answered; a connection that ends is no answer."""
    try:
        act()
    except (OSError, httpx.TransportError):
        return False
    return True
