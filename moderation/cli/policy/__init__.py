"""Policies: which there are and where from; thresholds that keep a promise; what another policy
would have done."""

from __future__ import annotations

import click

from moderation.cli.policy.listing import list_policies, show_policy
from moderation.cli.policy.simulating import simulate
from moderation.cli.policy.suggesting import suggest


@click.group()
def policy() -> None:
    """Show policies, and study them on what people decided."""


policy.add_command(list_policies)
policy.add_command(show_policy)
policy.add_command(suggest)
policy.add_command(simulate)

__all__ = ["policy"]
