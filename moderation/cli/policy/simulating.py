"""`moderation policy simulate`: what another policy would have decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.cli.people import as_json, find_site, wired
from moderation.cli.policy.gathering import PAGE, open_labelled
from moderation.cli.policy.options import find_policy, labelled_file, percent
from moderation.cli.policy.suggesting import judge_for
from moderation.cli.policy.telling import DONE
from moderation.cli.progress import progress
from moderation.cli.rescore import period
from moderation.domain.policy import Outcome, Policy, decide
from moderation.domain.policy.compare import Difference, Replay, table
from moderation.wiring import Wiring

if TYPE_CHECKING:
    from moderation.services.policy_studies import Case, Wanted

WORDS = {Outcome.APPROVE: "approve", Outcome.REJECT: "reject", Outcome.QUEUE: "wait"}


@click.command()
@labelled_file
@click.option("--policy", "policy_name", required=True, help="Name or .toml file of the policy.")
@period
@click.option("--rescore", is_flag=True, help="By new scores of the model in use, not the stored.")
@click.option("--show", default=10, show_default=True, type=click.IntRange(0, 1000))
@as_json
@wired
def simulate(
    wiring: Wiring,
    file: Path | None,
    text_column: str,
    engine: str | None,
    policy_name: str,
    since: datetime | None,
    until: datetime | None,
    site: str | None,
    rescore: bool,
    show: int,
    as_json: bool,
) -> None:
    """Say what a policy would have decided, and where that differs from what was decided.

    On the comments decided since a moment (--since), with the scores they were judged by; or on
    FILE: CSV or .csv.gz with `text` and `toxic` or `spam` in 0/1, its authors taken for trusted
    readers. --show lists so many of the clearest contradictions. Nothing is changed.
    """
    policy = find_policy(wiring, policy_name)
    if (file is None) == (since is None):
        raise click.UsageError("Give either FILE or --since.")
    if file is not None and (until or site or rescore):
        raise click.UsageError("--until, --site and --rescore are not for a FILE.")
    if file is None and engine is not None and not rescore:
        raise click.UsageError("--engine goes with FILE or --rescore.")
    replay = Replay(show)
    if file is not None:
        _replay_file(wiring, file, text_column, engine, policy, replay)
    else:
        from moderation.services.policy_studies import Wanted

        with wiring.database.read() as session:
            site_id = find_site(session, site).id if site else None
        wanted = Wanted(until or wiring.clock(), since, site_id)
        _replay_decisions(wiring, wanted, policy, replay, rescore=rescore, engine=engine)
    if as_json:
        click.echo(json.dumps(_json(policy, replay)))
    else:
        _tell(policy, replay)


def _replay_file(
    wiring: Wiring,
    file: Path,
    text_column: str,
    engine: str | None,
    policy: Policy,
    replay: Replay,
) -> None:
    from moderation.services.policy_studies import context_of

    found = open_labelled(judge_for(wiring, engine), file, text_column)
    with progress("scored", found.rows) as advance:
        for number, one in enumerate(found.texts, 1):
            context = context_of(
                one.text,
                one.assessment,
                fold=policy.has_words,
                author_approved_count=policy.trusted_after,
            )
            opposite = Outcome.APPROVE if one.harmful else Outcome.REJECT
            was = "harmful" if one.harmful else "good"
            verdict = decide(policy, context)
            replay.add(f"row {number}", one.text, was, verdict, opposite=opposite)
            advance(1)


def _replay_decisions(
    wiring: Wiring,
    wanted: Wanted,
    policy: Policy,
    replay: Replay,
    *,
    rescore: bool,
    engine: str | None,
) -> None:
    from moderation.services import policy_studies, policy_trials
    from moderation.services.spam_context import reweigh

    with wiring.database.read() as session:
        total = policy_studies.count_cases(session, wanted)
    judge = judge_for(wiring, engine) if rescore else None
    with progress("replayed", total) as advance:
        for page in _pages(wiring, wanted):
            assessments = [case.assessment for case in page]
            if judge is not None:
                new = judge.assess([case.body for case in page])
                assessments = [reweigh(*pair) for pair in zip(new, assessments, strict=True)]
            for case, assessment in zip(page, assessments, strict=True):
                policy_trials.add(
                    replay, case, policy_trials.decide_again(policy, case, assessment)
                )
            advance(len(page))


def _pages(wiring: Wiring, wanted: Wanted) -> Iterator[list[Case]]:
    from moderation.services import policy_studies

    after = None
    while True:
        with wiring.database.read() as session:
            page, after = policy_studies.cases(session, wanted, after=after, limit=PAGE)
        if after is None:
            return
        yield page


def _json(policy: Policy, replay: Replay) -> dict[str, Any]:
    def shown(difference: Difference) -> dict[str, Any]:
        verdict = difference.verdict
        return {
            "id": difference.comment_id,
            "body": difference.body,
            "was": difference.was,
            "would": str(verdict.action),
            "rule": verdict.rule,
            "detail": verdict.detail,
            "scores": verdict.scores,
        }

    return {
        "policy": policy.name,
        "policy_version": policy.version,
        "comments": replay.total,
        "share_automatic": round(replay.share_automatic, 6),
        "counts": table(replay.counts),
        "rules": dict(replay.rules.most_common()),
        "model_versions": dict(replay.model_versions.most_common()),
        "differences": [
            shown(difference)
            for outcome in (Outcome.REJECT, Outcome.APPROVE)
            for difference in replay.differences(outcome)
        ],
    }


def _tell(policy: Policy, replay: Replay) -> None:
    if not replay.total:
        click.echo("There is nothing of that time or in that file.")
        return
    rejected, approved = (replay.number(o) for o in (Outcome.REJECT, Outcome.APPROVE))
    click.echo(
        f"{policy.name} {policy.version} on {replay.total:,} comments would decide "
        f"{percent(replay.share_automatic)} by machine:\n"
        f"{approved:,} approved, {rejected:,} rejected; "
        f"{replay.number(Outcome.QUEUE):,} would wait for people.\n"
    )
    rows = table(replay.counts)
    width = max(map(len, rows)) + 2
    columns = (Outcome.APPROVE, Outcome.QUEUE, Outcome.REJECT)
    click.echo(" " * width + "".join(f"{'would ' + WORDS[o]:>15}" for o in columns))
    for was, numbers in rows.items():
        click.echo(f"{was:<{width}}" + "".join(f"{numbers[o]:>15,}" for o in columns))
    click.echo("\nBy rule: " + ", ".join(f"{r} {n:,}" for r, n in replay.rules.most_common()))
    click.echo(
        "Scores of: " + ", ".join(f"{v} ({n:,})" for v, n in replay.model_versions.most_common())
    )
    for outcome in (Outcome.REJECT, Outcome.APPROVE):
        differences = replay.differences(outcome)
        if differences:
            click.echo(f"\nWould be {DONE[outcome]} against what was decided, clearest first:")
        for difference in differences:
            _tell_one(difference)


def _tell_one(difference: Difference) -> None:
    body = " ".join(difference.body.split())
    body = body if len(body) <= 120 else body[:117] + "…"
    verdict = difference.verdict
    click.echo(f"  {difference.comment_id}  {difference.was}  {verdict.rule}: {verdict.detail}")
    click.echo(f"    {body}")
