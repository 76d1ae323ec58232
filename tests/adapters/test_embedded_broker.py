"""The embedded broker: each message is taken whole, and by one taker only."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty

import pytest
from factories import settings_for
from kombu import Connection
from kombu.simple import SimpleQueue

from moderation.adapters.broker import celery_config, ping_broker
from moderation.settings import Settings

QUEUE = "moderation.scoring"

TAKER = f"""
import json, sys, time
from pathlib import Path
from queue import Empty
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from factories import settings_for
from kombu import Connection
from moderation.adapters.broker import celery_config

config = celery_config(settings_for(Path(sys.argv[1])))
options = config["broker_transport_options"]
with Connection(config["broker_url"], transport_options=options) as connection:
    queue = connection.SimpleQueue({QUEUE!r})
    print("ready", flush=True)
    while True:
        try:
            message = queue.get(timeout=1)
        except Empty:
            continue
        message.ack()
        if message.payload == "stop":
            break
        print(message.payload["number"], len(message.payload["filler"]), flush=True)
"""


def send(connection: Connection, payload: object, queue: str = QUEUE) -> None:
    """Send as Celery does: straight to the queue, without an exchange."""
    connection.Producer().publish(payload, routing_key=queue)


def take(queue: SimpleQueue) -> object:
    message = queue.get(timeout=5)
    message.ack()
    return message.payload


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def connect(settings: Settings) -> Callable[[], Connection]:
    config = celery_config(settings)
    options = config["broker_transport_options"]
    return lambda: Connection(config["broker_url"], transport_options=options)


def test_two_processes_share_what_two_threads_send(
    settings: Settings, connect: Callable[[], Connection]
) -> None:
    filler = "x" * 20_000  # large enough to be caught half-written, were that possible
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, settings.var_dir],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    for taker in takers:
        assert taker.stdout.readline() == "ready\n"

    def send_all(numbers: range) -> None:
        with connect() as connection:
            for number in numbers:
                send(connection, {"number": number, "filler": filler})

    senders = [threading.Thread(target=send_all, args=(range(n, 300, 2),)) for n in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    with connect() as connection:
        for _ in takers:
            send(connection, "stop")
    shares = []
    for taker in takers:
        output, _ = taker.communicate(timeout=30)
        assert taker.returncode == 0, output
        shares.append([tuple(map(int, line.split())) for line in output.splitlines()])

    taken = sorted(number for share in shares for number, _ in share)
    assert taken == list(range(300))
    assert {size for share in shares for _, size in share} == {len(filler)}
    assert all(shares), "both took some"
    assert list(Path(settings.embedded_broker_path, "messages").iterdir()) == []


def test_messages_come_in_the_order_they_were_sent_each_on_its_own_queue(
    connect: Callable[[], Connection],
) -> None:
    with connect() as connection:
        scoring, upkeep = connection.SimpleQueue(QUEUE), connection.SimpleQueue("moderation.upkeep")
        for number in range(3):
            send(connection, number)
        send(connection, "other", "moderation.upkeep")
        assert [take(scoring) for _ in range(3)] == [0, 1, 2]
        assert take(upkeep) == "other"


def test_a_message_is_never_seen_half_written(
    settings: Settings, connect: Callable[[], Connection]
) -> None:
    folder = settings.embedded_broker_path / "messages"
    finished = threading.Event()

    def send_all() -> None:
        with connect() as connection:
            for _ in range(100):
                send(connection, "x" * 50_000)
        finished.set()

    thread = threading.Thread(target=send_all)
    thread.start()
    seen = 0
    while not finished.is_set():
        for path in folder.glob("[0-9]*.msg"):
            json.loads(path.read_text())
            seen += 1
    thread.join()
    assert seen > 0


def test_the_folder_may_be_tidied_up_meanwhile(
    settings: Settings, connect: Callable[[], Connection]
) -> None:
    folder = settings.embedded_broker_path / "messages"
    with connect() as connection:
        queue = connection.SimpleQueue(QUEUE)
        send(connection, "gone")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        with pytest.raises(Empty):
            queue.get(timeout=0.3)
        send(connection, "here")
        assert take(queue) == "here"


def test_a_ping_says_when_the_folder_is_not_usable(settings: Settings) -> None:
    with pytest.raises(OSError, match="not there or not writable"):
        ping_broker(settings)
    celery_config(settings)
    ping_broker(settings)
