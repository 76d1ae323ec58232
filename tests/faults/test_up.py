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


def test_ctrl_c_stops_all_of_it_and_the_next_start_greets_nobody_anew(make: Make) -> None:
    installation = make()
    up = installation.up()
    installation.wait_alive(up)
    assert "admin@localhost" in up.log
    password = re.search(r"One-time password +(\S+)", up.log)[1]
    signed_in = httpx.post(
        f"{installation.base_url}/api/v1/tokens",
        json={"email": "admin@localhost", "password": password, "new_password": "long enough now"},
    )
    assert signed_in.status_code == 201, signed_in.text

    assert up.stop(signal.SIGINT) < 12
    installation.assert_nothing_runs()

    again = installation.up()
    installation.wait_alive(again)
    assert "password" not in again.log
    again.stop()
    installation.assert_nothing_runs()


def test_a_second_one_on_the_same_folder_or_port_says_so(make: Make) -> None:
    first, second = make(), make()
    running = first.up()
    first.wait_alive(running)

    same_folder = first.command("up", ok=False)
    assert "is running already" in same_folder
    assert "MODERATION_VAR_DIR" in same_folder
    same_port = second.command("up", "--port", str(first.port), ok=False)
    assert f"Cannot listen on 127.0.0.1:{first.port}" in same_port
    assert "--port" in same_port
    for complaint in (same_folder, same_port):
        assert "Traceback" not in complaint

    assert first.answers("/healthz")  # and the first was not disturbed
    running.stop()


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
    again.stop()


def test_a_group_killed_while_readers_post_and_moderators_decide_loses_nothing(make: Make) -> None:
    installation = make()
    doors = installation.set_up()
    up = installation.up()
    installation.wait_alive(up)
    accepted: list[str] = []
    approved: set[str] = set()
    killed = threading.Event()

    def post(reader: int) -> None:
        for number in range(10_000):
            if not _while_it_lives(lambda n=number: accepted.append(_posted(doors, reader, n))):
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
    with installation.inside.database.read() as session:
        stored = dict(session.execute(select(Comment.id, Comment.status)).all())
        assert find_drift(session) == []
    assert set(accepted) <= set(stored)
    assert {stored[comment_id] for comment_id in approved} <= {"approved"}
    assert doors.count() == sum(status == "approved" for status in stored.values())
    assert "All counts are exact" in installation.command("counts", "check")
    again.stop()
    installation.assert_nothing_runs()


def _posted(doors: Doors, reader: int, number: int) -> str:
    return doors.posted(f"Comment {number} of reader {reader}", author=f"Reader {reader}")["id"]


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
