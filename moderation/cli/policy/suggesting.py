"""`moderation policy suggest`: thresholds that keep a stated tolerance."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import structlog

from moderation.cli.people import as_json, find_site, wired
from moderation.cli.policy import telling
from moderation.cli.policy.gathering import Gathered, from_decisions, from_file
from moderation.cli.policy.options import Share, find_policy, labelled_file
from moderation.cli.policy.plot import Chart, draw
from moderation.cli.rescore import period
from moderation.domain.policy import Outcome, Policy, PolicyError, Preset, parse_policy
from moderation.domain.policy.certify import Aim, Among, Suggestion, trade
from moderation.domain.policy.certify import suggest as certify
from moderation.domain.policy.paths import Sample
from moderation.domain.policy.written import as_toml
from moderation.scoring.errors import ScoringUnavailable
from moderation.wiring import Wiring

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
TOLERANCES = tuple(10 ** (exponent / 12 - 3.25) for exponent in range(31))
"""From 1 in 1,800 to 1 in 5.6, equally spaced on a logarithmic scale."""


@click.command()
@labelled_file
@click.option(
    "--wrongly-rejected",
    type=Share(never=True),
    default="1/200",
    show_default=True,
    help='At most this share of good comments is rejected; "never": reject nothing by score.',
)
@click.option(
    "--wrongly-approved",
    type=Share(never=True),
    default="1/20",
    show_default=True,
    help='At most this share of harmful ones is approved; "never": approve nothing.',
)
@click.option(
    "--among",
    type=click.Choice([str(among) for among in Among]),
    default=str(Among.ALL),
    show_default=True,
    help="The share is of all good (harmful) comments, or of those decided by machine.",
)
@click.option(
    "--confidence",
    type=Share(like="95% or 0.95"),
    default="95%",
    show_default=True,
    help="Of each statement.",
)
@click.option(
    "--policy",
    "base_name",
    default="assisted",
    show_default=True,
    help="Name or file of the policy whose words, links and relation of labels are kept.",
)
@click.option(
    "--keep-copies",
    is_flag=True,
    help="Of FILE: take near copies one by one, as where the same is said of many things.",
)
@click.option("--model-version", help="Use the scores of this one; the model in use by default.")
@period
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write the policy.")
@click.option("--name", help="Of the written policy; by default that of its file.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the trade of tolerance for work, as .svg or .html.",
)
@as_json
@wired
def suggest(
    wiring: Wiring,
    file: Path | None,
    text_column: str,
    engine: str | None,
    wrongly_rejected: float | None,
    wrongly_approved: float | None,
    among: str,
    confidence: float,
    base_name: str,
    keep_copies: bool,
    model_version: str | None,
    since: datetime | None,
    until: datetime | None,
    site: str | None,
    write: Path | None,
    name: str | None,
    force: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Find the thresholds that decide most by machine and still keep a tolerance.

    From the moderators' own decisions, or from FILE: CSV or .csv.gz with `text` and `toxic` or
    `spam` in 0/1, scored by the engine in use. Good is what people approved (0 in FILE), harmful
    what they rejected (1). docs/policy.md says what the promise is worth, and what it is not.
    """
    base = find_policy(wiring, base_name)
    if base.preset is not Preset.ASSISTED:
        raise click.UsageError(f"{base.name} is {base.preset}: only assisted has such thresholds.")
    if file is not None and (since or until or site or model_version):
        raise click.UsageError("--since, --until, --site and --model-version are not for a FILE.")
    if file is None and keep_copies:
        raise click.UsageError("--keep-copies is for a FILE: a flood in the queue is one comment.")
    name = _name_for(name, write)
    _check_targets(write, plot, force=force)
    gathered = (
        _of_file(wiring, file, text_column, engine, keep_copies=keep_copies)
        if file is not None
        else _of_database(wiring, since, until, site)
    )
    version = _choose_version(wiring, gathered, model_version, from_file=file is not None)
    sample = gathered.by_model[version].sample()
    aims = {
        Outcome.REJECT: wrongly_rejected and Aim(wrongly_rejected, confidence, Among(among)),
        Outcome.APPROVE: wrongly_approved and Aim(wrongly_approved, confidence, Among(among)),
    }
    found = certify(
        sample,
        base,
        reject=aims[Outcome.REJECT] or None,
        approve=aims[Outcome.APPROVE] or None,
        name=name,
    )
    possible = found.reject.why_not is None or found.approve.why_not is None
    told = telling.suggestion(gathered, version, sample, base, found)
    if write is not None and possible:
        _write(write, found.policy, told)
    if plot is not None:
        write_whole(plot, draw(_chart(gathered, version, sample, base, found, aims), plot.suffix))
    if as_json:
        click.echo(json.dumps(_json(gathered, version, sample, found)))
    else:
        click.echo("\n".join(told))
        if write is not None and possible:
            click.echo(f"\nWrote {write}: policy {name}. It is used once it lies in the folder of")
            click.echo("policies and a site names it: moderation site set SITE --policy " + name)
    if write is not None and not possible:
        raise click.ClickException(f"There is nothing to suggest: {write} was not written.")


