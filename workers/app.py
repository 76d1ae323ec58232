"""The Celery application that `moderation worker` runs.

One process without a pool of children: scoring uses the cores through the model's own threads,
and the model is loaded once, by the process that uses it, with the first batch. More workers are
more processes, on as many machines as wanted. Each also runs the schedule, in a thread: what is
nudged twice does no harm, and no single process has to be the one that must not die.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from celery import Celery, bootsteps, signals
from celery.beat import EmbeddedService
from celery.worker import consumer

from moderation import jobs
from moderation.adapters.broker import celery_config
from moderation.settings import Settings
from moderation.wiring import Wiring
from workers.judging import judge_comments
from workers.upkeep import (
    announce_what_was_left,
    check_counts,
    cluster_the_rest,
    forget_traces,
    tally_decisions,
)

log = structlog.get_logger(__name__)

LOOK_UP_S = 1.0
FORGET_EVERY_S = 600
TALLY_EVERY_S = 300

TASKS = {
    jobs.JUDGE_COMMENTS: judge_comments,
    jobs.SWEEP: announce_what_was_left,
    jobs.CHECK_COUNTS: check_counts,
    jobs.CLUSTER_THE_REST: cluster_the_rest,
    jobs.FORGET_TRACES: forget_traces,
    jobs.TALLY: tally_decisions,
}
"""Task name -> what does it; each takes the wiring and nothing else."""


def make_app(wiring: Wiring) -> Celery:
    """A Celery application whose tasks work on ``wiring``."""
    app = Celery("moderation")
    app.conf.update(celery_config(wiring.settings))
    app.conf.update(
        worker_pool="solo",
        worker_consumer=f"{__name__}:Consumer",
        beat_schedule=schedule(wiring.settings),
        beat_scheduler="celery.beat:Scheduler",
    )
    for name, work in TASKS.items():
        _register(app, name, work, wiring)
    app.steps["worker"] |= {Schedule, LookUp}
    signals.worker_ready.connect(_start_working, weak=False)
    return app


def _register(app: Celery, name: str, work: Callable[[Wiring], None], wiring: Wiring) -> None:
    @app.task(name=name, shared=False, lazy=False)
    def task() -> None:
        work(wiring)


def schedule(settings: Settings) -> dict[str, dict[str, object]]:
    """What is nudged regularly, and how often."""
    return {
        task: {"task": task, "schedule": every_s, "options": {"expires": every_s}}
        for task, every_s in {
            jobs.SWEEP: settings.sweep_interval_s,
            jobs.CHECK_COUNTS: settings.counts_check_interval_s,
            jobs.FORGET_TRACES: FORGET_EVERY_S,
            jobs.TALLY: TALLY_EVERY_S,
        }.items()
    }


class Consumer(consumer.Consumer):
    """Celery's consumer, without its delayed delivery on RabbitMQ.

    That declares 28 queues there for tasks with an ETA; a nudge never has one.
    """

    class Blueprint(consumer.Consumer.Blueprint):
        default_steps = tuple(
            step
            for step in consumer.Consumer.Blueprint.default_steps
            if not str(step).endswith(":DelayedDelivery")
        )


class LookUp(bootsteps.StartStopStep):
    """Has an idle event loop look up every second.

    A signal to stop does not end its wait for the broker (PEP 475), only the next event does.
    """

    requires = ("celery.worker.components:Hub",)

    def include_if(self, worker) -> bool:
        return worker.use_eventloop

    def start(self, worker) -> None:
        worker.timer.call_repeatedly(LOOK_UP_S, lambda: None)


class Schedule(bootsteps.StartStopStep):
    """Celery's beat, in a thread of the worker."""

    def start(self, worker) -> None:
        self.beat = EmbeddedService(
            worker.app, thread=True, scheduler_cls=worker.app.conf.beat_scheduler
        )
        self.beat.start()

    def stop(self, worker) -> None:
        self.beat.service.stop()


def _start_working(sender, **_: object) -> None:
    log.info("worker_ready")
    # What came in while no worker ran need not wait for the first sweep.
    sender.app.send_task(jobs.JUDGE_COMMENTS, queue=jobs.QUEUES[jobs.JUDGE_COMMENTS])
