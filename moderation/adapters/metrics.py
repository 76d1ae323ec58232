"""Prometheus metrics: what the processes count, and what the database knows.

Several processes of one machine share their numbers through the folder that
``PROMETHEUS_MULTIPROC_DIR`` names; ``share_metrics`` sets it, before this module is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters.clock import Clock
from moderation.adapters.waiting import WaitingComments
from moderation.domain.comment import Status

PROCESSES = CollectorRegistry()
"""What this process counts."""

REQUESTS = Counter(
    "moderation_requests", "Requests answered", ["method", "route", "status"], registry=PROCESSES
)
REQUEST_SECONDS = Histogram(
    "moderation_request_seconds",
    "Time to answer a request",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=PROCESSES,
)
SCORING_SECONDS = Histogram(
    "moderation_scoring_seconds",
    "Time to score a batch",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=PROCESSES,
)
SCORING_BATCH = Histogram(
    "moderation_scoring_batch_comments",
    "Comments scored in one batch",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=PROCESSES,
)
SCORING_ATTEMPTS = Counter(
    "moderation_scoring_attempts", "Attempts to score a comment", ["outcome"], registry=PROCESSES
)
JUDGED = Counter(
    "moderation_judged", "Comments judged", ["policy", "rule", "action"], registry=PROCESSES
)
DRIFT = Gauge(
    "moderation_count_drift_articles",
    "Articles whose public count was wrong at the last recount; 0 unless something is broken",
    registry=PROCESSES,
    multiprocess_mode="mostrecent",
)


class WaitingCollector:
    """Depth and age of what waits, read from the database."""

    def __init__(self, waiting: WaitingComments, clock: Clock) -> None:
        self._waiting = waiting
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily(
            "moderation_waiting_comments", "Comments that wait", labels=["status", "scored"]
        )
        age = GaugeMetricFamily(
            "moderation_oldest_waiting_seconds", "Age of the oldest that waits", labels=["status"]
        )
        up = GaugeMetricFamily("moderation_database_up", "Whether the database answered")
        try:
            counted, alive = self._waiting.count(), 1
        except SQLAlchemyError:
            counted, alive = [], 0
        now = self._clock()
        ages = {str(Status.PENDING): 0.0, str(Status.QUEUED): 0.0}
        for kind in counted:
            scored = "no" if kind.not_scored or kind.status is Status.PENDING else "yes"
            depth.add_metric([kind.status, scored], kind.number)
            ages[kind.status] = max(ages[kind.status], (now - kind.oldest).total_seconds())
        if alive:
            for status, seconds in ages.items():
                age.add_metric([status], seconds)
        up.add_metric([], alive)
        return [depth, age, up]


class Exposition:
    """The text that /metrics answers with."""

    def __init__(self, waiting: WaitingComments, clock: Clock) -> None:
        self._waiting = CollectorRegistry()
        self._waiting.register(WaitingCollector(waiting, clock))

    def text(self) -> bytes:
        """Prometheus text format 0.0.4."""
        counted = PROCESSES
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            counted = CollectorRegistry()
            MultiProcessCollector(counted)
        return generate_latest(counted) + generate_latest(self._waiting)
