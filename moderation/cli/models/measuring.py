"""Measure the models on labelled comments, one by itself or two beside each other."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.cli.models.hard_cases import show_hard_cases
from moderation.cli.models.identity_bias import show_identity_bias
from moderation.cli.models.printing import facts_in_a_line, progress
from moderation.errors import ModerationError
from moderation.scoring.bundle import sha256_of
from moderation.scoring.judge import Judge, build_judge
from moderation.settings import Settings, load_settings

if TYPE_CHECKING:
    from moderation.domain.policy import Policy
    from moderation.scoring.evaluate import LabelledTexts, Scored

REPORTS = "reports"
"""Folder in ``var_dir`` for reports that nobody named a place for."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _of_a_file(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that reads a labelled file."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print nothing but one JSON object."),
        click.option(
            "--report",
            "report_file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the HTML report here, not into var/reports.",
        ),
        click.option(
            "--cut-off",
            default=0.5,
            show_default=True,
            type=click.FloatRange(0, 1, min_open=True),
            help="From where on a soft label (gold_…) counts as yes.",
        ),
        click.option("--rows", default=0, help="Read only the first rows."),
        click.option("--text-column", default="text", show_default=True),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("file", required=False, type=_FILE)
@click.option("--engine", help="The toxicity engine; the one in use when left out.")
@_of_a_file
@click.option(
    "--identities",
    is_flag=True,
    help="The program's own sentences that name groups: without FILE printed, with it reported.",
)
@click.option("--hard-cases", is_flag=True, help="Instead of FILE: comments that judges misread.")
@click.option(
    "--threshold",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="With --identities and --hard-cases: a score above it is a verdict.",
)
def evaluate(
    file: Path | None,
    engine: str | None,
    text_column: str,
    rows: int,
    cut_off: float,
    report_file: Path | None,
    as_json: bool,
    identities: bool,
    hard_cases: bool,
    threshold: float,
) -> None:
    """Measure the judge on FILE, and write a report to look at.

    FILE is a CSV, or .csv.gz, with `text` and at least one label: `toxic` or `spam` in 0/1, or
    `gold_toxicity` … `gold_identity_attack`, the share of people who said so, empty where nobody
    did. A column `source` gives a table by source. The report is one HTML file without scripts or
    requests: ROC, precision and recall, calibration, thresholds, sources, groups named, and the
    worst mistakes.

    With --identities, on the program's own sentences that name groups: does a name by itself
    raise the score? With --hard-cases, on its own comments that look abusive and are not, and the
    reverse, kind by kind.
    """
    from moderation.scoring import identity_bias
    from moderation.scoring.evaluate import read_labelled, score_all, summary
    from moderation.scoring.report import evaluation_page

    if hard_cases == (file is not None or identities):
        raise click.UsageError("Name one of FILE, --identities and --hard-cases, or the first two.")
    settings = load_settings()
    engine = engine or settings.toxicity_engine
    try:
        judge = _judge(engine, settings)
        if file is None:
            show = show_identity_bias if identities else show_hard_cases
            show(judge, threshold=threshold, as_json=as_json)
            return
        labelled = read_labelled(file, text_column=text_column, rows=rows, cut_off=cut_off)
        scored = _scored(score_all, engine, judge, labelled)
        found = {"file": file.name, "sha256": sha256_of(file)} | summary(labelled, scored)
        bias = None
        if identities:
            with progress(len(identity_bias.identity_sentences())) as report:
                bias = identity_bias.measure(judge, threshold, report=report)
            found["identities"] = bias.summary()
        page = evaluation_page(
            labelled,
            scored,
            engine=engine,
            file_name=file.name,
            file_sha256=found["sha256"],
            cut_off=cut_off,
            command="moderation models evaluate",
            bias=bias,
        )
    except (ValueError, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    written = _write(page, report_file, settings, f"{engine}-{file.name}", found["sha256"])
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"{scored.model_version} on {found['rows']} rows of {file.name}")
        for column in [*labelled.labels, "identities"]:
            if column in found:
                click.echo(f"{column}: {facts_in_a_line(found[column])}")
        click.echo(f"Report: {written}")


