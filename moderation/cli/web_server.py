"""gunicorn, configured from the settings instead of a file of its own."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from moderation.settings import Settings
from moderation.web import create_app
from moderation.wiring import Wiring

GRACEFUL_TIMEOUT_S = 10
KEEP_ALIVE_S = 15


class QuietLogger(Logger):
    """gunicorn's logger, speaking through the service's own log and only when something is off."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.WARNING)


class Server(BaseApplication):
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"{self.settings.http_host}:{self.settings.http_port}",
            "workers": self.settings.http_workers,
            "worker_class": "gthread",
            "threads": self.settings.http_threads,
            # gunicorn's heartbeat file must not wait for a disk.
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEP_ALIVE_S,
            "timeout": 60,
            "backlog": 512,
            # The longest gunicorn allows: counts of a hundred articles name each of them.
            "limit_request_line": 8190,
            "proc_name": "moderation-web",
            "accesslog": None,
            "child_exit": _forget_child,
            "post_fork": _pin if self.settings.http_pin == "on" else _leave_free,
            # Believing X-Forwarded-* is ProxyFix's business, by the setting trusted_proxies.
            "forwarded_allow_ips": "",
            # The logs go where `configure_logs` sends them.
            "logger_class": QuietLogger,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(Wiring(self.settings))


def _pin(_server: object, worker: Any) -> None:
    """Keep a process's threads on one core (Linux): by the GIL only one of them runs at a time.

    On several cores they wake each other across cores at every turn of that lock, which costs
    more than the request's own work (docs/adr/0005).
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[worker.age % len(cores)]})


def _leave_free(_server: object, _worker: object) -> None:
    """Let the scheduler move the threads as it likes."""


def _forget_child(_server: object, worker: Any) -> None:
    mark_process_dead(worker.pid)


def serve_forever(settings: Settings) -> None:
    """Serve until a signal says to stop; then finish the requests in hand."""
    Server(settings).run()
