"""Operators' commands for the judges: train, export, add, use, measure, compare, list."""

import click

from moderation.cli.models import measuring, registering, training


@click.group()
def models() -> None:
    """Train, export, measure and list the scoring models."""


for command in (
    registering.list_models,
    training.train,
    training.train_spam,
    training.export,
    measuring.evaluate,
    measuring.compare,
):
    models.add_command(command)
