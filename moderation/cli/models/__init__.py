"""Operators' commands for the judges: train, export, add, use, measure, compare, list."""

import click

from moderation.cli.models import measuring, registering, training


@click.group()
def models() -> None:
    """Add, use, train, export, measure and compare the scoring models."""


for command in (
    registering.list_models,
    registering.add,
    registering.use,
    registering.remove,
    training.train,
    training.average,
    training.train_spam,
    training.export,
    measuring.evaluate,
    measuring.compare,
):
    models.add_command(command)
