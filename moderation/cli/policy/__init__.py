"""Studying policies: thresholds that keep a promise, and what another policy would have done."""

from __future__ import annotations

import click

from moderation.cli.policy.simulating import simulate
from moderation.cli.policy.suggesting import suggest


@click.group()
def policy() -> None:
    """Study policies on what people decided."""


policy.add_command(suggest)
policy.add_command(simulate)

__all__ = ["policy"]
