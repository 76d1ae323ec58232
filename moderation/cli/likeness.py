"""Operators' commands for the index of near copies."""

from __future__ import annotations

import json
from pathlib import Path

import click

from moderation.cli.people import wired
from moderation.wiring import Wiring

STEP = 100


@click.group()
def likeness() -> None:
    """Near copies: measure how well they are found; make their index anew."""


@likeness.command()
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds toxicity/train.csv.gz and spam/train.csv.gz.",
)
@click.option("--stored", default=20_000, show_default=True, help="Comments in the index.")
@click.option("--copies", default=2_000, show_default=True, help="Copies of each kind.")
@click.option("--pairs", default=1_000_000, show_default=True, help="Random pairs to compare.")
@click.option("--seed", default=1, show_default=True)
@click.option("--show", default=0, help="Print so many of the comments that joined another's.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but one JSON object.")
def evaluate(
    data_dir: Path, stored: int, copies: int, pairs: int, seed: int, show: int, as_json: bool
) -> None:
    """Look for copies made of real comments, in an index of its own.

    Recall is the share of copies that join the cluster of their original. False merges are pairs
    of different comments that are called near copies.
    """
    from moderation.cli.likeness_trial import read_comments, run_trial

    comments = read_comments(data_dir)
    report = run_trial(comments, stored=stored, copies=copies, pairs=pairs, seed=seed)
    examples = report.pop("joined_another")
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"{report['stored']} comments stored, {report['copies']} copies of each kind")
    for kind, recall in report["recall"].items():
        click.echo(f"  {kind:32} recall {recall:.4f}")
    click.echo(f"  {'all kinds':32} recall {report['recall_of_all']:.4f}")
    for name, found in report["false_merges"].items():
        click.echo(f"  {name}: {found['merged']} of {found['of']} merged ({found['share']:.4%})")
    for one, other in examples[:show]:
        click.echo(f"  {one!r}\n    joined {other!r}")


@likeness.command()
@click.confirmation_option(prompt="Forget all clusters and compare every judged comment anew?")
@wired
def rebuild(wiring: Wiring) -> None:
    """Make the index anew, as after a change of what counts as the same. The service may run.

    If this is stopped, workers compare what it has taken out so far; run it again for the rest.
    """
    from moderation.services import likeness as service

    with wiring.database.read() as session:
        forgetting = service.Forgetting.begin(session)
    more = True
    while more:
        with wiring.database.write() as session:
            more = forgetting.step(session, STEP * 10)
    with wiring.database.read() as session:
        total = service.count_unclustered(session)
    more = True
    with click.progressbar(length=total, label="Comparing comments") as bar:
        while more:
            with wiring.database.write() as session:
                done = service.cluster_some(session, STEP)
            bar.update(done)
            # None were left to this one, or a worker was faster.
            with wiring.database.read() as session:
                more = done > 0 or service.any_unclustered(session)
    click.echo(f"{total} comments are compared")
