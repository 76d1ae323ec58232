"""Names of the tasks and their queues: all that the web side knows of the workers.

A task is a nudge: it carries no data. The rows of the database are the jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

JUDGE_COMMENTS = "judging.judge_comments"
SWEEP = "sweep.announce_what_was_left"
CHECK_COUNTS = "counts.check"
CLUSTER_THE_REST = "likeness.cluster_the_rest"
FORGET_TRACES = "spam.forget_traces"
TALLY = "insight.tally"

QUEUE_SCORING = "moderation.scoring"
QUEUE_UPKEEP = "moderation.upkeep"

QUEUES: dict[str, str] = {
    JUDGE_COMMENTS: QUEUE_SCORING,
    SWEEP: QUEUE_UPKEEP,
    CHECK_COUNTS: QUEUE_UPKEEP,
    CLUSTER_THE_REST: QUEUE_UPKEEP,
    FORGET_TRACES: QUEUE_UPKEEP,
    TALLY: QUEUE_UPKEEP,
}
"""Task name -> the queue it travels on. A worker serves all of them."""


class Announcer(Protocol):
    """Tells workers that there is work. Never raises and never waits: a lost nudge is only late."""

    def announce(self, task: str) -> None: ...


def announce_after_commit(session: Session, task: str) -> None:
    """Have ``task`` announced once the transaction of ``session`` is committed.

    Whoever owns the transaction (``Database.write``) does it, so that no worker is sent to look
    for rows that are not there yet, or never will be.
    """
    session.info.setdefault(ANNOUNCEMENTS, set()).add(task)


ANNOUNCEMENTS = "announcements"
"""Key in ``Session.info`` under which the tasks wait for the commit."""
