"""Scoring stored comments anew, after the model has changed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
import structlog

from moderation.cli.people import as_json, find_site, wired
from moderation.cli.progress import progress
from moderation.domain.policy import Outcome
from moderation.domain.policy.compare import Shift, table
from moderation.scoring.errors import ScoringUnavailable
from moderation.wiring import Wiring

if TYPE_CHECKING:
    from moderation.scoring.judge import Assessment, Judge
    from moderation.services.rescoring import Models, Rescored, Stored, Wanted

log = structlog.get_logger(__name__)


class Moment(click.ParamType):
    """A date or time of ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            given = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date or time like 2026-11-24 or 2026-11-24T18:00Z")
        return given if given.tzinfo else given.replace(tzinfo=UTC)


def period(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --since, --until and --site; a period that holds nothing is refused."""
    for option in (
        click.option("--site", help="Only this site (its id or key)."),
        click.option("--until", type=Moment(), metavar="TIME", help="Before this date or time."),
        click.option("--since", type=Moment(), metavar="TIME", help="From this date or time on."),
    ):
        command = option(command)

    @wraps(command)
    def checked(*words: Any, **options: Any) -> Any:
        since, until = options["since"], options["until"]
        if since is not None and until is not None and until <= since:
            raise click.UsageError("--until must be later than --since: that is no time at all.")
        return command(*words, **options)

    return checked


@dataclass
class Run:
    """What a run has done so far."""

    shift: Shift = field(default_factory=Shift)
    moved: Counter[Outcome] = field(default_factory=Counter)
    stale: int = 0
    held: int = 0
    failed: int = 0

    def add(self, done: Rescored) -> None:
        for change in done.changes:
            self.shift.add(change.before, change.after)
        self.moved.update(done.moved)
        self.stale += done.stale
        self.held += done.held


@click.command()
@period
@click.option("--all", "everything", is_flag=True, help="Also what this very model has scored.")
@click.option(
    "--compare-only",
    is_flag=True,
    help="Change no comment: write the scores beside those in force, and say how they differ.",
)
@click.option(
    "--apply-policy",
    is_flag=True,
    help="Let the policy approve and reject by the new scores. Without this everything waits on.",
)
@as_json
@wired
def rescore(
    wiring: Wiring,
    since: datetime | None,
    until: datetime | None,
    site: str | None,
    everything: bool,
    compare_only: bool,
    apply_policy: bool,
    as_json: bool,
) -> None:
    """Score waiting comments anew, those whose scores are another model's.

    They stay in the queue, in the order of their new scores. Times are those of posting. Safe
    beside workers and moderators. Stopped anywhere, the same command goes on with the rest.

    With --compare-only: any comments of a period (--since), waiting or decided.
    """
    from moderation.services.rescoring import Wanted

    if compare_only and since is None:
        raise click.UsageError("--compare-only needs --since: which period to compare.")
    if compare_only and (apply_policy or everything):
        raise click.UsageError("--compare-only goes with neither --apply-policy nor --all.")
    wiring.policies  # noqa: B018  (a mistake in a policy is told before the work, not after)
    with wiring.database.read() as session:
        site_id = find_site(session, site).id if site else None
    wanted = Wanted(since, until, site_id)
    if compare_only:
        run = _compare(wiring, wanted)
    else:
        run = _replace(wiring, wanted, everything=everything, apply_policy=apply_policy)
    model_version = wiring.judge.model_version
    if as_json:
        click.echo(json.dumps(_json(run, model_version)))
    else:
        _tell(run, model_version, compare_only=compare_only, apply_policy=apply_policy)
    if run.failed:
        sys.exit(1)


def _replace(wiring: Wiring, wanted: Wanted, *, everything: bool, apply_policy: bool) -> Run:
    from moderation.services import rescoring

    models = _models(wiring)
    which = {
        "models": None if everything else models,
        "undecided_only": not apply_policy,
    }

    def read(after: str, limit: int) -> list[Stored]:
        with wiring.database.read() as session:
            return rescoring.waiting(
                session, wanted, now=wiring.clock(), after=after, limit=limit, **which
            )

    def known(stored: Stored) -> Assessment | None:
        """Only the policy is to be asked again."""
        earlier = stored.earlier
        if earlier is None or everything:
            return None
        right = models.by_language.get(earlier.language or "", models.version)
        return earlier if earlier.model_version == right else None

    def write(assessed: Sequence[tuple[Stored, Assessment]]) -> Rescored:
        facts, policies = rescoring.prepare(stored for stored, _ in assessed), wiring.policies
        with wiring.database.write() as session:
            return rescoring.replace(
                session,
                policies,
                assessed,
                now=wiring.clock(),
                facts=facts,
                apply_policy=apply_policy,
            )

    with wiring.database.read() as session:
        total = rescoring.count_waiting(session, wanted, **which)
    return _go_through(
        wiring, "re-scored", total, read, known, write, lacks_second=models.lacks_second
    )


def _compare(wiring: Wiring, wanted: Wanted) -> Run:
    from moderation.services import rescoring

    models = _models(wiring)

    def read(after: str, limit: int) -> list[Stored]:
        with wiring.database.read() as session:
            return rescoring.of_period(session, wanted, models=models, after=after, limit=limit)

    def write(assessed: Sequence[tuple[Stored, Assessment]]) -> Rescored:
        facts, policies = rescoring.prepare(stored for stored, _ in assessed), wiring.policies
        with wiring.database.write() as session:
            return rescoring.compare(session, policies, assessed, now=wiring.clock(), facts=facts)

    with wiring.database.read() as session:
        total = rescoring.count_of_period(session, wanted, models=models)
    return _go_through(
        wiring,
        "compared",
        total,
        read,
        lambda stored: stored.compared,
        write,
        lacks_second=models.lacks_second,
    )


def _models(wiring: Wiring) -> Models:
    from moderation.services.rescoring import Models

    version = wiring.judge.model_version
    try:
        return Models(version, wiring.judge.versions_by_language)
    except ScoringUnavailable as error:
        log.warning("second_model_unknown", error=str(error))
        return Models(version, lacks_second=True)


def _go_through(
    wiring: Wiring,
    what: str,
    total: int,
    read: Callable[[str, int], list[Stored]],
    known: Callable[[Stored], Assessment | None],
    write: Callable[[Sequence[tuple[Stored, Assessment]]], Rescored],
    *,
    lacks_second: bool,
) -> Run:
    from moderation.services.spam_context import reweigh

    run, after, limit = Run(), "", wiring.settings.scoring_batch_size
    with progress(what, total) as advance:
        while page := read(after, limit):
            after, read_now = page[-1].comment_id, len(page)
            page = [stored for stored in page if not stored.held]
            run.held += read_now - len(page)
            found = {stored.comment_id: known(stored) for stored in page}
            unknown = [stored for stored in page if found[stored.comment_id] is None]
            for stored, assessment in zip(unknown, _assess(wiring.judge, unknown), strict=True):
                if lacks_second and assessment and _reads_less(assessment, stored.earlier):
                    assessment = None
                found[stored.comment_id] = assessment and reweigh(assessment, stored.earlier)
            assessed = [(stored, a) for stored in page if (a := found[stored.comment_id])]
            run.failed += len(page) - len(assessed)
            if assessed:
                run.add(write(assessed))
            advance(read_now)
    return run


def _reads_less(assessment: Assessment, earlier: Assessment | None) -> bool:
    """Whether a text that a second model has read is unsupported only for want of that model."""
    return bool(assessment.unsupported and earlier and not earlier.unsupported)


def _assess(judge: Judge, page: Sequence[Stored]) -> list[Assessment | None]:
    """What the judge says; None for a text that it fails on when asked about it alone.

    Raises:
        ScoringUnavailable: it fails on each of several.
    """
    if not page:
        return []
    try:
        return list(judge.assess([stored.body for stored in page]))
    except Exception as error:
        assessments: list[Assessment | None] = []
        for stored in page:
            try:
                assessments += judge.assess([stored.body])
            except Exception as alone:
                assessments.append(None)
                log.error("rescoring_failed", comment_id=stored.comment_id, error=str(alone))
        if len(page) > 1 and not any(assessments):
            raise ScoringUnavailable(f"Nothing can be scored: {error}") from error
        return assessments


def _json(run: Run, model_version: str) -> dict[str, Any]:
    return {
        "model_version": model_version,
        **run.shift.as_json(),
        "moved": {str(outcome): number for outcome, number in run.moved.items()},
        "stale": run.stale,
        "held": run.held,
        "failed": run.failed,
    }


def _tell(run: Run, model_version: str, *, compare_only: bool, apply_policy: bool) -> None:
    shift = run.shift
    done = "Compared" if compare_only else "Re-scored"
    click.echo(f"{done} {shift.comments:,} comments by {model_version}")
    if run.stale:
        click.echo(f"  {run.stale:,} were decided, edited or withdrawn meanwhile: left alone")
    if run.held:
        click.echo(
            f"  {run.held:,} are claimed by moderators, who decide by the scores they see: left as "
            "they were\n  for the next run"
        )
    if run.failed:
        click.echo(f"  {run.failed:,} could not be scored: left as they were")
    if not shift.comments:
        return
    if scores := shift.of_scores():
        click.echo(f"\n{'score':<16}{'mean change':>13}{'mean size':>12}{'largest':>10}")
        for label, values in scores.items():
            click.echo(
                f"{label:<16}{values['mean']:>+13.4f}{values['mean_size']:>12.4f}"
                f"{values['largest']:>10.4f}"
            )
    click.echo("\nWhat the policy in force says, with the scores of before and of now:")
    for before, columns in table(shift.verdicts).items():
        told = ", ".join(f"{number:,} {after}" for after, number in columns.items() if number)
        click.echo(f"  {before}: now {told}")
    if compare_only:
        click.echo("No comment was changed.")
    elif apply_policy:
        told = ", ".join(f"{run.moved[o]:,} to {o}" for o in (Outcome.APPROVE, Outcome.REJECT))
        click.echo(f"The policy has moved: {told}. The rest waits.")
    elif any(after is not Outcome.QUEUE for _, after in shift.verdicts):
        click.echo("All of them still wait; --apply-policy would let the policy decide.")
