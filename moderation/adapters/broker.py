"""The broker: how Celery is configured, and the nudges the web side sends through it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import Any

import structlog
from celery import Celery
from kombu import Queue

from moderation.adapters import embedded_broker
from moderation.jobs import QUEUES
from moderation.settings import Settings

NUDGE_INTERVAL_S = 0.1
NUDGE_EXPIRES_S = 60
"""A nudge this old is worth nothing: the sweep has looked since."""

log = structlog.get_logger(__name__)


def celery_config(settings: Settings) -> dict[str, Any]:
    """Celery's configuration, the same for those who send and those who work."""
    config: dict[str, Any] = {
        "broker_url": settings.broker_url,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_routes": {name: {"queue": queue} for name, queue in QUEUES.items()},
        "task_queues": [Queue(name) for name in sorted(set(QUEUES.values()))],
        "task_serializer": "json",
        "accept_content": ["json"],
        "broker_connection_retry_on_startup": True,
        # For ever: a worker that gave up would need somebody to start it again.
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 4,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        # The rows say what is left to do; Celery's own bookkeeping is neither needed nor trusted.
        "task_acks_late": False,
        "timezone": "UTC",
    }
    if settings.embedded_broker:
        folder = settings.embedded_broker_path
        for name in ("messages", "control"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        config |= {
            "broker_url": f"{embedded_broker.SCHEME}://localhost",
            "broker_transport_options": {
                "data_folder_in": str(folder / "messages"),
                "data_folder_out": str(folder / "messages"),
                "control_folder": str(folder / "control"),
                "polling_interval": 0.1,
            },
            "worker_enable_remote_control": False,
        }
    elif settings.broker_url.startswith(("redis", "rediss")):
        config["broker_transport_options"] = {
            "visibility_timeout": 3600,
            "socket_timeout": 5,
            "socket_connect_timeout": 4,
        }
    else:
        # Quorum queues survive the loss of a node.
        quorum = {"x-queue-type": "quorum"}
        config |= {
            "task_queues": [
                Queue(name, queue_arguments=quorum) for name in sorted(set(QUEUES.values()))
            ],
            "broker_transport_options": {"confirm_publish": True},
        }
    return config


class CeleryNudger:
    """Sends nudges from a thread of its own, at most one of a kind every 100 ms.

    A request only leaves word here and goes on: a slow or missing broker delays scoring until the
    sweep, never an answer. The thread starts with the first nudge, so after any fork.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process: int | None = None

    def announce(self, task: str) -> None:
        with self._changed:
            self._waiting.add(task)
            if self._thread is None or self._process != os.getpid():
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        app = Celery("moderation", set_as_current=False)
        app.conf.update(celery_config(self._settings))
        atexit.register(app.close)
        failing = False
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                tasks, self._waiting = self._waiting, set()
            try:
                for task in tasks:
                    app.send_task(task, queue=QUEUES[task], expires=NUDGE_EXPIRES_S, retry=False)
                failing = False
            except Exception as error:
                # Whatever it is, the rows are safe and the sweep will find them.
                if not failing:
                    log.warning("broker_unreachable", error=str(error), left_to="the sweep")
                failing = True
                time.sleep(1)
            time.sleep(NUDGE_INTERVAL_S)


class SilentAnnouncer:
    """Announces nothing: for commands that leave the work to the sweep."""

    def announce(self, task: str) -> None:
        return None


def ping_broker(settings: Settings) -> None:
    """Raises OSError (or the transport's own error, a subclass of Exception) if it is down."""
    if settings.embedded_broker:
        folder = settings.embedded_broker_path / "messages"
        if not os.access(folder, os.W_OK):
            raise OSError(f"{folder} is not there or not writable")
        return
    app = Celery("moderation-ping", set_as_current=False)
    app.conf.update(celery_config(settings))
    with app, app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=3)
