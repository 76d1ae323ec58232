"""What `moderation models evaluate` prints for the tests that come with the program."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from moderation.scoring.identity_bias import TOLERANCE, identity_sentences, measure
from moderation.scoring.judge import Judge


def show_identity_bias(judge: Judge, *, threshold: float, as_json: bool) -> None:
    """Print how the judge treats each name of a group: a table, or one JSON object."""
    with _progress(len(identity_sentences())) as report:
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
    _table(found.rows(), columns)
    click.echo()
    frame_columns = {
        "kind": "kind of sentence",
        "hateful": "hateful",
        "sentences": "sentences",
        "rate": "wrong",
        "mean_score": "mean",
    }
    _table(found.frame_rows(), frame_columns)
    click.echo()
    for name, value in summary.items():
        click.echo(f"{name.replace('_', ' ')}: {value:g}")
    if found.above_mean:
        click.echo(
            f"More than {TOLERANCE * 100:g} points above the mean: {', '.join(found.above_mean)}"
        )


@contextmanager
def _progress(length: int) -> Iterator[Any]:
    """A bar on standard error; yields what takes the number done so far."""
    with click.progressbar(length=length, file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.pos)


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print ``rows`` under the headings that ``columns`` gives the keys; numbers to the right."""
    cells = [list(columns.values())]
    cells += [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [isinstance(rows[0][name], int | float) for name in columns]
    for line in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