@click.command()
@click.argument("first")
@click.argument("second")
@click.argument("file", type=_FILE)
@_of_a_file
@click.option(
    "--policy",
    "policy_name",
    default="assisted",
    show_default=True,
    help="Whose thresholds decide what agreement is.",
)
def compare(
    first: str,
    second: str,
    file: Path,
    text_column: str,
    rows: int,
    cut_off: float,
    report_file: Path | None,
    as_json: bool,
    policy_name: str,
) -> None:
    """Measure the engines FIRST and SECOND on the same FILE, and say where they differ.

    Prints the measures of both, whether the difference of their ROC AUCs may be chance (DeLong's
    95 % interval), the rank correlation of their scores, and how often a policy would decide
    alike by the scores alone. The report shows the texts that differ most as well. FILE is as for
    `moderation models evaluate`.
    """
    from moderation.scoring.compare import compare
    from moderation.scoring.evaluate import read_labelled, score_all
    from moderation.scoring.report import comparison_page

    settings = load_settings()
    policy = _policy(policy_name, settings)
    try:
        labelled = read_labelled(file, text_column=text_column, rows=rows, cut_off=cut_off)
        scored = [
            _scored(score_all, name, _judge(name, settings), labelled) for name in (first, second)
        ]
        found = compare(
            labelled,
            scored[0],
            scored[1],
            thresholds={
                label: sorted(limits.values()) for label, limits in policy.threshold_table.items()
            },
            outcomes=(_outcomes(policy, scored[0]), _outcomes(policy, scored[1])),
        )
        sha256 = sha256_of(file)
        page = comparison_page(
            labelled,
            ((first, scored[0]), (second, scored[1])),
            found,
            policy=f"{policy.name} {policy.version}",
            file_name=file.name,
            file_sha256=sha256,
            command="moderation models compare",
        )
    except (ValueError, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    written = _write(page, report_file, settings, f"{first}-{second}-{file.name}", sha256)
    if as_json:
        versions = {"first": scored[0].model_version, "second": scored[1].model_version}
        click.echo(json.dumps({"rows": len(labelled.texts), **versions, **found.as_facts()}))
    else:
        for name, one in zip((first, second), scored, strict=True):
            click.echo(f"{name}: {one.model_version}")
        for column in found.columns:
            click.echo(f"{column.column} by {first}: {facts_in_a_line(column.first)}")
            click.echo(f"{column.column} by {second}: {facts_in_a_line(column.second)}")
            if auc := column.auc:
                click.echo(
                    f"{column.column}, ROC AUC of {second} less {first}: {auc.difference:+.4f}, "
                    f"95 % interval {auc.low:+.4f} to {auc.high:+.4f} (DeLong), p {auc.p_value:.2g}"
                )
        for label in found.labels:
            click.echo(f"{label.label}: rank correlation {label.rank_correlation:.4f}")
        click.echo(
            f"{policy.name} would decide {found.outcome_agreement:.2%} alike by the scores alone"
        )
        click.echo(f"Report: {written}")


def _judge(engine: str, settings: Settings) -> Judge:
    return build_judge(engine, threads=settings.scoring_threads, models_dir=settings.models_path)


def _scored(
    score_all: Callable[..., "Scored"], name: str, judge: Judge, labelled: "LabelledTexts"
) -> "Scored":
    with progress(len(labelled.texts), name) as report:
        return score_all(judge, labelled.texts, report)


def _policy(name: str, settings: Settings) -> "Policy":
    from moderation.domain.policy import load_policies

    policies = load_policies(settings.policies_path)
    if name not in policies:
        raise click.ClickException(f"No policy {name!r}; there are {', '.join(sorted(policies))}.")
    return policies[name]


def _outcomes(policy: "Policy", scored: "Scored") -> Sequence[str]:
    """What the policy makes of each text by its scores, the author being known and trusted."""
    from moderation.domain.policy import Context, decide

    rows = zip(*scored.scores.values(), strict=True)
    return [
        str(
            decide(
                policy,
                Context(
                    "",
                    scores=dict(zip(scored.scores, row, strict=True)),
                    author_approved_count=policy.trusted_after,
                ),
            ).action
        )
        for row in rows
    ]


def _write(page: str, chosen: Path | None, settings: Settings, name: str, sha256: str) -> Path:
    """Write a report where it was wished, or into var/reports under a name that is free.

    A report is a record of one measurement: the name tells the time (UTC) and the data, and no
    earlier report is written over.
    """
    plain = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)
    stem = f"{plain.removesuffix('.gz')}-{sha256[:8]}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    folder = settings.var_path / REPORTS
    names = chain([f"{stem}.html"], (f"{stem}-{number}.html" for number in count(2)))
    try:
        path = chosen or next(p for name in names if not (p := folder / name).exists())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    return path
