"""What `moderation models evaluate --hard-cases` prints."""

import json

import click

from moderation.cli.models.printing import progress, table
from moderation.scoring.hard_cases import hard_cases, measure
from moderation.scoring.judge import Judge

_SHOWN_MISTAKES = 15


def show_hard_cases(judge: Judge, *, threshold: float, as_json: bool) -> None:
    """Print how the judge does on each kind of hard case: tables, or one JSON object."""
    with progress(len(hard_cases())) as report:
        found = measure(judge, threshold, report=report)
    if as_json:
        body = {
            "model_version": found.model_version,
            "threshold": threshold,
            "summary": found.summary(),
            "kinds": found.rows(),
            "mistakes": found.mistake_rows(),
        }
        click.echo(json.dumps(body))
        return
    click.echo(
        f"{found.model_version} on {found.summary()['sentences']} hard cases;"
        f" above {threshold} counts as toxic"
    )
    columns = {
        "kind": "kind",
        "toxic": "toxic",
        "sentences": "sentences",
        "accuracy": "accuracy",
        "roc_auc": "AUC",
        "mean_score": "mean",
    }
    table(found.rows(), columns)
    click.echo()
    for name, value in found.summary().items():
        click.echo(f"{name.replace('_', ' ')}: {value:g}")
    if found.mistakes:
        click.echo(f"\nThe worst of {len(found.mistakes)} mistakes (--json has all):")
        mistake_columns = {"score": "score", "kind": "kind", "text": "text"}
        table(found.mistake_rows()[:_SHOWN_MISTAKES], mistake_columns)
