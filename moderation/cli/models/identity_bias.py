"""What `moderation models evaluate` prints for the tests that come with the program."""

import json

import click

from moderation.cli.models.printing import progress, table
from moderation.scoring.identity_bias import TOLERANCE, identity_sentences, measure
from moderation.scoring.judge import Judge


def show_identity_bias(judge: Judge, *, threshold: float, as_json: bool) -> None:
    """Print how the judge treats each name of a group: a table, or one JSON object."""
    with progress(len(identity_sentences())) as report:
        found = measure(judge, threshold, report=report)
    if as_json:
        body = {
            "model_version": found.model_version,
            "threshold": threshold,
            "summary": found.summary(),
            "terms": found.rows(),
            "frames": found.frame_rows(),
        }
        click.echo(json.dumps(body))
        return
    summary = found.summary()
    click.echo(
        f"{found.model_version} on {summary['sentences']} sentences that name"
        f" {summary['terms']} groups; above {threshold} counts as hateful"
    )
    columns = {
        "term": "group",
        "in_training": "trained",
        "harmless": "harmless",
        "false_positive_rate": "FPR",
        "mean_harmless": "mean",
        "hateful": "hateful",
        "false_negative_rate": "FNR",
        "mean_hateful": "mean",
        "subgroup_auc": "AUC",
        "bpsn_auc": "BPSN",
        "bnsp_auc": "BNSP",
        "above_mean": "too high",
    }
    table(found.rows(), columns)
    click.echo()
    frame_columns = {
        "kind": "kind of sentence",
        "hateful": "hateful",
        "sentences": "sentences",
        "rate": "wrong",
        "mean_score": "mean",
    }
    table(found.frame_rows(), frame_columns)
    click.echo()
    for name, value in summary.items():
        click.echo(f"{name.replace('_', ' ')}: {value:g}")
    if found.above_mean:
        click.echo(
            f"More than {TOLERANCE * 100:g} points above the mean: {', '.join(found.above_mean)}"
        )
