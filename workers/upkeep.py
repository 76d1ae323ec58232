"""Tasks that look after the rest: what no nudge announced, and whether the counts are right."""

from __future__ import annotations

import structlog
from celery.worker import state

from moderation.adapters import metrics
from moderation.jobs import CLUSTER_THE_REST, JUDGE_COMMENTS, TALLY
from moderation.services import counts, judging, likeness, spam_context, tallies
from moderation.wiring import Wiring

log = structlog.get_logger(__name__)

BATCH = 25
MAX_BATCHES = 40
"""Of old comments; then new ones get their turn."""
TALLIED_AT_ONCE = 1000
MAX_TALLYINGS = 10
"""In a row; then comments get their turn. Matters after an upgrade alone."""


def announce_what_was_left(wiring: Wiring) -> None:
    """Nudge for comments that are due: their nudge was lost, or a lease or a wait is over.

    And for those that were judged before there were clusters of near copies.
    """
    with wiring.database.read() as session:
        due = judging.any_due(session, now=wiring.clock())
        unclustered = likeness.any_unclustered(session)
    if due:
        wiring.announcer.announce(JUDGE_COMMENTS)
    if unclustered:
        wiring.announcer.announce(CLUSTER_THE_REST)


def cluster_the_rest(wiring: Wiring) -> None:
    """Give clusters to comments that were judged before there were any; after a while, go on."""
    for _ in range(MAX_BATCHES):
        if state.should_stop is not None or state.should_terminate is not None:
            return
        with wiring.database.write() as session:
            if not likeness.cluster_some(session, BATCH):
                return
    wiring.announcer.announce(CLUSTER_THE_REST)


def check_counts(wiring: Wiring) -> None:
    """Recount all articles; drift is reported, never silently mended: it would hide its cause."""
    with wiring.database.read() as session:
        drift = counts.find_drift(session)
    metrics.DRIFT.set(len(drift))
    for found in drift:
        log.error(
            "count_drift",
            site_id=found.site_id,
            article_id=found.article_id,
            stored=found.stored,
            counted=found.counted,
        )


def forget_traces(wiring: Wiring) -> None:
    """Delete what the spam score remembers of comments for longer than it is looked at."""
    while True:
        with wiring.database.write() as session:
            if not spam_context.forget(session, wiring.spam_signals, now=wiring.clock()):
                return


def tally_decisions(wiring: Wiring) -> None:
    """Count decisions into hourly tallies, for the desk's page of insight."""
    for _ in range(MAX_TALLYINGS):
        if state.should_stop is not None or state.should_terminate is not None:
            return
        with wiring.database.read() as session:
            counted = tallies.look(session, now=wiring.clock(), limit=TALLIED_AT_ONCE)
        if counted is None:
            return
        with wiring.database.write() as session:
            if not tallies.settle(session, counted):
                return  # another worker is at it
    wiring.announcer.announce(TALLY)
