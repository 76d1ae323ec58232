"""Tasks that look after the rest: what no nudge announced, and whether the counts are right."""

from __future__ import annotations

import structlog

from moderation.adapters import metrics
from moderation.jobs import JUDGE_COMMENTS
from moderation.services import counts, judging
from moderation.wiring import Wiring

log = structlog.get_logger(__name__)


def announce_what_was_left(wiring: Wiring) -> None:
    """Nudge for comments that are due: their nudge was lost, or a lease or a wait is over."""
    with wiring.database.read() as session:
        due = judging.any_due(session, now=wiring.clock())
    if due:
        wiring.announcer.announce(JUDGE_COMMENTS)


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