def _name_for(name: str | None, write: Path | None) -> str:
    if name is None:
        stem = write.stem.lower() if write else ""
        return stem if _NAME.fullmatch(stem) else "suggested"
    if not _NAME.fullmatch(name):
        raise click.UsageError("--name: lower-case letters, digits, - and _, at most 63.")
    return name


def _check_targets(write: Path | None, plot: Path | None, *, force: bool) -> None:
    """Before the work, not after it."""
    if plot is not None and plot.suffix not in (".svg", ".html"):
        raise click.UsageError("--plot draws .svg and .html; the file's name says which.")
    for path in (write, plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{path}: there is no such folder.")
    if write is not None and write.exists() and not force:
        raise click.UsageError(f"{write} is there already; --force writes over it.")


def _of_file(
    wiring: Wiring, file: Path, text_column: str, engine: str | None, *, keep_copies: bool
) -> Gathered:
    gathered = from_file(judge_for(wiring, engine), file, text_column, keep_copies=keep_copies)
    if not gathered.by_model:
        raise click.ClickException(f"{file} has no rows.")
    return gathered


def _of_database(
    wiring: Wiring, since: datetime | None, until: datetime | None, site: str | None
) -> Gathered:
    from moderation.services.policy_studies import Wanted

    with wiring.database.read() as session:
        site_id = find_site(session, site).id if site else None
    gathered = from_decisions(wiring, Wanted(until or wiring.clock(), since, site_id))
    if not gathered.by_model:
        raise click.ClickException(
            "There are no decisions of moderators on scored comments yet. "
            "A labelled file does as well: moderation policy suggest FILE"
        )
    return gathered


def judge_for(wiring: Wiring, engine: str | None) -> Any:
    """The judge in use, or that of another engine."""
    if engine is None:
        return wiring.judge
    from moderation.scoring.judge import build_judge

    settings = wiring.settings
    return build_judge(engine, threads=settings.scoring_threads, models_dir=settings.models_path)


def _choose_version(
    wiring: Wiring, gathered: Gathered, wanted: str | None, *, from_file: bool
) -> str:
    """Scores of different models do not mean the same, so those of one are used."""
    if wanted is not None:
        if wanted not in gathered.by_model:
            there = "".join(f"\n  {version}" for version in sorted(gathered.by_model))
            raise click.ClickException(f"No decided comment has scores of {wanted}, but of:{there}")
        return wanted
    most_used = gathered.most_used()
    assert most_used is not None
    if from_file:
        return most_used
    try:
        present = wiring.judge.model_version
    except ScoringUnavailable as error:
        log.warning("model_in_use_unknown", error=str(error))
        return most_used
    if present in gathered.by_model:
        return present
    click.echo(
        f"No decided comment has scores of the model in use ({present}).\n"
        f"Take these thresholds for what they are: those of {most_used}.\n"
        "To have them for the model in use: moderation rescore --compare-only --since TIME",
        err=True,
    )
    return most_used


def _write(path: Path, policy: Policy, told: list[str]) -> None:
    text = as_toml(policy, [f"{policy.name}: suggested by `moderation policy suggest`.", "", *told])
    try:
        read_back = parse_policy(tomllib.loads(text), str(path))
    except (PolicyError, tomllib.TOMLDecodeError) as error:
        raise RuntimeError(f"the policy cannot be read back: {error}") from error
    if read_back != policy:
        raise RuntimeError("the policy read back is another one")
    write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """The file is there as a whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _chart(
    gathered: Gathered,
    version: str,
    sample: Sample,
    base: Policy,
    found: Suggestion,
    aims: dict[Outcome, Any],
) -> Chart:
    asked = {action: aim for action, aim in aims.items() if aim}
    # Those asked for are among them, so that the points lie on the curves.
    tolerances = sorted({*TOLERANCES, *(aim.tolerance for aim in asked.values())})
    return Chart(
        source=f"{len(sample):,} comments: {gathered.source}",
        model_version=version,
        tolerances=tolerances,
        shares={
            action: trade(sample, base, action, aim, tolerances) for action, aim in asked.items()
        },
        found=found,
    )


def _json(gathered: Gathered, version: str, sample: Sample, found: Suggestion) -> dict[str, Any]:
    return {
        "source": gathered.source,
        "model_version": version,
        "comments": len(sample),
        "good": int((~sample.harmful).sum()),
        "harmful": int(sample.harmful.sum()),
        "left_out": {
            "near_copies": gathered.by_model[version].copies,
            "not_scored": gathered.not_scored,
            "other_models": {
                other: len(of_other)
                for other, of_other in gathered.by_model.items()
                if other != version
            },
        },
        "decided_by_policy_alone": gathered.by_policy_alone,
        "reject": _finding(found.reject),
        "approve": _finding(found.approve),
        "share_for_people": round(found.share_for_people, 6),
        "policy": found.policy.name,
        "thresholds": found.policy.threshold_table,
    }


def _finding(finding: Any) -> dict[str, Any]:
    told = asdict(finding)
    aim = told.pop("aim") or {}
    return {"possible": finding.why_not is None, **aim, **told, "bound": round(finding.bound, 8)}


__all__ = ["judge_for", "suggest", "write_whole"]
