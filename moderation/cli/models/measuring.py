"""Measure the models on labelled comments."""

import json
from pathlib import Path

import click

from moderation.cli.models.hard_cases import show_hard_cases
from moderation.cli.models.identity_bias import show_identity_bias
from moderation.cli.models.printing import facts_in_a_line
from moderation.errors import ModerationError
from moderation.scoring.judge import build_judge


@click.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--engine", default="compact", show_default=True, help="The toxicity engine.")
@click.option("--text-column", default="text", show_default=True)
@click.option("--rows", default=0, help="Read only the first rows.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but one JSON object.")
@click.option("--identities", is_flag=True, help="Instead of FILE: sentences that name groups.")
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
    engine: str,
    text_column: str,
    rows: int,
    as_json: bool,
    identities: bool,
    hard_cases: bool,
    threshold: float,
) -> None:
    """Measure the judge on FILE: CSV, or .csv.gz, with `text` and `toxic` or `spam` in 0/1.

    With --identities, on the program's own sentences that name groups: does a name by itself
    raise the score? With --hard-cases, on its own comments that look abusive and are not, and the
    reverse, kind by kind.
    """
    from moderation.scoring.evaluate import evaluate, read_labelled

    if (file is not None) + identities + hard_cases != 1:
        raise click.UsageError("Name one of FILE, --identities and --hard-cases.")
    try:
        if file is None:
            show = show_identity_bias if identities else show_hard_cases
            show(build_judge(engine), threshold=threshold, as_json=as_json)
            return
        labelled = read_labelled(file, text_column=text_column, rows=rows)
        report = evaluate(build_judge(engine), labelled)
    except (ValueError, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    if not as_json:
        click.echo(f"{report['model_version']} on {report['rows']} rows of {file.name}")
        for column in set(report) & {"toxic", "spam"}:
            click.echo(f"{column}: {facts_in_a_line(report[column])}")
    click.echo(json.dumps(report))
