"""The task that scores comments: take a batch, score it, write the verdicts, until none is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from celery.worker import state

from moderation.adapters import metrics
from moderation.jobs import JUDGE_COMMENTS
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import Assessment
from moderation.services import judging, spam_context
from moderation.wiring import Wiring
from workers.time_limit import time_limit

log = structlog.get_logger(__name__)

LOAD_TIMEOUT_S = 3600
"""How long loading the models may take, a first download included."""

MAX_BATCHES = 50
"""Then other tasks get their turn, and a nudge brings this one back."""


def judge_comments(wiring: Wiring) -> None:
    """Score what is due. Safe to run twice at once and to be killed anywhere."""
    for _ in range(MAX_BATCHES):
        if state.should_stop is not None or state.should_terminate is not None:
            return
        if not judge_batch(wiring):
            return
    wiring.announcer.announce(JUDGE_COMMENTS)


def judge_batch(wiring: Wiring) -> int:
    """Take and judge one batch; the number of comments taken, 0 when none was due."""
    settings, database = wiring.settings, wiring.database
    with database.read() as session:
        if not judging.any_due(session, now=wiring.clock()):
            return 0
    not_loaded = _load(wiring)
    with database.write() as session:
        taken = judging.take_jobs(
            session,
            now=wiring.clock(),
            limit=settings.scoring_batch_size,
            lease_s=settings.scoring_lease_s,
        )
    # Whoever took them more often than allowed died with them in hand: not another time.
    worn_out = [job for job in taken if job.attempt > settings.scoring_max_attempts]
    to_score = [job for job in taken if job.attempt <= settings.scoring_max_attempts]
    if worn_out:
        _give_up(wiring, worn_out, "the workers that tried to score it ended without an answer")
    if to_score and not_loaded:
        _give_up(wiring, to_score, not_loaded)
    elif to_score:
        _score(wiring, to_score)
    return len(taken)


def _load(wiring: Wiring) -> str | None:
    """Load the models where they are not; why the judge cannot be used, None where it can.

    Apart, and with time: the first use of a model may have to download it. Before any comment is
    in hand, since none is to blame for a model that hangs here.
    """
    try:
        with time_limit(LOAD_TIMEOUT_S, lambda: _loading_timed_out(wiring)):
            wiring.judge.model_version  # noqa: B018
            with suppress(ScoringUnavailable):  # the judge has logged it, and does without
                wiring.judge.versions_by_language  # noqa: B018
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _loading_timed_out(wiring: Wiring) -> None:
    """Count a failed try for what is due, as for any failed loading; the process ends after this.

    Else comments would wait for ever for a model that hangs whenever it is loaded.
    """
    log.error(
        "loading_timed_out",
        timeout_s=LOAD_TIMEOUT_S,
        then="this process ends and is started again by what supervises it",
    )
    settings, now = wiring.settings, wiring.clock()
    for _ in range(MAX_BATCHES):
        with wiring.database.write() as session:
            taken = judging.take_jobs(
                session,
                now=now,
                limit=settings.scoring_batch_size,
                lease_s=settings.scoring_lease_s,
            )
        if not taken:
            return
        _give_up(wiring, taken, f"the models were not loaded within {LOAD_TIMEOUT_S} s")


def _score(wiring: Wiring, taken: Sequence[judging.Job]) -> None:
    timeout_s = wiring.settings.scoring_timeout_s
    try:
        started = time.monotonic()
        with time_limit(timeout_s, lambda: _time_out(wiring, taken, timeout_s)):
            assessments = wiring.judge.assess([job.body for job in taken])
        scoring_s = time.monotonic() - started
        with wiring.database.read() as session:
            prepared = judging.prepare(session, taken)
            weighed = spam_context.weigh(
                session,
                wiring.spam_signals,
                {job.comment_id: said for job, said in zip(taken, assessments, strict=True)},
                prepared.placements,
                now=wiring.clock(),
            )
    except Exception as error:
        # Whatever failed, it means the same: nobody has judged this, so a person must.
        _give_up(wiring, taken, f"{type(error).__name__}: {error}")
        return
    metrics.SCORING_SECONDS.observe(scoring_s)
    metrics.SCORING_BATCH.observe(len(taken))
    metrics.SCORING_ATTEMPTS.labels("scored").inc(len(taken))
    _record(wiring, [(job, weighed[job.comment_id]) for job in taken], prepared, scoring_s)


def _time_out(wiring: Wiring, taken: Sequence[judging.Job], timeout_s: float) -> None:
    """Give up on what is being scored; the process ends after this.

    Of a batch each comment is tried again by itself. One that was alone is the one that the model
    hangs on, or the model hangs on everything: a person decides, without another try.
    """
    log.error(
        "scoring_timed_out",
        comments=len(taken),
        timeout_s=timeout_s,
        then="this process ends and is started again by what supervises it",
    )
    attempts = 1 if len(taken) == 1 else wiring.settings.scoring_max_attempts
    _give_up(wiring, taken, f"no answer within {timeout_s:g} s", max_attempts=attempts)


def _record(
    wiring: Wiring,
    assessed: list[tuple[judging.Job, Assessment | None]],
    prepared: judging.Prepared,
    scoring_s: float,
) -> None:
    policies = wiring.policies
    with wiring.database.write() as session:
        outcomes = judging.record(
            session, policies, assessed, now=wiring.clock(), prepared=prepared
        )
    _tell([job for job, _ in assessed], outcomes)
    log.info(
        "batch_scored",
        comments=len(assessed),
        stale=outcomes.stale,
        scoring_ms=round(scoring_s * 1000, 1),
    )


def _give_up(
    wiring: Wiring, failed: Sequence[judging.Job], error: str, *, max_attempts: int | None = None
) -> None:
    metrics.SCORING_ATTEMPTS.labels("failed").inc(len(failed))
    settings = wiring.settings
    prepared, policies = _prepare_or_not(wiring, failed), wiring.policies
    with wiring.database.write() as session:
        outcomes = judging.give_up_or_retry(
            session,
            policies,
            failed,
            now=wiring.clock(),
            max_attempts=max_attempts or settings.scoring_max_attempts,
            retry_s=settings.scoring_retry_s,
            prepared=prepared,
        )
    log.error(
        "scoring_failed",
        error=error,
        comments=len(failed),
        retried=outcomes.retried,
        to_moderators=len(outcomes.judged),
    )
    _tell(failed, outcomes)


def _prepare_or_not(wiring: Wiring, failed: Sequence[judging.Job]) -> judging.Prepared:
    """This may be what fails; it must not keep comments from the moderators."""
    try:
        with wiring.database.read() as session:
            return judging.prepare(session, failed)
    except Exception as error:
        log.error(
            "preparing_failed", error=f"{type(error).__name__}: {error}", comments=len(failed)
        )
        return judging.unprepared(failed)


def _tell(taken: Sequence[judging.Job], outcomes: judging.Outcomes) -> None:
    for job in taken:
        verdict = outcomes.judged.get(job.comment_id)
        if verdict is None:
            continue
        metrics.JUDGED.labels(verdict.policy, verdict.rule, verdict.action).inc()
        log.info(
            "comment_judged",
            comment_id=job.comment_id,
            request_id=job.request_id,
            action=str(verdict.action),
            rule=verdict.rule,
            attempt=job.attempt,
        )
