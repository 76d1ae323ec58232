"""Running a worker process, from the settings alone."""

from __future__ import annotations

import os
import socket
import threading
import time
import warnings

import structlog
from celery import signals
from celery.exceptions import SecurityWarning
from prometheus_client import start_http_server
from prometheus_client.multiprocess import mark_process_dead

from moderation.adapters.metrics import PROCESSES
from moderation.scoring.judge import Judge
from moderation.settings import Settings
from moderation.wiring import Wiring
from workers.app import make_app
from workers.time_limit import end_hard

STOP_WITHIN_S = 10
"""How long a batch may still take when the worker is to stop."""

log = structlog.get_logger(__name__)


def run_worker(settings: Settings, judge: Judge | None = None) -> None:
    """Work until a signal says to stop; then finish the batch in hand, if it can be done soon.

    Args:
        judge: scores the comments, instead of the one the settings name.
    """
    wiring = Wiring(settings, judge=judge)
    # What cannot work is told now, not with the first comment.
    wiring.policy_files  # noqa: B018
    wiring.spam_signals  # noqa: B018
    wiring.database.ping()
    app = make_app(wiring)
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    _stop_in_time()
    end_hard()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, registry=PROCESSES)
    # Celery warns root because of pickled messages; these carry no data and are JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        hostname=f"worker-{os.getpid()}@{socket.gethostname()}",
        pool="solo",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    try:
        worker.start()
    finally:
        log.info("worker_stopped")
        mark_process_dead(os.getpid())


def _stop_in_time() -> None:
    """See to it that a stop takes no longer than STOP_WITHIN_S, whatever a model is doing.

    Celery's own limit (``worker_soft_shutdown_timeout``) waits in the signal's handler, so in the
    thread that a solo pool would finish the batch in.
    """
    stopping = threading.Event()
    signals.worker_shutting_down.connect(lambda **_: stopping.set(), weak=False)

    def leave() -> None:
        stopping.wait()
        time.sleep(STOP_WITHIN_S)
        log.warning("batch_abandoned", left_to="its lease")
        mark_process_dead(os.getpid())
        os._exit(0)

    threading.Thread(target=leave, name="stop-in-time", daemon=True).start()


def _keep_our_logging(**_: object) -> None:
    """Connected, it keeps Celery from configuring logging; `configure_logs` has done it."""
